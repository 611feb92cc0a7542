"""The compact notation of a fact's values, one a snapshot: `0 -1.5x3 _ null`.

It is that of promtool's unit tests, so that a series means the same in both: `a+bxn` is a, a+b,
… a+n·b; `axn` is a and n more of it; `_` is absent, `_xn` n times absent. Ours are `null`
(reported, and unknown), flags (`truex3`) and texts (`'off'x3`, or a bare `off`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from itertools import repeat

import msgspec

from evaluator.facts import FactType
from evaluator.incident import Scalar

MOST_VALUES = 1_000_000
"""A series longer than this is a typing error."""

_ITEM = re.compile(r"'[^']*'\S*|\S+")
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBERS = re.compile(rf"([+-]?{_NUMBER})(?:([+-]{_NUMBER})?x(\d+))?")
_FLAGS = re.compile(r"(true|false)(?:x(\d+))?")
_QUOTED = re.compile(r"'([^']*)'(?:x(\d+))?")
_BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_REPEATED = re.compile(r"(.*[^_])x(\d+)")
_NOTHING = re.compile(r"(_|null)(?:x(\d+))?")
_WANTED: dict[FactType, str] = {
    "number": "a number such as 2.5, 1+0.5x10 or 3x4, _ or null",
    "counter": "a number such as 2, 1+1x10 or 3x4, _ or null",
    "flag": "true, false, truex3, _ or null",
    "text": "a text such as off or 'off'x3, _ or null",
}

Value = Scalar | None | msgspec.UnsetType
"""A number, flag or text; None: reported as unknown; UNSET: absent."""


class Series(msgspec.Struct, frozen=True):
    """The values of one fact, the first at the start; the last one stands to the end."""

    values: tuple[Value, ...]

    def at(self, index: int) -> Value:
        """Return the value at a snapshot, counted from 0."""
        return self.values[min(index, len(self.values) - 1)]


class Slip(msgspec.Struct, frozen=True):
    """One thing wrong in a series: the index of the character where it stands, and why."""

    at: int
    reason: str


def parse_series(text: str, type_: FactType) -> Series | list[Slip]:
    """Return the series that a text means for a fact of a type, or all that is wrong with it."""
    values: list[Value] = []
    slips: list[Slip] = []
    for match in _ITEM.finditer(text):
        item = match[0]
        found = _values(item, type_)
        if found is None:
            slips.append(Slip(match.start(), f"{item} is not {_WANTED[type_]}{_better(item)}"))
            continue
        count, some = found
        if len(values) + count > MOST_VALUES:
            return [Slip(match.start(), f"more than {MOST_VALUES:,} values")]
        values.extend(some)
    if not values and not slips:
        slips.append(Slip(0, "a series needs at least one value"))
    return slips or Series(tuple(values))


def _values(item: str, type_: FactType) -> tuple[int, Iterable[Value]] | None:
    """Return how many values an item stands for, and them; None when it is not of the type."""
    nothing = _NOTHING.fullmatch(item)
    if nothing is not None:
        times = int(nothing[2] or 0)
        if nothing[1] == "null":
            return times + 1, repeat(None, times + 1)
        count = times if nothing[2] else 1  # promtool's `_x3` is 3, where its `1x3` is 4
        return count, repeat(msgspec.UNSET, count)
    if type_ == "flag":
        flag = _FLAGS.fullmatch(item)
        return None if flag is None else _repeated(flag[1] == "true", flag[2])
    if type_ == "text":
        quoted = _QUOTED.fullmatch(item)
        if quoted is not None:
            return _repeated(quoted[1], quoted[2])
        is_word = _BARE.fullmatch(item) is not None and _REPEATED.fullmatch(item) is None
        return (1, (item,)) if is_word else None
    number = _NUMBERS.fullmatch(item)
    if number is None:
        return None
    # Decimals: 0.1 three times up from 0 is 0.3, as who wrote it meant.
    first, rise, more = Decimal(number[1]), Decimal(number[2] or 0), int(number[3] or 0)
    return more + 1, (float(first + rise * index) for index in range(more + 1))


def _repeated(value: Scalar, more: str | None) -> tuple[int, Iterable[Value]]:
    count = int(more or 0) + 1
    return count, repeat(value, count)


def _better(item: str) -> str:
    repeated = _REPEATED.fullmatch(item)
    if repeated is not None and _BARE.fullmatch(repeated[1]):
        return f" (to repeat a text, quote it: '{repeated[1]}'x{repeated[2]})"
    if item.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return " (what is not known is written null)"
    return ""
