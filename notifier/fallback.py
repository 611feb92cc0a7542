"""What a channel refused, or could not be told in time, goes to its fallback channel too: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms
from notifier.ledger import Outstanding
from notifier.records import EDITS, Planned
from notifier.summary import Pending

LIMIT_SECONDS: dict[Severity, int] = {"CRITICAL": 30, "WARNING": 900}
"""So long a channel has for a message: some four attempts, and an outage of minutes."""


def overdue(
    pending: Iterable[Pending],
    fallback: Mapping[str, str],
    now: Instant,
    *,
    refused: Mapping[str, str] | None = None,
    grouped: bool = True,
) -> list[Planned]:
    """Return what is told on fallback channels, of what could not be sent for too long.

    `pending` is of one channel, in the order of planning; `refused` says by key why that channel
    takes something never. `grouped`: groups wait on that channel. What follows of the same
    incident is told at once: a fallback channel that hears of it when it is over would else never
    hear the end.
    """
    records: list[Planned] = []
    begun: set[str] = set()
    for key, one in pending:
        made: list[Planned] = []
        limit_seconds = LIMIT_SECONDS[one.planned.severity]
        if refused is not None and key in refused:
            made = instead(key, one, fallback, refused[key], now)
        elif grouped and one.group is not None:
            continue
        elif elapsed_ms(one.planned.due_at, now) > limit_seconds * 1000:
            why = f"not for {in_words(limit_seconds)}"
            reason = f"{why}: {one.reason}" if one.reason else why
            made = instead(key, one, fallback, reason, now)
        elif not begun.isdisjoint(one.incidents) and (
            fallback.get(one.channel) not in one.planned.channels  # it hears that anyway
        ):
            made = instead(key, one, fallback, "nor was what came before it", now)
        if made or one.fell_back:
            begun |= one.incidents
        records += made
    return records


def instead(
    key: str, one: Outstanding, fallback: Mapping[str, str], reason: str, now: Instant
) -> list[Planned]:
    """Return the one record by which a fallback channel is told, if there is one and it was not.

    What comes in the stead of something has no fallback of its own: two that stand in for each
    other would never end. An edit is of a message that the other channel does not have.
    """
    other = fallback.get(one.channel)
    planned = one.planned
    if other is None or one.settled or planned.why in EDITS:
        return []
    return [
        msgspec.structs.replace(
            planned, at=now, step=f"{planned.step}-instead-of-{one.channel}", channels=(other,),
            passed={}, groups={}, mark=None, replaces=(), since=None, flushes=(), instead_of=key,
            text=f"not told on {one.channel}: {reason}\n{planned.text}",
        )
    ]  # fmt: skip
