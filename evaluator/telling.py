"""Whether somebody is told of a move of an alert, and why: a reason, never a bare yes or no.

State comes first and never depends on this. Told are an alert that is new, one that changes its
severity, one that nobody has taken for a while (repeat), and the end of what was told firing,
whatever was silenced since. While its condition is known to be clear, no alert is told as new or
again: it is on its way out.
"""

from __future__ import annotations

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Incident, Severity, Told, Transition
from evaluator.instant import elapsed_ms
from evaluator.reminders import due_in_ms, recovering
from evaluator.silence import Silence, silence_over
from evaluator.suppression import CONSEQUENCES, Explanations
from evaluator.turn import Move, Now


class Teller:
    """Tells at one instant, given what explains what and which silences are in force."""

    def __init__(self, explanations: Explanations, silences: tuple[Silence, ...], now: Now) -> None:
        self._explanations = explanations
        self._silences = silences
        self._now = now

    def of(self, move: Move) -> Transition | Incident:
        """Return the transition that a move is, or the incident as it was: nothing is new."""
        if move.after.status == "firing":
            return self._firing(move)
        if not move.event:
            return move.after
        if move.after.status == "resolved":
            return ended(_with_consequences(move, []), move.event, move.reason, self._now)
        return Transition(
            msgspec.structs.replace(move.after, reason=move.reason), self._now.at, move.event
        )

    def _firing(self, move: Move) -> Transition | Incident:
        explained = self._explanations.explained_by(move.rule.name)
        words = [move.reason] if move.reason else []
        incident, more = _graver(move, explained)
        words += more
        incident, more = _listing(move, incident, explained)
        words += more
        before = move.before
        was = None if before is None else before.suppressed_by
        suppressed = self._suppressed_by(move, incident)
        if suppressed != was:
            words += [f"no longer {was}"] if suppressed is None else [suppressed]
            incident = msgspec.structs.replace(incident, suppressed_by=suppressed)
        why = self._why(move, incident)
        if suppressed is None and why is not None:
            incident, more = self._told(move, incident, why)
            return self._line(incident, why, words + more)
        graver_or_new = move.event in {"new", "changed"} or (
            before is not None and before.severity != incident.severity
        )
        if suppressed is not None and (suppressed != was or graver_or_new or move.ack_expired):
            return self._line(incident, "suppressed", words)
        if suppressed != was:
            return self._line(incident, "unsuppressed", words)
        if move.event or words:
            return self._line(incident, move.event or "explains", words)
        return incident if before is None else before

    def _suppressed_by(self, move: Move, incident: Incident) -> str | None:
        at = self._now.at
        if self._silences:
            silence = silence_over(incident, self._silences, at.wall_ms)
            if silence is not None:
                return silence.words
        return self._explanations.words(move.rule, incident, at)

    def _why(self, move: Move, incident: Incident) -> str | None:
        """Return why somebody should be told that an alert fires, if nothing suppresses it."""
        told = incident.told
        if told is not None and (told.severity != incident.severity or move.event == "changed"):
            return "changed"
        if recovering(incident):
            return None
        if told is None:
            return "new"
        due = due_in_ms(move.rule, incident, self._now.at, self._now.sessions)
        return "repeat" if move.ack_expired or (due is not None and due <= 0) else None

    def _told(self, move: Move, incident: Incident, why: str) -> tuple[Incident, list[str]]:
        count, words = 1, []
        if why == "repeat" and incident.told is not None:
            fired_at = incident.fired_at or incident.active_at
            lasted = in_words(elapsed_ms(fired_at, self._now.at) / 1000)
            words = [f"still firing after {lasted}"]
            if not move.ack_expired:
                count = incident.told.count + 1
                words.append(f"reminder {count - 1}")
        told = Told(self._now.at, incident.severity, count)
        return msgspec.structs.replace(_of_now(move, incident), told=told), words

    def _line(self, incident: Incident, notify: str, words: list[str]) -> Transition:
        reason = "; ".join(words)
        return Transition(msgspec.structs.replace(incident, reason=reason), self._now.at, notify)


def ended(incident: Incident, event: str, reason: str, now: Now) -> Transition:
    """Return the end of an alert that fired: what nobody was told of ends untold."""
    if incident.told is None:
        words = f"{reason}; nobody was told of it"
        return Transition(msgspec.structs.replace(incident, reason=words), now.at, "untold")
    over = msgspec.structs.replace(incident, reason=reason, suppressed_by=None)
    return Transition(over, now.at, event)


def _graver(move: Move, explained: list[Move]) -> tuple[Incident, list[str]]:
    """Return the alert as grave as the gravest that it explains: a WARNING hides no CRITICAL.

    What fires for want of data knows of nothing graver than its root.
    """
    incident = move.after
    worst: Severity = incident.severity
    grave = [
        one.rule.name
        for one in explained
        if one.after.severity == "CRITICAL" and one.verdict.truth == "true"
    ]
    if worst != "CRITICAL" and grave:
        worst = "CRITICAL"
    before = move.before
    if worst != incident.severity:
        incident = msgspec.structs.replace(incident, severity=worst)
    if before is None or before.status != "firing" or before.severity == worst:
        return incident, []
    incident = _of_now(move, incident)
    why = f" for it explains {', '.join(grave)}" if worst != move.after.severity else ""
    return incident, [f"{before.severity} became {worst}{why}"]


def _of_now(move: Move, incident: Incident) -> Incident:
    """Return the alert with the words and figures of now, while its condition holds."""
    if not move.holds:
        return incident
    verdict = move.verdict
    listed = incident.context.get(CONSEQUENCES)
    context = verdict.context if listed is None else verdict.context | {CONSEQUENCES: listed}
    return msgspec.structs.replace(
        incident, message=verdict.message, context=context, blind=verdict.truth == "unknown"
    )


def _listing(move: Move, incident: Incident, explained: list[Move]) -> tuple[Incident, list[str]]:
    """Return the alert with its consequences listed, and which of them are new."""
    if not explained and not move.event:
        return incident, []
    known = _consequences(move.before)
    fresh = [one.rule.name for one in explained if one.rule.name not in known]
    after = msgspec.structs.replace(move, after=incident)
    return _with_consequences(after, fresh), [f"explains {', '.join(fresh)}"] if fresh else []


def _consequences(incident: Incident | None) -> list[str]:
    listed = None if incident is None else incident.context.get(CONSEQUENCES)
    return listed.split(", ") if isinstance(listed, str) else []


def _with_consequences(move: Move, fresh: list[str]) -> Incident:
    """Return the incident after a move; what it explained stays listed to its end."""
    listed = ", ".join([*_consequences(move.before), *fresh])
    if not listed or move.after.context.get(CONSEQUENCES) == listed:
        return move.after
    context = move.after.context | {CONSEQUENCES: listed}
    return msgspec.structs.replace(move.after, context=context)
