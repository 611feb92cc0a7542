"""When a drill last reached every channel: `data/state/last_drill`."""

from __future__ import annotations

import msgspec

from evaluator.instant import Instant
from monitoring.atomic import make_folder, write_atomic
from monitoring.home import Home
from monitoring.regular import read_regular

MOST_BYTES = 65_536


class LastDrill(msgspec.Struct, frozen=True):
    """A drill that ended well: when, with which rule, and the channels that confirmed it."""

    at: Instant
    rule: str
    channels: tuple[str, ...]


def write_last_drill(home: Home, drill: LastDrill) -> None:
    """Replace the record. Raises OSError."""
    make_folder(home.state)
    # no .json: those are of processes, and a drill does not say that they ever ran
    write_atomic(home.state / "last_drill", msgspec.json.encode(drill))


def read_last_drill(home: Home) -> LastDrill | None:
    """Return the record, None when there is none that can be understood."""
    try:
        data = read_regular(home.state / "last_drill", MOST_BYTES)
        return msgspec.json.decode(data, type=LastDrill)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
