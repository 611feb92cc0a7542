"""What a channel refused, or could not be told in time, goes to its fallback channel too: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms
from monitoring.config import Channel
from monitoring.routing import NO_ROUTE
from notifier.all_well import RULE as ALL_WELL
from notifier.ledger import Outstanding
from notifier.records import DIGEST, EDITS, Planned
from notifier.summary import Pending

_NO_ALERTS = frozenset({DIGEST, ALL_WELL})
LIMIT_SECONDS: dict[Severity, int] = {"CRITICAL": 30, "WARNING": 900}
"""So long a channel has for a message: some four attempts, and an outage of minutes."""


class Fallbacks(msgspec.Struct, frozen=True):
    """Who is told in whose stead, the channels as they are set, and whether these are quiet
    hours.
    """

    others: Mapping[str, str]
    channels: Mapping[str, Channel]
    quiet: bool = False

    def of(self, one: Outstanding, *, follows: bool = False) -> str | None:
        """Return the channel that is told of something in another's stead, None: there is none.

        One that is for CRITICAL alone is told of nothing else, save of what became of that: it
        `follows`. An Alertmanager takes nothing that is of no alert.
        """
        other = self.others.get(one.channel)
        if other is None:
            return None
        channel = self.channels[other]
        if channel.kind == "alertmanager" and one.planned.why in _NO_ALERTS:
            return None
        if channel.severity == "CRITICAL" and one.planned.severity != "CRITICAL" and not follows:
            return None
        return other


def overdue(
    pending: Iterable[Pending],
    fallbacks: Fallbacks,
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
        reason = None
        limit_seconds = LIMIT_SECONDS[one.planned.severity]
        follows = not begun.isdisjoint(one.incidents)
        if refused is not None and key in refused:
            reason = refused[key]
        elif grouped and one.group is not None:
            continue
        elif elapsed_ms(one.planned.due_at, now) > limit_seconds * 1000:
            why = f"not for {in_words(limit_seconds)}"
            reason = f"{why}: {one.reason}" if one.reason else why
        elif follows and fallbacks.others.get(one.channel) not in one.planned.channels:
            reason = "nor was what came before it"  # else it hears that anyway
        made = [] if reason is None else instead(key, one, fallbacks, reason, now, follows=follows)
        if made or one.fell_back:
            begun |= one.incidents
        records += made
    return records


def instead(
    key: str,
    one: Outstanding,
    fallbacks: Fallbacks,
    reason: str,
    now: Instant,
    *,
    follows: bool = False,
) -> list[Planned]:
    """Return the one record by which a fallback channel is told, if there is one and it was not.

    What comes in the stead of something has no fallback of its own: two that stand in for each
    other would never end. An edit is of a message that the other channel does not have. What is
    not CRITICAL waits for the end of quiet hours there too.
    """
    other = fallbacks.of(one, follows=follows)
    planned = one.planned
    if other is None or one.settled or planned.why in EDITS:
        return []
    waits = fallbacks.quiet and planned.severity != "CRITICAL"
    return [
        msgspec.structs.replace(
            planned, at=now, step=f"{planned.step}-instead-of-{one.channel}", channels=(other,),
            passed={}, groups={other: NO_ROUTE} if waits else {}, mark=None, replaces=(),
            since=None, flushes=(), instead_of=key,
            text=f"not told on {one.channel}: {reason}\n{planned.text}",
        )
    ]  # fmt: skip
