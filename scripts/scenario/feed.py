"""The snapshots of a scenario: what each holds of the facts, their `last.*` and their windows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.facts import Fact, is_windowed
from evaluator.incident import Scalar
from evaluator.names import base_fact
from evaluator.stats import Stats
from evaluator.windows import sample
from scripts.scenario.series import Series, Value

_SPAN = ("window.ticks", "window.seconds")
_REBOOTED = "collector.rebooted"


class Taken(msgspec.Struct, frozen=True):
    """A snapshot: raw facts by name, statistics of its window by fact, ticks and seconds of it."""

    raw: dict[str, object]
    stats: dict[str, Stats]
    ticks: int
    seconds: float


class Feed:
    """Makes snapshots as the collector would, of one sample a snapshot.

    `last.<fact>` is the last value that was reported, `window.<fact>.*` what the one sample
    makes, unless the series say otherwise. Where the machine `reboots`, snapshots say so. Not of a
    snapshot: `calendar.*` and `scheduler.*`.
    """

    def __init__(
        self,
        inputs: Mapping[str, Series],
        facts: Mapping[str, Fact],
        interval_ms: int,
        *,
        reboots: bool,
    ) -> None:
        self._interval_ms = interval_ms
        self._facts = facts
        self._windows: dict[str, dict[str, Series]] = {}
        self._plain: dict[str, Series] = {}
        self._around: dict[str, Series] = {}
        self._span: dict[str, Series] = {}
        for name, series in inputs.items():
            if name in _SPAN:
                self._span[name] = series
            elif name.startswith("window."):
                stat = name.rpartition(".")[2]
                self._windows.setdefault(base_fact(name), {})[stat] = series
            elif facts[base_fact(name)].source in ("clock", "scheduler"):
                self._around[name] = series
            else:
                self._plain[name] = series
        self._last: dict[str, Scalar] = {}
        self._before: dict[str, Scalar] = {}
        self._taken_ms: int | None = None
        self._rebooted = False if reboots else None

    def reboot(self) -> None:
        """Have the next snapshot say that the machine was rebooted."""
        self._rebooted = True
        self._before.clear()

    def around(self, at_ms: int) -> dict[str, Value]:
        """Return what is given of the facts that no snapshot holds, at a time since the start."""
        return {
            name: series.at(at_ms // self._interval_ms) for name, series in self._around.items()
        }

    def snapshot(self, at_ms: int) -> Taken:
        """Return the snapshot of a time since the start."""
        index = at_ms // self._interval_ms
        raw: dict[str, object] = {}
        stats: dict[str, Stats] = {}
        for name, series in self._plain.items():
            value = series.at(index)
            if value is msgspec.UNSET:
                continue
            raw[name] = value
            fact = self._facts[base_fact(name)]
            if value is None or fact.name != name or fact.source != "engine":
                continue
            self._last[f"last.{name}"] = value
            if is_windowed(fact):
                one = sample(value, self._before.get(name), counts=_counts(fact))
                if one is not None:
                    stats[name] = one
                    self._before[name] = value
        for fact_name, told in self._windows.items():
            known = stats.get(fact_name) or Stats(count=1)
            changes = {stat: series.at(index) for stat, series in told.items()}
            given = {stat: value for stat, value in changes.items() if _is_value(value)}
            if given:
                stats[fact_name] = _whole(known, given)
        if self._rebooted is not None:
            raw.setdefault(_REBOOTED, self._rebooted)
            self._rebooted = False
        passed_ms = self._interval_ms if self._taken_ms is None else at_ms - self._taken_ms
        self._taken_ms = at_ms
        ticks, seconds = (self._span_at(name, index) for name in _SPAN)
        return Taken(
            raw=self._last | raw,
            stats=stats,
            ticks=1 if ticks is None else int(ticks),
            seconds=passed_ms / 1000 if seconds is None else seconds,
        )

    def _span_at(self, name: str, index: int) -> float | None:
        series = self._span.get(name)
        value = None if series is None else series.at(index)
        return value if isinstance(value, float) else None


def _counts(fact: Fact) -> bool:
    """Tell whether `delta` is the sum of rises: of a counter, and of any number in `custom`."""
    return fact.type == "counter" or fact.name.startswith("custom.")


def _is_value(value: Value) -> bool:
    return value is not None and value is not msgspec.UNSET


def _whole(known: Stats, given: Mapping[str, object]) -> Stats:
    """Return statistics with the given ones laid over; of a fact not reported, level with them."""
    if known.last is None:
        level = next((v for stat, v in given.items() if stat not in ("count", "delta")), 0.0)
        is_flag = isinstance(level, bool) or given.keys() & {"any", "all"}
        blank: dict[str, object] = (
            {"last": float(bool(level)), "any": level, "all": level}
            if is_flag
            else dict.fromkeys(("first", "last", "min", "max", "mean"), level) | {"delta": 0.0}
        )
        known = msgspec.structs.replace(known, **blank)
    return msgspec.structs.replace(known, **given)
