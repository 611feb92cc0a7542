"""One line of the benchmark table."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure beside its yardstick, both measured in the same run, and the budget it must keep.

    `spread` is that of ours. Without a budget it is there to be compared, and always holds.
    """

    what: str
    ours: str
    yardstick: str
    figure: float
    budget: float | None
    unit: str
    spread: str = ""

    @property
    def holds(self) -> bool:
        """Tell whether the figure is within its budget; a NaN is not."""
        return self.budget is None or self.figure <= self.budget


def spread(taken: Sequence[float], unit: str) -> str:
    """Return between which values the middle four fifths of what was taken lie."""
    tenths = statistics.quantiles(taken, n=10, method="inclusive")
    return f"{_short(tenths[0])}–{_short(tenths[-1])} {unit}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
