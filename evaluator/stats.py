"""What a number or a flag did within one window of ticks."""

from __future__ import annotations

import msgspec


class Stats(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Statistics of one fact over a window. Numbers fill the first block, flags `any` and `all`.

    `last` is a number for numbers and 0.0 / 1.0 for flags. `delta` is what changed since the last
    value of the window before: of a counter the sum of increases (one that fell was reset and
    counts from zero), of a number from there to `last`, negative when it fell.
    """

    count: int
    first: float | None = None
    last: float | None = None
    min: float | None = None
    max: float | None = None
    mean: float | None = None
    delta: float | None = None
    any: bool | None = None
    all: bool | None = None


NUMBER_STATS = ("first", "last", "min", "max", "mean", "count", "delta")
FLAG_STATS = ("any", "all", "last", "count")


def merge(earlier: Stats, later: Stats) -> Stats:
    """Return the statistics of two adjoining windows as one."""
    count = earlier.count + later.count
    if later.any is not None and earlier.any is not None:
        return Stats(
            count=count,
            last=later.last,
            any=earlier.any or later.any,
            all=bool(earlier.all and later.all),
        )
    if later.min is None or earlier.min is None or later.max is None or earlier.max is None:
        return later
    mean = ((earlier.mean or 0.0) * earlier.count + (later.mean or 0.0) * later.count) / count
    return Stats(
        count=count,
        first=earlier.first,
        last=later.last,
        min=min(earlier.min, later.min),
        max=max(earlier.max, later.max),
        mean=mean,
        delta=(earlier.delta or 0.0) + (later.delta or 0.0),
    )
