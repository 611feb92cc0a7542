"""The life of an alert: what verdicts make of the open incidents. Pure; the clock is an argument.

    (none) ─ true ─► pending ─ held for `for` ─► firing ─ clear for `keep_firing_for` ─► resolved
                        └─ false ─► inactive

Every change of an incident is a transition, the start, pause and end of a countdown too: who
has the transitions can go on from them to the millisecond. A countdown is paused when the data
that it waits for is missing; `held` is running exactly while the rule can be judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

import msgspec

from evaluator.durations import in_words
from evaluator.ending import lasted, onset_ms, well_again
from evaluator.incident import Ack, Countdown, Incident, States, Transition
from evaluator.incident_id import incident_id
from evaluator.instant import Instant, Sessions, elapsed_ms, session_elapsed_ms
from evaluator.rules import Clock
from evaluator.verdict import Verdict

_OPEN = ("pending", "firing")


def step(
    states: States,
    verdicts: Sequence[Verdict],
    at: Instant,
    sessions: Sessions,
    engine: str,
) -> tuple[States, list[Transition]]:
    """Return the open incidents after the verdicts of one instant, and what changed.

    An incident whose rule is not among the verdicts is closed: the rule was removed or disabled.
    """
    after: States = {}
    transitions: list[Transition] = []
    judged: set[str] = set()
    now = _Now(at, sessions, engine)
    for verdict in verdicts:
        name = verdict.rule.name
        judged.add(name)
        incident = states.get(name)
        if incident is None and verdict.truth == "false":
            continue
        change = _Turn(verdict, now).of(incident)
        if isinstance(change, Transition):
            transitions.append(change)
            change = change.incident
        if change is not None and change.status in _OPEN:
            after[name] = change
    for name, incident in states.items():
        if name not in judged:
            why = "the rule was removed or disabled"
            transitions.append(_closed(incident, at, why, "rule_removed"))
    return after, transitions


def acknowledge(incident: Incident, ack: Ack, at: Instant) -> Transition:
    """Return the incident taken by somebody. Raises ValueError when it is not open."""
    if incident.status not in _OPEN:
        raise ValueError(f"{incident.rule} is {incident.status} and can't be acknowledged")
    said = "" if ack.reason is None else f": {ack.reason}"
    return _told(incident, at, "acknowledged", f"acknowledged by {ack.by}{said}", ack=ack)


def unacknowledge(incident: Incident, at: Instant) -> Transition:
    """Return the incident given back, also when nobody had taken it. Raises ValueError when it
    is not open.
    """
    if incident.status not in _OPEN:
        raise ValueError(f"{incident.rule} is {incident.status}, nothing is left to give back")
    by = "nobody" if incident.ack is None else incident.ack.by
    reason = f"acknowledgement of {by} withdrawn"
    return _told(incident, at, "unacknowledged", reason, ack=None)


class _Now:
    """The instant of a step, and what the calendar says of it."""

    def __init__(self, at: Instant, sessions: Sessions, engine: str) -> None:
        self.at = at
        self.sessions = sessions
        self.engine = engine
        self.day = sessions.trading_day(at.wall_ms)
        self.open = {clock: sessions.is_open(at.wall_ms, clock) for clock in get_args(Clock)}


class _Turn:
    """One verdict at one instant."""

    def __init__(self, verdict: Verdict, now: _Now) -> None:
        self.verdict = verdict
        self.rule = verdict.rule
        self.now = now
        self.at = now.at

    def of(self, incident: Incident | None) -> Transition | Incident | None:
        """Return what becomes of the rule's incident: a transition, or the same as before."""
        day = self.now.day
        if incident is not None and self.rule.day and incident.day != day:
            return _closed(incident, self.at, f"{day} is a new trading day", "new_day")
        if not self.now.open[self.rule.clock]:
            return incident
        if incident is None:
            return self._begun() if self._counts_as() == "true" else None
        ack = incident.ack
        if ack is not None and ack.until_ms is not None and self.at.wall_ms >= ack.until_ms:
            expired = self._next(msgspec.structs.replace(incident, ack=None))
            if isinstance(expired, Transition):
                return expired
            return _told(expired, self.at, "changed", f"acknowledgement of {ack.by} has expired")
        return self._next(incident)

    def _counts_as(self) -> str:
        """Return true, false, or hold: the state and its countdowns stand still."""
        truth = self.verdict.truth
        if truth in ("true", "false"):
            return truth
        if truth == "error" or (self.verdict.never_seen and self.rule.seen):
            return "hold"
        return {"alert": "true", "ok": "false", "keep": "hold"}[self.rule.no_data]

    def _next(self, incident: Incident) -> Transition | Incident:
        counts_as = self._counts_as()
        if counts_as == "hold":
            return self._held(incident)
        if counts_as == "true":
            return self._true(incident)
        return self._false(incident)

    def _begun(self) -> Transition:
        verdict, rule, at = self.verdict, self.rule, self.at
        begun = Incident(
            id=incident_id(self.now.engine, rule.name, at),
            rule=rule.name,
            status="pending",
            severity=verdict.severity,
            message=verdict.message,
            reason="",
            context=verdict.context,
            day=self.now.day,
            active_at=at,
            onset_ms=onset_ms(verdict),
            held=Countdown(0, at),
        )
        if rule.for_seconds == 0:
            return self._fired(begun, 0)
        reason = f"fires when it has held for {in_words(rule.for_seconds)}"
        return _told(begun, at, "pending", reason)

    def _true(self, incident: Incident) -> Transition | Incident:
        fresh = self._running(incident)
        verdict = self.verdict
        if incident.status == "pending":
            held_ms = self._elapsed_ms(incident.held)
            if held_ms >= self.rule.for_seconds * 1000:
                return self._fired(fresh, held_ms)
            return self._resumed(incident, fresh)
        fresh = msgspec.structs.replace(fresh, clear=None)
        if verdict.severity != incident.severity:
            reason = f"{incident.severity} became {verdict.severity}"
            return self._renewed(fresh, "changed", reason)
        if incident.blind and verdict.truth == "true":
            # Whoever was told that nothing is known has yet to hear what it is.
            return self._renewed(fresh, "changed", "data came, and the condition holds")
        if incident.clear is not None:
            return self._renewed(fresh, "held", "the condition holds again")
        return self._resumed(incident, fresh)

    def _false(self, incident: Incident) -> Transition | Incident:
        if incident.status == "pending":
            after = in_words(self._elapsed_ms(incident.held) / 1000)
            return _closed(incident, self.at, f"cleared after {after}", "inactive")
        fresh = self._running(incident)
        keep_seconds = self.rule.keep_firing_for_seconds
        clear_ms = 0 if incident.clear is None else self._elapsed_ms(incident.clear)
        if clear_ms >= keep_seconds * 1000:
            return self._recovered(fresh)
        if incident.clear is None:
            reason = f"clear; resolves when it stays so for {in_words(keep_seconds)}"
            return self._renewed_clear(fresh, Countdown(0, self.at), reason)
        if incident.clear.since is None:
            left = in_words(keep_seconds - clear_ms / 1000)
            resumed = Countdown(clear_ms, self.at)
            return self._renewed_clear(fresh, resumed, f"data again; resolves in {left}")
        return incident

    def _held(self, incident: Incident) -> Transition | Incident:
        """Stop the countdowns, and say once why."""
        error = self.verdict.why if self.verdict.truth == "error" else None
        if incident.held.since is None and error == incident.error:
            return incident
        paused = msgspec.structs.replace(
            incident,
            held=self._paused(incident.held),
            clear=None if incident.clear is None else self._paused(incident.clear),
            error=error,
        )
        if error is not None:
            return _told(paused, self.at, "error", f"the rule is in error: {error}")
        return _told(paused, self.at, "no_data", f"stays {incident.status}: {self.verdict.why}")

    def _running(self, incident: Incident) -> Incident:
        """Return the incident with its data there."""
        if incident.held.since is not None:
            return incident
        held = Countdown(incident.held.banked_ms, self.at)
        return msgspec.structs.replace(incident, held=held, error=None)

    def _resumed(self, before: Incident, fresh: Incident) -> Transition | Incident:
        if before.held.since is not None:
            return before
        return self._renewed(fresh, "data_back", "it can be judged again")

    def _fired(self, incident: Incident, held_ms: int) -> Transition:
        fired = msgspec.structs.replace(incident, status="firing", fired_at=self.at)
        return self._renewed(fired, "new", f"condition held for {in_words(held_ms / 1000)}")

    def _recovered(self, incident: Incident) -> Transition:
        context = self.verdict.context
        recovered = msgspec.structs.replace(
            incident,
            status="resolved",
            resolved_at=self.at,
            clear=None,
            context=context,
            message=f"Over after {lasted(incident, self.at)}: {well_again(self.verdict)}",
        )
        clear = in_words(self.rule.keep_firing_for_seconds)
        why = self.verdict.why or f"condition clear for {clear}"
        fired = in_words(elapsed_ms(incident.fired_at or incident.active_at, self.at) / 1000)
        return _told(recovered, self.at, "resolved", f"{why}, after firing for {fired}")

    def _renewed(self, incident: Incident, notify: str, reason: str) -> Transition:
        verdict = self.verdict
        return _told(
            incident,
            self.at,
            notify,
            reason,
            severity=verdict.severity,
            message=verdict.message,
            context=verdict.context,
            blind=verdict.truth == "unknown",
        )

    def _renewed_clear(self, incident: Incident, clear: Countdown, reason: str) -> Transition:
        return _told(
            incident, self.at, "clearing", reason, clear=clear, context=self.verdict.context
        )

    def _elapsed_ms(self, countdown: Countdown) -> int:
        if countdown.since is None:
            return countdown.banked_ms
        clock = self.rule.clock
        return countdown.banked_ms + session_elapsed_ms(
            countdown.since, self.at, clock, self.now.sessions
        )

    def _paused(self, countdown: Countdown) -> Countdown:
        return Countdown(self._elapsed_ms(countdown), None)


def _told(
    incident: Incident, at: Instant, notify: str, reason: str, **changes: object
) -> Transition:
    return Transition(msgspec.structs.replace(incident, reason=reason, **changes), at, notify)


def _closed(incident: Incident, at: Instant, reason: str, notify: str) -> Transition:
    """Return an incident that ends without a recovery."""
    ended: dict[str, object] = {"resolved_at": at, "clear": None}
    if incident.status == "pending":
        return _told(incident, at, notify, reason, status="inactive", **ended)
    message = f"Ended after {lasted(incident, at)}, not recovered: {reason}"
    return _told(incident, at, notify, reason, status="resolved", message=message, **ended)
