"""At which moments rules are judged: at each snapshot's own instant, and on a grid between them.

The grid is the live watch's; here recorded snapshots are laid over it again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from evaluator.instant import Instant, elapsed_ms
from monitoring.excerpt import Taken

EARLY = 0.1
"""Share of the interval by which a wake-up may be early and still be the grid's."""


class Moment(NamedTuple):
    """One evaluation. `snapshot` is to be taken first; None: the newest one is so old by now.

    `again`: the grid's turn at the instant of the evaluation before, with nothing new to read.
    """

    snapshot: Taken | None
    at: Instant
    age_seconds: float
    again: bool = False


def is_due(now_ns: int, next_ns: int, interval_ns: int) -> bool:
    """Tell whether it is the grid's turn, which was planned for `next_ns` (boottime)."""
    return now_ns >= next_ns - interval_ns * EARLY


def proves_something(age_ms: int | None, awake_ms: int, limit_ms: float) -> bool:
    """Tell whether the present may be judged by the newest snapshot, so old by now (None: none).

    After a start or a sleep the collector may be starting too. Until a snapshot could have come,
    an old one or none proves nothing, and everything stays as it is.
    """
    return (age_ms is not None and age_ms <= limit_ms) or awake_ms > limit_ms


def moments(found: Iterable[tuple[str, Taken]], evaluate_seconds: float) -> Iterator[Moment]:
    """Yield what a scheduler that never was away evaluates when these snapshots, each with its file
    name, come in this order.

    Between two boots there is no grid: nobody knows when the machine went down, and in the new
    boot nothing is judged before the first snapshot. After the last snapshot there is none either.
    With the first snapshot of a day (UTC, by its name) the grid begins anew: so what is judged of
    a day does not depend on the days before.
    """
    interval_ns = round(evaluate_seconds * 1e9)
    before: Instant | None = None
    next_ns = 0
    today = ""
    for name, snapshot in found:
        at = snapshot.instant
        if before is not None and before.boot_id == at.boot_id:
            while next_ns < at.boottime_ns:
                present = _later(before, next_ns)
                yield Moment(None, present, elapsed_ms(before, present) / 1000)
                next_ns += interval_ns
        if before is None or before.boot_id != at.boot_id or day_of(name) != today:
            next_ns = at.boottime_ns
            today = day_of(name)
        yield Moment(snapshot, at, 0.0)
        if is_due(at.boottime_ns, next_ns, interval_ns):
            yield Moment(None, at, 0.0, again=True)
            next_ns = at.boottime_ns + interval_ns
        before = at


def day_of(name: str) -> str:
    """Return the UTC day (YYYYMMDD) in a snapshot's file name."""
    return name[8:16]


def _later(at: Instant, boottime_ns: int) -> Instant:
    passed_ms = (boottime_ns - at.boottime_ns) // 1_000_000
    return Instant(at.wall_ms + passed_ms, boottime_ns, at.boot_id)
