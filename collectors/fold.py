"""Many ticks into one window: statistics per fact, the values now, and the last known ones.

Works column by column: what one field said in a few hundred ticks goes through `sum`, `min` and
`max` at once, which costs a fifth of looking at each tick by itself.

A field that a tick leaves out keeps its value. One that it reports as null (or with the wrong type)
is unknown from then on. `last` keeps what was known last, for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain, islice
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET

from collectors.tick_line import GROUP_LINES, Line
from collectors.window import WindowStats
from evaluator.facts import ENGINE_FACTS
from evaluator.instant import Instant, elapsed_ms
from evaluator.stats import Stats
from monitoring.snapshot import TICK_GROUPS, Readings, Snapshot

MAX_FREE_FIELDS = 500
MAX_NAME_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 1_000
MAX_SYMBOLS = 5_000
"""Bounds of what an engine may put into a snapshot, and so into each one from then on."""

SCORE = "sentiment.last_score"
"""Its own time of receipt is kept: the rest of its group may go on without a score."""

_TYPES = {fact.name: fact.type for fact in ENGINE_FACTS}
_Column = Sequence[Any]


class _Shape(msgspec.Struct, frozen=True):
    """How the fields of one group are got out of its records."""

    names: tuple[str, ...]
    fields_of: Callable[[Any], Any]
    unknown: Line

    def columns(self, groups: Sequence[Any]) -> list[_Column]:
        """Return one column per field. Raises AttributeError when not all are records."""
        if len(self.names) == 1:  # attrgetter of a single name gives no tuple
            return [tuple(map(self.fields_of, groups))]
        return list(zip(*map(self.fields_of, groups), strict=True))


def _shape(line: type[msgspec.Struct]) -> _Shape:
    names = line.__struct_fields__
    return _Shape(names, attrgetter(*names), line(*[None] * len(names)))


_SHAPES = {name: _shape(line) for name, line in GROUP_LINES.items()}
_SENTIMENT = list(_SHAPES).index("sentiment")
_FREE_TYPES = {float: "counter", bool: "flag", str: "text"}
"""How the values of `custom` are taken: numbers get a `delta` too, whatever they count."""
_groups_of = attrgetter(*_SHAPES, "artifacts", "custom")


class Fold:
    """The window since the last snapshot, and what is known now.

    `now` and `last` hold the readings by group; `received_at` when a group was last reported.
    `values_rejected` counts values that could not be used.
    """

    def __init__(self, previous: Snapshot | None = None) -> None:
        self.ticks = 0
        self.values_rejected = 0
        self.now: dict[str, Readings] = {group: {} for group in TICK_GROUPS}
        self.last: dict[str, Readings] = {group: {} for group in TICK_GROUPS}
        self.artifacts: dict[str, float | None] = {}
        self.received_at: dict[str, Instant] = {}
        self._window = WindowStats()
        if previous is not None:
            self._resume(previous)

    def take(self, ticks: list[Line], at: Instant, counters: dict[str, float]) -> None:
        """Fold the ticks of one writer, at least one, received at `at`.

        `counters` holds the writer's counters as last seen, and is brought up to date.
        """
        self.ticks += len(ticks)
        *groups, artifacts, custom = zip(*map(_groups_of, ticks), strict=True)
        for (group, shape), column in zip(_SHAPES.items(), groups, strict=True):
            if column[0] is UNSET and column.count(UNSET) == len(column):
                continue
            try:
                columns = shape.columns(column)
            except AttributeError:
                told = [shape.unknown if one is None else one for one in column if one is not UNSET]
                columns = shape.columns(told)
            self.received_at[group] = at
            for field, values in zip(shape.names, columns, strict=True):
                if values[0] is not UNSET or values.count(UNSET) != len(values):
                    type_ = _TYPES.get(f"{group}.{field}", "text")
                    self._take_field(group, field, type_, values, counters)
        self._date_the_score(groups, at)
        self._take_artifacts(artifacts, at)
        self._take_custom(custom, at, counters)

    def stats(self) -> dict[str, Stats]:
        """Return the statistics of the window by fact name."""
        return self._window.stats()

    def stat(self, fact: str) -> Stats | None:
        """Return the statistics of one fact in the window, None when no tick told it."""
        return self._window.stat(fact)

    def next_window(self) -> None:
        """Begin the next window: the one before is in a snapshot."""
        self.ticks = 0
        self._window = WindowStats()

    def _take_field(
        self, group: str, field: str, type_: str, values: _Column, counters: dict[str, float]
    ) -> None:
        fact = f"{group}.{field}"
        known: _Column | None = None
        if type_ == "flag":
            known = self._window.flags(fact, values)
        elif type_ in {"number", "counter"}:
            counts = type_ == "counter"
            before = self.last[group].get(field)
            before = counters.get(fact, before) if counts else before
            before = before if isinstance(before, float) else None
            known = self._window.numbers(fact, values, before, counts=counts)
            if known and counts:
                counters[fact] = known[-1]
        if known is None:  # a text or a list: only the last one matters
            told = next(value for value in reversed(values) if value is not UNSET)
            known = [told] if told is not None and self._is_modest(told) else []
            values = known or [None]
        if known:
            self.last[group][field] = known[-1]
        newest = values[-1]
        if newest is UNSET:
            newest = next(value for value in reversed(values) if value is not UNSET)
        self.now[group][field] = newest

    def _is_modest(self, told: str | list[str]) -> bool:
        if isinstance(told, str):
            fits = len(told) <= MAX_TEXT_CHARACTERS
        else:
            longest = max(map(len, told), default=0)
            fits = len(told) <= MAX_SYMBOLS and longest <= MAX_NAME_CHARACTERS
        self.values_rejected += not fits
        return fits

    def _date_the_score(self, groups: Sequence[_Column], at: Instant) -> None:
        """Note when a score was last reported, which is not each time its group was."""
        for one in groups[_SENTIMENT]:
            if one is not UNSET and one is not None and isinstance(one.last_score, float):
                self.received_at[SCORE] = at
                return

    def _take_artifacts(self, column: _Column, at: Instant) -> None:
        for told in column:
            if told is not UNSET:
                self.artifacts = dict(islice((told or {}).items(), MAX_FREE_FIELDS))
                self.received_at["artifacts"] = at

    def _take_custom(self, column: _Column, at: Instant, counters: dict[str, float]) -> None:
        told = [fields for fields in column if fields is not UNSET]
        if not told:
            return
        self.received_at["custom"] = at
        known = self.now["custom"]
        if None in told:
            told = _without_nulls(told, known)
        for name in dict.fromkeys(chain.from_iterable(told)):
            values = [fields.get(name, UNSET) for fields in told]
            if name not in known and (
                len(known) >= MAX_FREE_FIELDS or len(name) > MAX_NAME_CHARACTERS
            ):
                self.values_rejected += sum(one is not UNSET and one is not None for one in values)
                continue
            types = set(map(type, values)) & _FREE_TYPES.keys()
            if len(types) > 1:  # the newest type holds; the others' values are of a wrong type
                types, values = self._of_one_type(values)
            type_ = _FREE_TYPES[types.pop()] if types else "text"
            self._take_field("custom", name, type_, values, counters)

    def _of_one_type(self, values: list[Any]) -> tuple[set[type], list[Any]]:
        kept = next(type(value) for value in reversed(values) if type(value) in _FREE_TYPES)
        strange = [type(value) in _FREE_TYPES and type(value) is not kept for value in values]
        self.values_rejected += sum(strange)
        return {kept}, [
            None if is_strange else value for value, is_strange in zip(values, strange, strict=True)
        ]

    def _resume(self, previous: Snapshot) -> None:
        self.received_at = dict(previous.collector.received_at)
        for group in TICK_GROUPS:
            self.last[group] = dict(previous.last.get(group, {}))
            told: Readings = getattr(previous, group)
            names = set(_SHAPES[group].names) if group in _SHAPES else set(told)
            self.now[group] = {name: value for name, value in told.items() if name in names}
        reported = self.received_at.get("artifacts")
        if reported is not None:
            grown = elapsed_ms(reported, previous.instant) / 3_600_000
            self.artifacts = {
                name: hours - grown if isinstance(hours, float) else None
                for name, hours in previous.artifacts.items()
            }


def _without_nulls(told: list[dict[str, Any] | None], known: Readings) -> list[dict[str, Any]]:
    """Return the groups with each null one as what it means: every name until then is unknown."""
    names = dict.fromkeys(known)
    filled = []
    for fields in told:
        filled.append(dict.fromkeys(names) if fields is None else fields)
        names |= dict.fromkeys(fields or ())
    return filled
