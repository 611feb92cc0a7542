"""Windows over snapshots: what `window.*` is in the last one, and merged over a span."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.incident import Scalar
from evaluator.instant import Instant, elapsed_ms
from evaluator.stats import Stats, merge

BUCKETS = 720
"""A span is kept in at most this many pieces, however often snapshots come."""


class Frame(msgspec.Struct, frozen=True):
    """The ticks between two instants: how many, over how many seconds, statistics by fact."""

    begun: Instant
    at: Instant
    ticks: int
    seconds: float
    stats: dict[str, Stats]


def joined(earlier: Frame, later: Frame) -> Frame:
    """Return two adjoining frames as one."""
    stats = dict(earlier.stats)
    for fact, one in later.stats.items():
        before = stats.get(fact)
        stats[fact] = one if before is None else merge(before, one)
    return Frame(
        begun=earlier.begun,
        at=later.at,
        ticks=earlier.ticks + later.ticks,
        seconds=earlier.seconds + later.seconds,
        stats=stats,
    )


class SlidingWindow:
    """The frames of the last `span_seconds` as one, at a constant price per frame.

    Two stacks: new frames go on the back one, which knows its sum; the oldest are taken from the
    front one, where each entry holds the sum of itself and all that are younger in that stack.
    """

    def __init__(self, span_seconds: int) -> None:
        self._span_ms = span_seconds * 1000
        self._front: list[tuple[Instant, Frame]] = []
        self._back: list[Frame] = []
        self._back_sum: Frame | None = None
        self._sum: Frame | None = None

    @property
    def pieces(self) -> int:
        """How many frames are kept."""
        return len(self._front) + len(self._back)

    def add(self, frame: Frame) -> None:
        """Take the newest frame."""
        self._sum = None
        self._drop(frame.at)  # here too: nobody may ask for the sum for days
        last = self._back[-1] if self._back else None
        if last is not None and elapsed_ms(last.begun, frame.at) * BUCKETS < self._span_ms:
            self._back[-1] = joined(last, frame)
        else:
            self._back.append(frame)
        self._back_sum = frame if self._back_sum is None else joined(self._back_sum, frame)

    def sum(self, now: Instant) -> Frame | None:
        """Return what the span up to `now` holds, None when it is empty.

        While that is the same, so is the frame.
        """
        self._drop(now)
        if self._sum is None:
            older = self._front[-1][1] if self._front else None
            if older is None or self._back_sum is None:
                self._sum = older or self._back_sum
            else:
                self._sum = joined(older, self._back_sum)
        return self._sum

    def _drop(self, now: Instant) -> None:
        while self._turn() and elapsed_ms(self._front[-1][0], now) >= self._span_ms:
            self._front.pop()
            self._sum = None

    def _turn(self) -> bool:
        """Make sure that the oldest frame is on the front stack; tell whether there is one."""
        if not self._front:
            total: Frame | None = None
            for frame in reversed(self._back):
                total = frame if total is None else joined(frame, total)
                self._front.append((frame.at, total))
            self._back.clear()
            self._back_sum = None
        return bool(self._front)


def sample(value: Scalar, before: Scalar | None, *, counts: bool = False) -> Stats | None:
    """Return the statistics of a fact that has one value a snapshot, None for a text.

    `counts`: a counter, which counts from zero when it fell.
    """
    if isinstance(value, bool):
        return Stats(count=1, last=float(value), any=value, all=value)
    if isinstance(value, str):
        return None
    rise = value - before if isinstance(before, float) else 0.0
    return Stats(
        count=1, first=value, last=value, min=value, max=value, mean=value,
        delta=max(0.0, value) if counts and rise < 0 else rise,
    )  # fmt: skip


def standing(value: Scalar | None) -> Stats | None:
    """Return the statistics of a window in which nothing was reported: the known value stood."""
    stats = None if value is None else sample(value, value)
    return None if stats is None else msgspec.structs.replace(stats, count=0)


def window_values(
    frame: Frame | None,
    wanted: Mapping[str, tuple[tuple[str, str], ...]],
    known: Mapping[str, Scalar],
) -> dict[str, Scalar]:
    """Return `window.<fact>.<stat>` for the wanted facts: fact → (stat, name) pairs."""
    values: dict[str, Scalar] = {}
    for fact, pairs in wanted.items():
        stats = None if frame is None else frame.stats.get(fact)
        if stats is None:
            stats = standing(known.get(fact))
        if stats is None:
            continue
        for stat, name in pairs:
            value = getattr(stats, stat)
            if value is not None:
                values[name] = value if isinstance(value, bool) else float(value)
    return values
