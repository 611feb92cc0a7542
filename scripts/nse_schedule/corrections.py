"""The reviewed corrections: what libraries lack, each entry with its source and certainty."""

from __future__ import annotations

from pathlib import Path

import msgspec

from monitoring.schedule import Certainty, Holiday, Hours, Special

FILE = Path(__file__).with_name("corrections.toml")


class NewHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Regular hours of one segment from a date (ISO) on."""

    segment: str
    since: str
    hours: tuple[Hours, ...]
    certainty: Certainty = "confirmed"
    provisional: bool = False
    source: str
    note: str = ""


class Corrections(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The corrections file. `begins` and `horizon` are the first and last date of the schedule."""

    begins: str
    horizon: str
    sources: dict[str, str]
    regular: tuple[NewHours, ...] = ()
    holiday: tuple[Holiday, ...] = ()
    special: tuple[Special, ...] = ()


def read_corrections(path: Path = FILE) -> Corrections:
    """Return the corrections. Raises OSError, msgspec.MsgspecError."""
    return msgspec.toml.decode(path.read_bytes(), type=Corrections)
