"""What of a channel's deliveries waits, and what is told as one: pure, from what is pending.

Groups wait as their routes say, in Alertmanager's terms; in quiet hours they wait for the end of
those. A crowd of messages becomes a summary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from evaluator.instant import Instant, elapsed_ms
from monitoring.routing import Routing
from notifier.ledger import Outstanding
from notifier.records import EDITS, SUMMARY, Planned
from notifier.summary import Pending, alone, summary

BURST = 10
"""So many messages may wait on a channel before they are told as one."""
A_MINUTE = {"telegram": 20, "apprise": 20}
"""So many a minute may come where a human reads: Telegram's own limit for a group
(core.telegram.org/bots/faq)."""
A_MINUTE_FOR_A_PROGRAM = 240
LATE_BURST = 3
"""The same of what waited for longer than a minute: a channel that comes back is not to ring for
each."""
Exposure = Callable[[Instant], str]
"""Puts in words what is at stake now."""
MINUTE_MS = 60_000
GAP_MS = 15_000
"""Within a crowd one message comes so often."""
MOST_SINGLE = 500
"""More are put into one at once, though it is not sent yet: memory must not grow with a storm."""


def flush(
    pending: Sequence[Pending],
    flushed: Mapping[str, Instant],
    routing: Routing,
    *,
    quiet: bool,
    exposure: Exposure,
    now: Instant,
) -> list[Planned]:
    """Return the records by which the groups whose time has come are told.

    `flushed` says of each group when it was told the last time. What waits gives way to a later
    message of the same incident that does not: it is told by itself, before that.
    """
    # An edit of a message that waits has nothing to edit: it does not make it ring.
    loose = {key for key, one in pending if one.group is None and one.planned.why not in EDITS}
    ahead = _followed(pending, loose)
    records = [alone(one, now) for one in pending if one[0] in ahead]
    waiting = [(key, one) for key, one in pending if one.group is not None and key not in ahead]
    if quiet:
        return records
    groups = {one.group: one for _, one in reversed(waiting) if one.group is not None}
    due = {
        name
        for name, first in groups.items()
        if _is_due(first, flushed.get(name), routing, name, now)
    }
    keys = {key for key, one in waiting if one.group in due}
    keys |= _followed(waiting, keys)
    chosen = [(key, one) for key, one in waiting if key in keys]
    if len(chosen) == 1:
        return [*records, alone(chosen[0], now, tuple(due))]
    if chosen:
        why = f"{len(chosen)} messages that waited for each other"
        records += summary(chosen, why, now, exposure=exposure(now), flushes=sorted(due))
    return records


def a_minute(kind: str) -> int:
    """Return how many messages a minute a channel of a kind takes as such."""
    return A_MINUTE.get(kind, A_MINUTE_FOR_A_PROGRAM)


def crowd(
    loose: Sequence[Pending], told_lately: int, most_a_minute: int, now: Instant
) -> str | None:
    """Return why what is to be told at once is too much for messages of their own, in words.

    `told_lately` is how many messages were sent within the last minute.
    """
    count = sum(len(one.planned.lists) or 1 for _, one in loose)
    if any(elapsed_ms(one.planned.due_at, now) > MINUTE_MS for _, one in loose):
        if count > LATE_BURST:
            return f"{count} messages that could not be sent before"
    elif count > BURST:
        return f"{count} messages at once"
    if loose and told_lately + count > most_a_minute:
        return f"more than {most_a_minute} messages within a minute"
    return None


def tangled(ready: Sequence[Pending]) -> str | None:
    """Return why all is to be told as one though it is no crowd: a message of an alert fails, and
    a summary that tells of the same alert would wait behind it with all others that it lists.
    """
    alone: set[str] = set()
    for _, one in ready:
        if one.planned.why in EDITS:
            continue
        if one.planned.why != SUMMARY:
            alone |= one.incidents if one.attempts else set()
        elif not alone.isdisjoint(one.incidents):
            return "messages that could not be sent before"
    return None


def gathered(
    pending: Sequence[Pending], why: str, now: Instant, *, exposure: Exposure
) -> list[Planned]:
    """Return the summaries that take the place of what is pending.

    What a fallback channel was told of, or is told in another's stead, stays apart: there is no
    fallback for it.
    """
    records = []
    for settled in (True, False):
        some = [(key, one) for key, one in pending if one.settled == settled]
        if len(some) > 1:
            records += summary(some, why, now, exposure=exposure(now))
    return records


def _followed(pending: Sequence[Pending], keys: set[str]) -> set[str]:
    """Return those that wait, and are followed by one of these keys of the same incident."""
    incidents: set[str] = set()
    found = set()
    for key, one in reversed(pending):
        if key in keys:
            incidents |= one.incidents
        elif one.group is not None and not incidents.isdisjoint(one.incidents):
            found.add(key)
    return found


def _is_due(
    first: Outstanding, flushed_at: Instant | None, routing: Routing, name: str, now: Instant
) -> bool:
    """Tell whether a group's time has come, given the first that waits in it."""
    route = routing.group(name, first.channel)
    if route is None:
        return True
    first_at = first.planned.at
    interval_ms = route.group_interval_seconds * 1000
    if flushed_at is not None and elapsed_ms(flushed_at, first_at) < interval_ms:
        return elapsed_ms(flushed_at, now) >= interval_ms
    return elapsed_ms(first_at, now) >= route.group_wait_seconds * 1000
