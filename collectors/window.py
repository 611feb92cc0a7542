"""Statistics of one window, one column of values at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import isfinite
from operator import le
from typing import Any

import msgspec
from msgspec import UNSET

from evaluator.stats import Stats

_Column = Sequence[Any]


class _Number(msgspec.Struct):
    count: int
    first: float
    last: float
    min: float
    max: float
    total: float
    before: float
    rises: float | None
    """The sum of increases of what counts; None for a number that may fall."""


class _Flag(msgspec.Struct):
    count: int
    trues: int
    last: bool


class WindowStats:
    """Numbers and flags by fact name. A column holds at least one value, UNSET or None."""

    def __init__(self) -> None:
        self._columns: dict[str, _Number | _Flag] = {}

    def numbers(self, fact: str, values: _Column, before: float | None, *, counts: bool) -> _Column:
        """Add a column of numbers and return those that are known.

        The change is counted from `before` (None: from the first value): with `counts` as the sum
        of increases, else from there to the last value.
        """
        try:
            total = sum(values)
        except TypeError:
            values = [value for value in values if value is not UNSET and value is not None]
            if not values:
                return values
            total = sum(values)
        rises = increase(values, before) if counts else None
        low, high = min(values), max(values)
        column = self._columns.get(fact)
        if isinstance(column, _Number):
            column.count += len(values)
            column.last = values[-1]
            column.min = min(column.min, low)
            column.max = max(column.max, high)
            column.total += total
            if rises is not None:
                column.rises = (column.rises or 0.0) + rises
        else:
            since = values[0] if before is None else before
            self._columns[fact] = _Number(
                len(values), values[0], values[-1], low, high, total, since, rises
            )
        return values

    def flags(self, fact: str, values: _Column) -> _Column:
        """Add a column of flags and return those that are known."""
        trues = values.count(True)
        if trues + values.count(False) != len(values):
            values = [value for value in values if value is not UNSET and value is not None]
            if not values:
                return values
        column = self._columns.get(fact)
        if isinstance(column, _Flag):
            column.count += len(values)
            column.trues += trues
            column.last = values[-1]
        else:
            self._columns[fact] = _Flag(len(values), trues, values[-1])
        return values

    def stats(self) -> dict[str, Stats]:
        """Return the statistics of every fact that the window holds."""
        return {fact: _stats(column) for fact, column in self._columns.items()}

    def stat(self, fact: str) -> Stats | None:
        """Return the statistics of one fact, None when the window has none of it."""
        column = self._columns.get(fact)
        return None if column is None else _stats(column)


def increase(values: Sequence[float], before: float | None) -> float:
    """Return the sum of the steps upward from `before`; a counter that fell counts from zero."""
    if before is None:
        before = values[0]
    if before <= values[0] and all(map(le, values, islice(values, 1, None))):
        return values[-1] - before
    total = 0.0
    for value in values:
        total += value - before if value >= before else max(0.0, value)
        before = value
    return total


def _stats(column: _Number | _Flag) -> Stats:
    if isinstance(column, _Flag):
        return Stats(
            count=column.count,
            last=float(column.last),
            any=column.trues > 0,
            all=column.trues == column.count,
        )
    mean = column.total / column.count
    return Stats(
        count=column.count,
        first=column.first,
        last=column.last,
        min=column.min,
        max=column.max,
        mean=mean if isfinite(mean) else None,  # too large to add up
        delta=column.last - column.before if column.rises is None else column.rises,
    )
