"""What one of the operator's files said when it was sound last: kept in the state folder, for a
start while the file is faulty.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from monitoring.atomic import write_atomic
from monitoring.log import monitoring_log
from monitoring.regular import RULES_BYTES, read_regular

Said = TypeVar("Said", bound=msgspec.Struct)


def keep(path: Path, said: msgspec.Struct, what: str) -> None:
    """Keep what is in force; that it can't be kept is logged, and it is in force all the same."""
    try:
        write_atomic(path, msgspec.json.encode(said))
    except OSError as error:
        monitoring_log.error("{} in force can't be kept: {}", what, error.strerror)


def kept(path: Path, type_: type[Said]) -> Said | None:
    """Return what was kept, None when there is nothing that can be read."""
    try:
        return msgspec.json.decode(read_regular(path, RULES_BYTES), type=type_)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
