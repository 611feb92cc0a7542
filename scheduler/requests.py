"""What a request of the operator does: a transition, or a refusal in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import get_args

import msgspec

from evaluator.acknowledgement import acknowledge, ends_ms, unacknowledge
from evaluator.incident import Ack, Incident, Severity, States, Transition
from evaluator.instant import Instant, Sessions
from evaluator.names import nearest
from evaluator.silence import Silence
from monitoring.alert_entry import Notice, of_silence
from monitoring.spool import Request

SHORTEST_PREFIX = 4
OVER = "the time that it should last until is over"


class Situation(msgspec.Struct, frozen=True):
    """What requests are about: open incidents, silences by id, the rules' names, the market, and
    whether money is at risk (positions open, or unknown).
    """

    states: States
    silences: Mapping[str, Silence]
    rules: Collection[str]
    sessions: Sessions
    exposed: bool


def decide(request: Request, situation: Situation, at: Instant) -> Transition | Notice:
    """Return the line that answers a request."""
    if request.action == "silence":
        return _silence(request, situation, at)
    if request.action == "expire":
        return _expire(request, situation, at)
    found = find(request.target, situation.states)
    if isinstance(found, str):
        return _refusal(found)
    if request.action == "unack":
        if found.ack is None:
            return _refusal(f"{found.rule} is not acknowledged", found)
        return unacknowledge(found, at)
    return _ack(request, found, situation, at)


def _ack(
    request: Request, found: Incident, situation: Situation, at: Instant
) -> Transition | Notice:
    if found.ack is not None and found.ack.by != request.by:
        return _refusal(f"already acknowledged by {found.ack.by}", found)
    if request.until_ms is not None and request.until_ms <= at.wall_ms:
        return _refusal(OVER, found)
    until_ms = ends_ms(request.until_ms, at, situation.sessions, exposed=situation.exposed)
    return acknowledge(found, Ack(request.by, request.at_ms, request.reason, until_ms), at)


def _silence(request: Request, situation: Situation, at: Instant) -> Notice:
    if request.until_ms is None:
        return _refusal("a silence needs an end")
    if request.until_ms <= at.wall_ms:
        return _refusal(OVER)
    short = request.id[:8]
    blank = Silence(
        id=request.id if short in situation.silences else short,
        by=request.by,
        reason=request.reason,
        starts_ms=at.wall_ms,
        ends_ms=request.until_ms,
    )
    silence = _aimed(blank, request.target, situation)
    if isinstance(silence, str):
        return _refusal(silence)
    return of_silence(silence, "active", f"nobody is told of {silence.target} for a while")


def _aimed(blank: Silence, target: str, situation: Situation) -> Silence | str:
    """Return the silence of a severity, a rule or an incident, or why the target is none."""
    for severity in get_args(Severity):
        if target.upper() == severity:
            return msgspec.structs.replace(blank, severity=severity)
    if target in situation.rules:
        return msgspec.structs.replace(blank, rule=target)
    found = find(target, situation.states)
    if isinstance(found, Incident):
        return msgspec.structs.replace(blank, incident=found.id)
    meant = nearest(target, situation.rules)
    return f"{found}, and no rule" + (f" (did you mean {meant}?)" if meant else "")


def _expire(request: Request, situation: Situation, at: Instant) -> Notice:
    found = [one for id_, one in situation.silences.items() if target_begins(request.target, id_)]
    if len(found) != 1:
        word = "ambiguous" if found else "unknown"
        return _refusal(f"{word} target {request.target!r}: it must begin the id of one silence")
    (one,) = found
    why = f": {request.reason}" if request.reason else ""
    ended = msgspec.structs.replace(one, ends_ms=max(one.starts_ms, at.wall_ms))
    return of_silence(ended, "ended", f"ended early by {request.by}{why}")


def target_begins(target: str, id_: str) -> bool:
    """Tell whether a target means a silence."""
    return bool(target) and id_.startswith(target.lower())


def refuse(words: str, file: str) -> Notice:
    """Return the line that answers a file in the spool which is no request."""
    # Any bytes make a file name; those that are no UTF-8 could not be written into the log.
    shown = file.encode("utf-8", "backslashreplace").decode()
    return Notice(kind="request", reason=f"refused: {words}", context={"file": shown[:100]})


def find(target: str, states: States) -> Incident | str:
    """Return the open incident that `target` names, or why there is none."""
    for incident in states.values():
        if target in (incident.id, incident.rule):
            return incident
    if len(target) >= SHORTEST_PREFIX:
        found = [incident for incident in states.values() if incident.id.startswith(target)]
        if len(found) == 1:
            return found[0]
        if found:
            rules = ", ".join(sorted(incident.rule for incident in found))
            return f"ambiguous target {target!r}: it begins the ids of {rules}"
    return f"unknown target {target!r}: no open alert has that id or rule"


def _refusal(words: str, incident: Incident | None = None) -> Notice:
    if incident is None:
        return Notice(kind="request", reason=words)
    return Notice(kind="request", reason=words, rule=incident.rule, id=incident.id)
