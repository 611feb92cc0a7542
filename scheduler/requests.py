"""What a request of the operator does: a transition, or a refusal in words."""

from __future__ import annotations

from evaluator.incident import Ack, Incident, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import acknowledge, unacknowledge
from monitoring.alert_entry import Notice
from monitoring.spool import Request

SHORTEST_PREFIX = 4


def decide(request: Request, states: States, at: Instant) -> Transition | Notice:
    """Return the line that answers a request, given the open incidents."""
    found = find(request.target, states)
    if isinstance(found, str):
        return _refusal(found)
    if request.action == "unack":
        if found.ack is None:
            return _refusal(f"{found.rule} is not acknowledged", found)
        return unacknowledge(found, at)
    if found.ack is not None:
        return _refusal(f"already acknowledged by {found.ack.by}", found)
    if request.until_ms is not None and request.until_ms <= at.wall_ms:
        return _refusal("the time that it should last until is over", found)
    ack = Ack(request.by, request.at_ms, request.reason, request.until_ms)
    return acknowledge(found, ack, at)


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
