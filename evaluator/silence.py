"""Silences: for a while nobody is told of certain alerts, whose state goes on all the same."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from evaluator.incident import Incident, Severity
from evaluator.instant import WallMs


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """What is silenced (a rule, a severity or one incident), by whom, why, and for how long.

    It covers an alert that fits each of `rule`, `severity` and `incident` (an id) that is given.
    Both ends are wall times in POSIX ms; it is in force from the first up to the second.
    """

    id: str
    by: str
    starts_ms: WallMs
    ends_ms: WallMs
    reason: str | None = None
    rule: str | None = None
    severity: Severity | None = None
    incident: str | None = None

    @property
    def target(self) -> str:
        """Return what it silences, in words."""
        words = [
            *([f"every {self.severity}"] if self.severity else ()),
            *([self.rule] if self.rule else ()),
            *([f"incident {self.incident}"] if self.incident else ()),
        ]
        return " ".join(words) or "nothing"

    @property
    def words(self) -> str:
        """Return it as the reason why nobody is told."""
        why = f": {self.reason}" if self.reason else ""
        return f"silence {self.id} by {self.by}{why}"

    def covers(self, incident: Incident) -> bool:
        """Tell whether it is about this alert, at whatever time."""
        wanted = (
            (self.rule, incident.rule),
            (self.severity, incident.severity),
            (self.incident, incident.id),
        )
        given = [(asked, found) for asked, found in wanted if asked is not None]
        return bool(given) and all(asked == found for asked, found in given)


def silence_over(incident: Incident, silences: Iterable[Silence], wall_ms: int) -> Silence | None:
    """Return the silence that covers an alert at a time: of several the one that lasts longest."""
    found = [
        one for one in silences if one.starts_ms <= wall_ms < one.ends_ms and one.covers(incident)
    ]
    return max(found, key=lambda one: (one.ends_ms, one.id), default=None)


def expired(silences: Iterable[Silence], wall_ms: int) -> list[Silence]:
    """Return the silences whose time is over, in the order of their ends."""
    over = [one for one in silences if one.ends_ms <= wall_ms]
    return sorted(over, key=lambda one: (one.ends_ms, one.id))
