"""What a number or a flag did within one window of ticks."""

from __future__ import annotations

import msgspec

from evaluator.instant import Whole64


class Stats(msgspec.Struct, frozen=True, omit_defaults=True):
    """Statistics of one fact over a window. Numbers fill the first block, flags `any` and `all`.

    `last` is a number for numbers and 0.0 / 1.0 for flags. `delta` is what changed since the last
    value of the window before: of a counter the sum of increases (one that fell was reset and
    counts from zero), of a number from there to `last`, negative when it fell.
    """

    count: Whole64
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
    low, high, least, most = earlier.min, earlier.max, later.min, later.max
    if low is None or high is None or least is None or most is None:
        return later
    if least < low:  # noqa: PLR1730 -- each window is merged anew with every snapshot, and a
        low = least  # call of min() costs as much as all the rest
    if most > high:  # noqa: PLR1730 -- as above
        high = most
    mean = ((earlier.mean or 0.0) * earlier.count + (later.mean or 0.0) * later.count) / count
    delta = (earlier.delta or 0.0) + (later.delta or 0.0)
    return Stats(count, earlier.first, later.last, low, high, mean, delta)
