"""What `monitor health` found: one finding a subject, and the exit code that they add up to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["OK", "WARN", "CRIT", "UNKN", "n/a"]

EXIT_CODES: dict[Level, int] = {"OK": 0, "n/a": 0, "WARN": 1, "CRIT": 2, "UNKN": 3}
_WORSE: dict[Level, int] = {"n/a": 0, "OK": 0, "UNKN": 1, "WARN": 2, "CRIT": 3}


class Finding(msgspec.Struct, frozen=True):
    """One line of `monitor health`. `todo` is there for all that is not OK; n/a may have one."""

    level: Level
    subject: str
    what: str
    todo: str | None = None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer, as `--json` prints it."""

    engine: str
    home: str
    timestamp: str
    exit_code: int
    findings: list[Finding]


def worst(levels: Iterable[Level]) -> Level:
    """Return the level that decides: CRIT over WARN over UNKN over OK (monitoring-plugins.org)."""
    return max(levels, key=_WORSE.__getitem__, default="OK")
