"""The step clock of an incident: since when nobody has taken it. Pure.

It begins when an alert is told, and anew when its severity changes; while somebody has the alert,
or it is suppressed, it stands still, and begins anew after that.
"""

from __future__ import annotations

from evaluator.incident import Incident
from evaluator.instant import Instant
from evaluator.reminders import recovering
from notifier.records import Clocked, Mark, StepClock


def clocked(
    incident: Incident,
    clock: StepClock | None,
    at: Instant,
    seq: int,
    *,
    notify: str | None = None,
    mark: Mark | None = None,
) -> Clocked | None:
    """Return what becomes of the clock of a told incident that is now so, None: it goes on.

    `notify` is that of its newest line, if this is the moment of it.
    """
    held = _held_by(incident)
    runs = clock is not None and clock.began is not None
    if held is not None:
        if clock is not None and not runs:
            return None
        return Clocked(
            at=at, incident=incident.id, began=None, began_seq=seq, reason=held, mark=mark
        )  # fmt: skip
    if runs and notify != "changed":
        return None
    if clock is None:
        reason = "it is told, and nobody has taken it"
    elif runs:
        reason = f"it is {incident.severity} now"
    else:
        reason = "nobody has it any more"
    return Clocked(at=at, incident=incident.id, began=at, began_seq=seq, reason=reason, mark=mark)


def may_climb(incident: Incident) -> bool:
    """Tell whether somebody may be told of it again: it is not on its way out."""
    return incident.status == "firing" and not recovering(incident)


def _held_by(incident: Incident) -> str | None:
    if incident.ack is not None:
        return f"acknowledged by {incident.ack.by}"
    return incident.suppressed_by
