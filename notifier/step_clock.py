"""The step clock of an incident: since when nobody has taken it. Pure.

It begins when an alert is told, and anew when its severity changes; while somebody has the alert,
or it is suppressed, it stands still, and begins anew after that.
"""

from __future__ import annotations

from evaluator.incident import Incident
from evaluator.instant import Instant
from notifier.ledger import StepClock
from notifier.message import News
from notifier.records import Clocked, Mark


def clocked(
    news: News,
    held: str | None,
    clock: StepClock | None,
    at: Instant,
    seq: int,
    *,
    changed: bool = False,
    mark: Mark | None = None,
) -> Clocked | None:
    """Return what becomes of the clock of a told incident that is now so, None: it goes on.

    `held` says by what it stands still, `changed` that its severity is another one from now on.
    """
    runs = clock is not None and clock.began is not None
    if held is not None:
        if clock is not None and not runs:
            return None
        began, reason = None, held
    elif runs and not changed:
        return None
    else:
        began, reason = at, "nobody has it any more"
        if clock is None:
            reason = "it is told, and nobody has taken it"
        elif runs:
            reason = f"it is {news.severity} now"
    return Clocked(
        at=at, incident=news.incident, began=began, began_seq=seq, reason=reason, mark=mark
    )  # fmt: skip


def held_by(incident: Incident) -> str | None:
    """Return what its clock stands still for, None: nobody has it, and nothing suppresses it."""
    if incident.ack is not None:
        return f"acknowledged by {incident.ack.by}"
    return incident.suppressed_by
