"""An engine's own values: what becomes a number, a text, or null and counted."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import types
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own
import pytest

from tickbeat import HeartbeatWriter, Tick
from tickbeat.encode import MAX_BODY_BYTES, Encoding
from tickbeat.intake import Intake
from tickbeat.record import Pnl, Positions

Read = Callable[..., list[dict[str, Any]]]


class Side(enum.Enum):
    BUY = "buy"
    LIMIT = Decimal("1.5")
    BROKEN = float("nan")
    LOST = object()


class Text(str):
    __slots__ = ()


class Weight(float):
    pass


class Count(int):
    pass


class Price:
    def __float__(self) -> float:
        return 12.5


class Index:
    def __index__(self) -> int:
        return 7


class Refuses:
    def __float__(self) -> float:
        raise RuntimeError("not now")


@dataclasses.dataclass
class Point:
    x: float


KOLKATA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

WRITTEN: list[tuple[Any, Any]] = [
    (np.float64(1.5), 1.5),
    (np.float32(0.5), 0.5),
    (np.int64(3), 3),
    (np.bool_(True), True),
    (np.array([1.5, 2.5]), [1.5, 2.5]),
    (np.array([[1], [2]]), [[1], [2]]),
    (np.str_("TCS"), "TCS"),
    (np.datetime64("2025-10-12T09:15:00", "ns"), "2025-10-12T09:15:00.000000000"),
    (pd.Series([1, 2]), [1, 2]),
    (pd.Timestamp("2025-10-12 09:15"), "2025-10-12T09:15:00.000000"),
    (pd.Timestamp("2025-10-12 09:15", tz="Asia/Kolkata"), "2025-10-12T09:15:00.000000+05:30"),
    (datetime.datetime(2025, 10, 12, 9, 15), "2025-10-12T09:15:00"),  # noqa: DTZ001 - naive ones pass
    (datetime.datetime(2025, 10, 12, 9, 15, tzinfo=KOLKATA), "2025-10-12T09:15:00+05:30"),
    (datetime.date(2025, 10, 12), "2025-10-12"),
    (Decimal("2500.50"), 2500.5),
    (Decimal("1E+3"), 1000.0),
    (Fraction(1, 4), 0.25),
    (Side.BUY, "buy"),
    (Side.LIMIT, 1.5),
    (Text("x"), "x"),
    (Weight(2.5), 2.5),
    (Count(4), 4),
    (Price(), 12.5),
    (Index(), 7),
    (b"abc", "YWJj"),
    ((1, 2), [1, 2]),
    ({3}, [3]),
    (collections.deque([1]), [1]),
    (Point(1.0), {"x": 1.0}),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (10**30, 10**30),
    ({Decimal("1.5"): 1}, {"1.5": 1}),
    ({np.float64(1.5): 1, np.int64(2): 2}, {"1.5": 1, "2": 2}),
    ({Side.BUY: 1}, {"buy": 1}),
    ('NaN "Infinity" 1E+999 \\', 'NaN "Infinity" 1E+999 \\'),
    (None, None),
    ([None, {"a": None}], [None, {"a": None}]),
]

NULLED: list[tuple[Any, Any, int]] = [
    (float("nan"), None, 1),
    (float("-inf"), None, 1),
    (np.float64("nan"), None, 1),
    (np.float32("inf"), None, 1),
    (Weight("nan"), None, 1),
    (Decimal("NaN"), None, 1),
    (Decimal("sNaN"), None, 1),
    (Decimal("-Infinity"), None, 1),
    (Decimal("1E+400"), None, 1),
    (Side.BROKEN, None, 1),
    (Side.LOST, None, 1),
    (pd.NaT, None, 1),
    (pd.NA, None, 1),
    (object(), None, 1),
    (1j, None, 1),
    (Refuses(), None, 1),
    ("\ud800", None, 1),
    (np.array([1.0, np.nan]), [1.0, None], 1),
    ([1.0, float("nan"), None], [1.0, None, None], 1),
    ({"a": {"b": [Decimal("NaN"), 1.5]}}, {"a": {"b": [None, 1.5]}}, 1),
    ({"a": Decimal("NaN"), "b": Decimal("Infinity")}, {"a": None, "b": None}, 2),
    (Point(float("nan")), {"x": None}, 1),
    ({Decimal("NaN"): 1.0}, {"NaN": 1.0}, 0),
    ({float("nan"): 1.0}, {"nan": 1.0}, 0),
    ({(1, 2): object()}, {"(1, 2)": None}, 1),
]


@pytest.mark.fault("W6")
@pytest.mark.parametrize(("value", "written"), WRITTEN, ids=lambda value: type(value).__name__)
def test_a_value_is_written(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, value: Any, written: Any
) -> None:
    heartbeat.record_tick({"custom": {"value": value}, "pnl": {"daily": 1.0}})
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    assert tick["custom"]["value"] == written
    assert tick["pnl"] == {"daily": 1.0}
    assert heartbeat.stats().nulled == 0


@pytest.mark.fault("W6")
@pytest.mark.parametrize("case", NULLED, ids=lambda case: type(case[0]).__name__)
def test_a_value_that_cannot_be_written_is_null_and_counted(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, case: tuple[Any, Any, int]
) -> None:
    value, written, count = case
    heartbeat.record_tick({"custom": {"value": value}, "pnl": {"daily": 1.0}})
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    assert tick["custom"]["value"] == written
    assert tick["pnl"] == {"daily": 1.0}
    assert heartbeat.stats().nulled == count


@pytest.mark.fault("W6")
def test_a_cycle_is_cut_and_the_rest_is_written(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    cycle: dict[str, Any] = {"spread_bps": 3.1}
    cycle["me"] = [cycle]
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    heartbeat.record_tick({"custom": cycle, "orders": {"open": deep}, "pnl": {"daily": 1.0}})
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    assert tick["custom"]["spread_bps"] == 3.1
    assert tick["pnl"] == {"daily": 1.0}
    assert heartbeat.stats().nulled == 2


def test_a_typed_tick_with_foreign_numbers_is_salvaged_too(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    daily: Any = "\ud800"
    heartbeat.record_tick(Tick(pnl=Pnl(daily=daily, realized=np.float64(2.0))))
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    assert tick["pnl"]["realized"] == 2.0
    assert tick["pnl"]["daily"] is None
    assert tick["seq"] == 1


def test_a_huge_field_is_left_out_of_its_tick(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    symbols = [f"SYMBOL{number}" for number in range(10_000)]
    heartbeat.record_tick(Tick(positions=Positions(count=3, symbols=symbols)))
    heartbeat.record_tick({"custom": {f"name{number}": "x" * 20 for number in range(5_000)}})
    heartbeat.record_tick({f"name{number}" * 9: 1 for number in range(5_000)})
    heartbeat.close()
    ticks = read(tmp_path, "tick")
    assert ticks[0]["positions"]["count"] == 3
    assert ticks[0]["positions"]["symbols"] is None
    assert all(len(msgspec.json.encode(tick)) < MAX_BODY_BYTES + 200 for tick in ticks)
    assert heartbeat.stats().nulled > 1


def test_each_null_of_a_salvaged_tick_is_counted_once(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    nan = float("nan")
    custom = {"a": object(), "b": nan, "c": np.array([nan, 1.0]), "d": [nan, None], "e": 1.0}
    heartbeat.record_tick({"custom": custom, "pnl": {"daily": np.float64("nan"), "x": "\ud800"}})
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    written = {"a": None, "b": None, "c": [None, 1.0], "d": [None, None], "e": 1.0}
    assert tick["custom"] == written
    assert heartbeat.stats().nulled == 6


@pytest.mark.fault("W6")
def test_a_mapping_that_raises_leaves_a_bare_tick(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    class Broken(collections.UserDict[str, object]):
        def __iter__(self) -> Any:
            raise RuntimeError("in mid-change")

    heartbeat.record_tick(Broken(a=1))
    heartbeat.close()
    assert len(read(tmp_path, "tick")) == 1
    assert heartbeat.stats().nulled >= 1


def test_large_ticks_that_nobody_takes_are_bounded_by_their_bytes() -> None:
    intake = Intake(Encoding(), limit_ticks=10_000)
    for _ in range(700):
        intake.record_tick({"custom": {"text": "x" * 60_000}})
    batch = intake.take()
    assert [seq for seq, *_ in batch] == list(range(1, 701))
    assert sum(len(body) for _, _, body, _ in batch) < 33 * 1024 * 1024
    assert intake.encoding.nulled == sum(body == b"{}" for _, _, body, _ in batch) > 0
    intake.record_tick({"custom": {"text": "x" * 60_000}})
    assert len(intake.take()[0][2]) > 60_000


def test_a_nan_that_comes_late_is_counted_in_full(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, until: Any
) -> None:
    for _ in range(300):
        heartbeat.record_tick({"pnl": {"daily": 1.0}})
    until(lambda: len(read(tmp_path, "tick")) == 300)
    heartbeat.record_tick({"pnl": {"daily": float("nan")}})
    until(lambda: len(read(tmp_path, "tick")) == 301)
    assert heartbeat.stats().nulled == 1
    heartbeat.record_tick({"pnl": {"daily": None, "realized": float("nan")}})
    heartbeat.close()
    assert heartbeat.stats().nulled == 2
