"""Somebody takes an alert, for a limited time, or gives it back."""

from __future__ import annotations

import msgspec

from evaluator.incident import Ack, Incident, Told, Transition
from evaluator.instant import Instant, Sessions

EXPOSED_SECONDS = 3600
"""How long an acknowledgement lasts without a word, while positions are open or unknown."""


def ends_ms(wanted_ms: int | None, at: Instant, sessions: Sessions, *, exposed: bool) -> int | None:
    """Return when an acknowledgement of now ends (POSIX ms), None: with the incident.

    That is at `wanted_ms`; without a wish in an hour while money is at risk. It never outlasts
    the session: that of now or, while the market is closed, the next one.
    """
    until = wanted_ms
    if until is None and exposed:
        until = at.wall_ms + EXPOSED_SECONDS * 1000
    closes = sessions.closes_at_ms(at.wall_ms)
    if closes is None and not sessions.is_open(at.wall_ms, "session"):
        opens = sessions.next_open_ms(at.wall_ms)
        closes = None if opens is None else sessions.closes_at_ms(opens)
    if closes is None or until is None:
        return until if closes is None else closes
    return min(until, closes)


def acknowledge(incident: Incident, ack: Ack, at: Instant) -> Transition:
    """Return the incident taken by somebody. Raises ValueError when it is not open.

    Who takes a firing alert knows of it, told or not.
    """
    if incident.status not in ("pending", "firing"):
        raise ValueError(f"{incident.rule} is {incident.status} and can't be acknowledged")
    told = incident.told
    if told is None and incident.status == "firing":
        told = Told(at, incident.severity)
    said = "" if ack.reason is None else f": {ack.reason}"
    reason = f"acknowledged by {ack.by}{said}"
    taken = msgspec.structs.replace(incident, ack=ack, told=told, reason=reason)
    return Transition(taken, at, "acknowledged")


def unacknowledge(incident: Incident, at: Instant) -> Transition:
    """Return the incident given back, also when nobody had taken it. Raises ValueError when it
    is not open.
    """
    if incident.status not in ("pending", "firing"):
        raise ValueError(f"{incident.rule} is {incident.status}, nothing is left to give back")
    by = "nobody" if incident.ack is None else incident.ack.by
    reason = f"acknowledgement of {by} withdrawn"
    back = msgspec.structs.replace(incident, ack=None, reason=reason)
    return Transition(back, at, "unacknowledged")
