"""The operator's word over the schedule: a session opened, closed, halted …."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from evaluator.instant import WallMs

Action = Literal["open", "close", "extend", "halt", "skip", "clear"]
Span = tuple[int, int]
"""[from, until) in POSIX ms."""

KEPT_MS = 7 * 86_400_000
"""A duration that reaches back over a halted hour counts on it, so it is known a while longer."""


class MarketOverride(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One change of one date's sessions. Times are POSIX milliseconds.

    `close`: no session from `from_ms` until `until_ms` (None: the end of the date). `halt`: the
    session clock stands still meanwhile (None: until it is cleared, or the date ends), the
    preopen clock goes on. `extend`: the date's last session ends at `until_ms`. `skip`: no
    session on the date. `open`: the date has one session, from `from_ms` to `until_ms`, whatever
    the schedule says. `clear`: the overrides whose ids are in `clears` hold no longer.
    `ends_ms` is the end of the date; `id` that of the request.
    """

    id: str
    action: Action
    date: str
    ends_ms: WallMs
    from_ms: WallMs = 0
    until_ms: WallMs | None = None
    clears: tuple[str, ...] = ()
    by: str = ""
    reason: str | None = None
    at_ms: WallMs = 0


Overrides = dict[str, MarketOverride]
"""By id, in the order in which they were given."""


def take(overrides: Overrides, one: MarketOverride) -> None:
    """Take one more override into those that are known."""
    for id_ in one.clears:
        overrides.pop(id_, None)
    if one.action != "clear":
        overrides[one.id] = one


def in_force(overrides: Iterable[MarketOverride], now_ms: int) -> list[MarketOverride]:
    """Return those that still change something at or after a moment."""
    return [one for one in overrides if now_ms < _until(one)]


def kept(overrides: Iterable[MarketOverride], now_ms: int) -> list[MarketOverride]:
    """Return those that have not been past for long: the ones that a new log file carries."""
    return [one for one in overrides if now_ms < one.ends_ms + KEPT_MS]


def end_of_day_ms(day: str, zone: ZoneInfo) -> int:
    """Return the end of a date (ISO) in a timezone. Raises ValueError."""
    midnight = datetime.combine(date.fromisoformat(day) + timedelta(days=1), time(), zone)
    return round(midnight.timestamp() * 1000)


def scheduled(spans: Sequence[Span], overrides: Sequence[MarketOverride]) -> list[Span]:
    """Return a date's sessions after opening, skipping, extending; before anything is cut out.

    Of opening and skipping the last word counts.
    """
    found = list(spans)
    for one in overrides:
        if one.action == "skip":
            found = []
        if one.action == "open" and one.until_ms is not None:
            found = [(one.from_ms, one.until_ms)]
    for one in overrides:
        if one.action == "extend" and one.until_ms is not None and found:
            begin, end = found[-1]
            found[-1] = begin, max(end, one.until_ms)
    return found


def closed(spans: Sequence[Span], overrides: Sequence[MarketOverride]) -> list[Span]:
    """Return the sessions without what was closed."""
    return _without(spans, [one for one in overrides if one.action == "close"])


def halted(spans: Sequence[Span], overrides: Sequence[MarketOverride]) -> list[Span]:
    """Return the sessions without what was halted."""
    return _without(spans, [one for one in overrides if one.action == "halt"])


def _until(one: MarketOverride) -> int:
    return one.ends_ms if one.action in ("open", "skip", "extend") else cut_of(one)[1]


def cut_of(one: MarketOverride) -> Span:
    """Return what a `close` or `halt` takes out."""
    until = one.ends_ms if one.until_ms is None else min(one.until_ms, one.ends_ms)
    return one.from_ms, max(one.from_ms, until)


def _without(spans: Sequence[Span], cuts: Sequence[MarketOverride]) -> list[Span]:
    found = list(spans)
    for cut in cuts:
        begin, end = cut_of(cut)
        pieces = ((piece for piece in ((a, min(b, begin)), (max(a, end), b))) for a, b in found)
        found = [(a, b) for both in pieces for a, b in both if a < b]
    return found
