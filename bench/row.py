"""One line of the benchmark table."""

from __future__ import annotations

import msgspec


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A figure beside its yardstick, both measured in the same run, and the budget it must keep."""

    what: str
    ours: str
    yardstick: str
    figure: float
    budget: float
    unit: str

    @property
    def holds(self) -> bool:
        """Tell whether the figure is within its budget; a NaN is not."""
        return self.figure <= self.budget
