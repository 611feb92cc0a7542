"""What one verdict makes of its rule's incident. Nobody is told anything here.

Every change of an incident is an event, the start, pause and end of a countdown too. A countdown
is paused when the data that it waits for is missing; `held` is running exactly while the rule can
be judged.
"""

from __future__ import annotations

from typing import get_args

import msgspec

from evaluator.durations import in_words
from evaluator.ending import lasted, onset_ms, well_again
from evaluator.flapping import SPAN_SECONDS, TIMES, refired
from evaluator.incident import Countdown, Incident
from evaluator.incident_id import incident_id
from evaluator.instant import Instant, Sessions, elapsed_ms, session_elapsed_ms
from evaluator.rules import Clock, Rule
from evaluator.verdict import Verdict


class Now:
    """The instant of a step, and what the calendar says of it."""

    def __init__(self, at: Instant, sessions: Sessions, engine: str) -> None:
        self.at = at
        self.sessions = sessions
        self.engine = engine
        self.day = sessions.trading_day(at.wall_ms)
        self.open = {clock: sessions.is_open(at.wall_ms, clock) for clock in get_args(Clock)}


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A rule's incident before and after one verdict.

    `event` is what happened ("": nothing but perhaps the severity), `reason` says it in words;
    `holds`: the condition counts as true, so the verdict's message is that of now.
    """

    rule: Rule
    verdict: Verdict
    before: Incident | None
    after: Incident
    event: str = ""
    reason: str = ""
    holds: bool = False
    ack_expired: bool = False


def counts_as(verdict: Verdict) -> str:
    """Return true, false, or hold: the state and its countdowns stand still."""
    truth = verdict.truth
    if truth in ("true", "false"):
        return truth
    if truth == "error" or (verdict.never_seen and verdict.rule.seen):
        return "hold"
    return {"alert": "true", "ok": "false", "keep": "hold"}[verdict.rule.no_data]


def begins(verdict: Verdict) -> bool:
    """Tell whether a verdict may begin an incident where none is open, or is an error to tell."""
    return verdict.truth == "error" or counts_as(verdict) == "true"


class Turn:
    """One verdict at one instant; `past` is the rule's last incident that is over."""

    def __init__(self, verdict: Verdict, now: Now, past: Incident | None) -> None:
        self._verdict = verdict
        self._rule = verdict.rule
        self._now = now
        self._at = now.at
        self._past = past

    def of(self, incident: Incident | None) -> Move | None:
        """Return what becomes of the rule's incident, None when it is left as it is."""
        day = self._now.day
        if incident is not None and self._rule.day and incident.day != day:
            why = f"{day} is a new trading day"
            return self._moved(incident, closed(incident, self._at, why), "new_day", why)
        if not self._now.open[self._rule.clock]:
            return None
        if incident is None:
            return self._begun() if counts_as(self._verdict) == "true" else None
        ack = incident.ack
        if ack is None or ack.until_ms is None or self._at.wall_ms < ack.until_ms:
            return self._next(incident)
        move = self._next(msgspec.structs.replace(incident, ack=None))
        words = f"acknowledgement of {ack.by} has expired"
        return msgspec.structs.replace(
            move,
            before=incident,
            event=move.event or "unacknowledged",
            reason=f"{words}; {move.reason}" if move.reason else words,
            ack_expired=True,
        )

    def _next(self, incident: Incident) -> Move:
        counted = counts_as(self._verdict)
        if counted == "hold":
            return self._held(incident, self._verdict.truth, self._verdict.why)
        if counted == "true":
            return self._true(incident)
        if incident.status == "pending":
            why = f"cleared after {in_words(self._elapsed_ms(incident.held) / 1000)}"
            return self._moved(incident, closed(incident, self._at, why), "inactive", why)
        if self._verdict.clear == "false":
            return self._not_over(incident, self._running(incident), "not clear enough yet")
        if self._verdict.clear != "true":
            return self._held(incident, self._verdict.clear, self._verdict.clear_why)
        return self._clear(incident)

    def _begun(self) -> Move:
        verdict, rule, at = self._verdict, self._rule, self._at
        begun = Incident(
            id=incident_id(self._now.engine, rule.name, at),
            rule=rule.name,
            status="pending",
            severity=verdict.severity,
            message=verdict.message,
            reason="",
            context=verdict.context,
            day=self._now.day,
            active_at=at,
            onset_ms=onset_ms(verdict),
            held=Countdown(0, at),
        )
        if rule.for_seconds == 0:
            return self._fired(None, begun, 0)
        reason = f"fires when it has held for {in_words(rule.for_seconds)}"
        return self._moved(None, begun, "pending", reason)

    def _true(self, incident: Incident) -> Move:
        fresh, verdict = self._running(incident), self._verdict
        if incident.status == "pending":
            held_ms = self._elapsed_ms(incident.held)
            if held_ms >= self._rule.for_seconds * 1000:
                return self._fired(incident, fresh, held_ms)
            if incident.held.since is not None:
                return self._moved(incident, incident, "", "")
            fresh = self._renewed(fresh)
            return self._moved(incident, fresh, "data_back", "it can be judged again")
        if verdict.severity != incident.severity:
            fresh = msgspec.structs.replace(fresh, severity=verdict.severity)
        if incident.blind and verdict.truth == "true":
            # Whoever was told that nothing is known has yet to hear what it is.
            fresh = msgspec.structs.replace(self._renewed(fresh), clear=None)
            words = "data came, and the condition holds"
            return self._moved(incident, fresh, "changed", words, holds=True)
        return self._not_over(incident, fresh, "the condition holds again", holds=True)

    def _not_over(
        self, incident: Incident, fresh: Incident, reason: str, *, holds: bool = False
    ) -> Move:
        """Return a firing incident that goes on: a countdown to its end is off."""
        if incident.clear is not None:
            fresh = msgspec.structs.replace(fresh, clear=None)
            event = "held"
        elif incident.held.since is None:
            event, reason = "data_back", "it can be judged again"
        else:
            return self._moved(incident, fresh, "", "", holds=holds)
        fresh = self._renewed(fresh) if holds else fresh
        return self._moved(incident, fresh, event, reason, holds=holds)

    def _clear(self, incident: Incident) -> Move:
        fresh = self._running(incident)
        keep_seconds = self._rule.keep_firing_for_seconds
        clear_ms = 0 if incident.clear is None else self._elapsed_ms(incident.clear)
        if clear_ms >= keep_seconds * 1000:
            return self._recovered(incident, fresh)
        if incident.clear is None:
            reason = f"clear; resolves when it stays so for {in_words(keep_seconds)}"
            return self._clearing(incident, fresh, Countdown(0, self._at), reason)
        if incident.clear.since is None:
            left = in_words(keep_seconds - clear_ms / 1000)
            resumed = Countdown(clear_ms, self._at)
            return self._clearing(incident, fresh, resumed, f"data again; resolves in {left}")
        return self._moved(incident, incident, "", "")

    def _held(self, incident: Incident, truth: str, why: str) -> Move:
        """Stop the countdowns, and say once why."""
        error = why if truth == "error" else None
        if incident.held.since is None and error == incident.error:
            return self._moved(incident, incident, "", "")
        paused = msgspec.structs.replace(
            incident,
            held=self._paused(incident.held),
            clear=None if incident.clear is None else self._paused(incident.clear),
            error=error,
        )
        if error is not None:
            return self._moved(incident, paused, "error", f"the rule is in error: {error}")
        return self._moved(incident, paused, "no_data", f"stays {incident.status}: {why}")

    def _running(self, incident: Incident) -> Incident:
        """Return the incident with its data there."""
        if incident.held.since is not None:
            return incident
        held = Countdown(incident.held.banked_ms, self._at)
        return msgspec.structs.replace(incident, held=held, error=None)

    def _fired(self, before: Incident | None, incident: Incident, held_ms: int) -> Move:
        again = refired(self._past, self._at)
        fired = msgspec.structs.replace(
            self._renewed(incident),
            status="firing",
            severity=self._verdict.severity,
            fired_at=self._at,
            refired=again,
            flapping=len(again) >= TIMES,
        )
        reason = f"condition held for {in_words(held_ms / 1000)}"
        if fired.flapping:
            span = in_words(SPAN_SECONDS)
            reason += f"; flapping: fired again soon after its end {len(again)} times in {span}"
        return self._moved(before, fired, "new", reason, holds=True)

    def _recovered(self, before: Incident, incident: Incident) -> Move:
        fired_at = incident.fired_at or incident.active_at
        whole_ms = elapsed_ms(fired_at, self._at)
        session_ms = session_elapsed_ms(fired_at, self._at, "session", self._now.sessions)
        recovered = msgspec.structs.replace(
            closed(incident, self._at, ""),
            context=self._verdict.context,
            message=f"Over after {lasted(incident, self._at)}: {well_again(self._verdict)}",
        )
        clear = in_words(self._rule.keep_firing_for_seconds)
        why = self._verdict.why or f"condition clear for {clear}"
        session = "" if session_ms == whole_ms else f", {in_words(session_ms / 1000)} in session"
        reason = f"{why}, after firing for {in_words(whole_ms / 1000)}{session}"
        return self._moved(before, recovered, "resolved", reason)

    def _clearing(self, before: Incident, fresh: Incident, clear: Countdown, reason: str) -> Move:
        after = msgspec.structs.replace(fresh, clear=clear, context=self._verdict.context)
        return self._moved(before, after, "clearing", reason)

    def _renewed(self, incident: Incident) -> Incident:
        """Return the incident with the words and figures of now."""
        verdict = self._verdict
        return msgspec.structs.replace(
            incident,
            message=verdict.message,
            context=verdict.context,
            blind=verdict.truth == "unknown",
        )

    def _moved(
        self,
        before: Incident | None,
        after: Incident,
        event: str,
        reason: str,
        *,
        holds: bool = False,
    ) -> Move:
        return Move(
            rule=self._rule,
            verdict=self._verdict,
            before=before,
            after=after,
            event=event,
            reason=reason,
            holds=holds,
        )

    def _elapsed_ms(self, countdown: Countdown) -> int:
        return counted_ms(countdown, self._at, self._rule.clock, self._now.sessions)

    def _paused(self, countdown: Countdown) -> Countdown:
        return Countdown(self._elapsed_ms(countdown), None)


def counted_ms(countdown: Countdown, at: Instant, clock: Clock, sessions: Sessions) -> int:
    """Return the milliseconds that a countdown has counted so far on the rule's clock."""
    if countdown.since is None:
        return countdown.banked_ms
    return countdown.banked_ms + session_elapsed_ms(countdown.since, at, clock, sessions)


def closed(incident: Incident, at: Instant, why: str) -> Incident:
    """Return the incident at its end, which is no recovery."""
    if incident.status == "pending":
        return msgspec.structs.replace(incident, status="inactive", resolved_at=at, clear=None)
    message = f"Ended after {lasted(incident, at)}, not recovered: {why}"
    return msgspec.structs.replace(
        incident, status="resolved", message=message, resolved_at=at, clear=None
    )
