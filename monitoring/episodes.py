"""What became of alerts over a stretch of time: a course's transitions, gathered by incident."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from evaluator.incident import Incident, Severity, Transition
from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_entry import Notice


class Episode(msgspec.Struct, kw_only=True):
    """One incident that fired. Times in POSIX ms; `lasted_ms` by boottime, from firing to its end.

    `ended_at_ms` None: open when the data ended, up to where `lasted_ms` is counted. `ended`: why
    it ended (resolved, untold, new_day, rule_removed). `held_again`: how often it held again while
    it was counting down to its end. `from_start`: it held at the very first moment, so that it may
    have begun earlier.
    """

    rule: str
    id: str
    severity: Severity
    message: str
    active_at_ms: int
    fired_at_ms: int
    ended_at_ms: int | None = None
    ended: str | None = None
    lasted_ms: int = 0
    held_again: int = 0
    from_start: bool = False
    suppressed_by: str | None = None


class Episodes:
    """Gathers the episodes of one course. Incidents that never fired are only counted, by rule."""

    def __init__(self) -> None:
        self.all: list[Episode] = []
        self.never_fired: dict[str, int] = {}
        self.errors: dict[str, str] = {}
        self._open: dict[str, tuple[Episode, Instant]] = {}
        self._began: Instant | None = None

    def begin(self, at: Instant) -> None:
        """Note the first moment that is judged."""
        self._began = at

    def add(self, entries: Iterable[Transition | Notice]) -> None:
        """Take what one evaluation changed."""
        for entry in entries:
            if isinstance(entry, Transition):
                self._take(entry)
            elif entry.kind == "rule_error":
                self.errors.setdefault(entry.rule, entry.reason)

    def end(self, at: Instant) -> None:
        """Count what is still open up to the last moment that was judged."""
        for episode, fired_at in self._open.values():
            episode.lasted_ms = elapsed_ms(fired_at, at)

    def _take(self, change: Transition) -> None:
        incident = change.incident
        if incident.fired_at is None:
            if incident.status == "inactive":
                self.never_fired[incident.rule] = self.never_fired.get(incident.rule, 0) + 1
            return
        known = self._open.get(incident.id)
        if known is None:
            known = self._open[incident.id] = (self._new(incident), incident.fired_at)
            self.all.append(known[0])
        episode, fired_at = known
        if incident.severity == "CRITICAL":
            episode.severity = "CRITICAL"
        episode.held_again += change.notify == "held"
        if incident.status == "resolved":
            ended = incident.resolved_at or change.at
            episode.ended_at_ms = ended.wall_ms
            episode.ended = change.notify
            episode.lasted_ms = elapsed_ms(fired_at, ended)
            del self._open[incident.id]

    def _new(self, incident: Incident) -> Episode:
        fired_at = incident.fired_at or incident.active_at
        return Episode(
            rule=incident.rule,
            id=incident.id,
            severity=incident.severity,
            message=incident.message,
            active_at_ms=incident.active_at.wall_ms,
            fired_at_ms=fired_at.wall_ms,
            from_start=incident.active_at == self._began,
            suppressed_by=incident.suppressed_by,
        )
