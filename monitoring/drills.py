"""How the last drill of each channel ended: `data/state/drills`, written by `monitor drill`."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.instant import Instant
from monitoring.atomic import make_folder, write_atomic
from monitoring.home import Home
from monitoring.regular import read_regular

MOST_BYTES = 65_536


class Drilled(msgspec.Struct, frozen=True):
    """When a channel was last drilled, and why it did not confirm; "": it did."""

    at: Instant
    reason: str = ""


def note_drills(home: Home, drilled: Mapping[str, Drilled]) -> None:
    """Note how a drill ended on its channels; what is known of others stays. Raises OSError."""
    make_folder(home.state)
    # no .json: those are of processes, and a drill does not say that they ever ran
    write_atomic(home.state / "drills", msgspec.json.encode({**read_drills(home), **drilled}))


def read_drills(home: Home) -> dict[str, Drilled]:
    """Return by channel how its last drill ended; none is known where none can be understood."""
    try:
        data = read_regular(home.state / "drills", MOST_BYTES)
        return msgspec.json.decode(data, type=dict[str, Drilled])
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
