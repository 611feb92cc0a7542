"""From many ticks to one window, and what is known now and last."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.fold import Fold
from collectors.tick_line import parse
from collectors.window import increase
from evaluator.instant import Instant
from evaluator.stats import Stats

Reader = Any
Lines = Any
AT = Instant(1_760_000_000_000, 10**13, "boot")


def folded(*ticks: dict[str, Any], size: int = 1000) -> Fold:
    """Fold the ticks in batches of `size`."""
    fold = Fold()
    counters: dict[str, float] = {}
    for first in range(0, len(ticks), size):
        data = b"".join(json.dumps(tick).encode() + b"\n" for tick in ticks[first : first + size])
        for run in parse(data).runs:
            assert isinstance(run, list)
            fold.take(run, AT, counters)
    return fold


def losses(*values: object) -> list[dict[str, Any]]:
    return [{"risk": {"daily_loss_pct": value}} for value in values]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_window_holds_what_a_number_did(size: int) -> None:
    fold = folded(*losses(-1, -5.5, 2, None, 1), {"risk": {}}, {"pnl": {}}, size=size)

    assert fold.ticks == 7
    assert fold.stat("risk.daily_loss_pct") == Stats(
        count=4, first=-1.0, last=1.0, min=-5.5, max=2.0, mean=-0.875, delta=2.0
    )


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_flag_that_was_on_for_one_tick_shows_in_its_window(size: int) -> None:
    ticks = [{"risk": {"circuit_breaker_active": on}} for on in (False, True, None, False)]
    stats = folded(*ticks, size=size).stat("risk.circuit_breaker_active")

    assert stats == Stats(count=3, last=0.0, any=True, all=False)


def test_null_is_not_known_now_and_left_out_is_as_before() -> None:
    fold = folded(
        {"pnl": {"daily": 5, "realized": 1}, "orders": {"open": 2}},
        {"pnl": {"daily": None}},
        {"orders": None},
    )

    assert fold.now["pnl"] == {"daily": None, "realized": 1.0, "unrealized": None} | {
        "daily": None
    } or fold.now["pnl"] == {"daily": None, "realized": 1.0}
    assert fold.now["orders"]["open"] is None
    assert fold.last["pnl"] == {"daily": 5.0, "realized": 1.0}
    assert fold.last["orders"] == {"open": 2.0}


def test_texts_and_lists_are_kept_as_they_were_told_last() -> None:
    fold = folded(
        {"positions": {"symbols": ["TCS", "INFY"]}, "market_data": {"last_update": "10:00"}},
        {"positions": {"symbols": []}, "market_data": {}},
    )

    assert fold.now["positions"]["symbols"] == []
    assert fold.now["market_data"]["last_update"] == "10:00"
    assert fold.stats() == {}


@pytest.mark.parametrize(
    ("values", "before", "expected"),
    [
        ([5], None, 0.0),
        ([5, 7, 7, 10], None, 5.0),
        ([5, 7], 2.0, 5.0),
        ([5, 2, 3], 4.0, 4.0),
        ([3], 10.0, 3.0),
        ([0], 10.0, 0.0),
    ],
)
def test_an_increase_counts_a_fallen_counter_from_zero(
    values: list[float], before: float | None, expected: float
) -> None:
    assert increase(values, before) == expected


def test_increases_go_on_over_windows_restarts_and_writers(reader: Reader, lines: Lines) -> None:
    def rejected(seq: int, count: int, writer: str = "w1") -> bytes:
        return bytes(lines.tick(seq, writer, orders={"rejected": count}))

    def delta() -> float:
        reader.read()
        return float(reader.snapshot().window.stats["orders.rejected"].delta)

    reader.append("main-w1.jsonl", rejected(1, 7) + rejected(2, 9))
    assert delta() == 2.0
    reader.append("main-w1.jsonl", rejected(3, 12))
    assert delta() == 3.0
    reader.restart()
    reader.append("main-w1.jsonl", rejected(4, 13))
    assert delta() == 1.0
    # Side by side: each writer's counter is compared with its own last value.
    reader.append("main-w2.jsonl", rejected(1, 0, "w2") + rejected(2, 1, "w2"))
    assert delta() == 1.0
    reader.append("main-w1.jsonl", rejected(5, 14))
    reader.append("main-w2.jsonl", rejected(3, 2, "w2"))
    assert delta() == 2.0


def test_custom_values_are_taken_by_their_type() -> None:
    fold = folded(
        {"custom": {"n": 1, "f": True, "t": "a"}},
        {"custom": {"n": 4, "x": None}},
        {"custom": {"n": 3, "f": False, "t": "b", "n2": 7}},
    )

    assert fold.now["custom"] == {"n": 3.0, "f": False, "t": "b", "x": None, "n2": 7.0}
    assert fold.last["custom"] == {"n": 3.0, "f": False, "t": "b", "n2": 7.0}
    assert fold.stats() == {
        "custom.n": Stats(count=3, first=1.0, last=3.0, min=1.0, max=4.0, mean=8 / 3, delta=6.0),
        "custom.f": Stats(count=2, last=0.0, any=True, all=False),
        "custom.n2": Stats(count=1, first=7.0, last=7.0, min=7.0, max=7.0, mean=7.0, delta=0.0),
    }


def test_a_custom_value_that_changes_its_type_is_counted_as_wrong() -> None:
    fold = folded({"custom": {"a": 1}}, {"custom": {"a": "x"}}, {"custom": {"a": 2}})

    assert fold.values_rejected == 1
    assert fold.stat("custom.a").count == 2  # type: ignore[union-attr] -- asserted to be there
    fold = folded({"custom": {"a": 1}}, {"custom": {"a": True}}, size=1)
    assert fold.stat("custom.a") == Stats(count=1, last=1.0, any=True, all=True)


def test_custom_null_makes_all_of_it_unknown() -> None:
    fold = folded({"custom": {"a": 1, "t": "x"}}, {"custom": None}, {"custom": {"a": 2}})

    assert fold.now["custom"] == {"a": 2.0, "t": None}


def test_what_an_engine_can_put_into_a_snapshot_is_bounded() -> None:
    fold = folded(
        {"custom": {f"n{number}": 1 for number in range(600)} | {"x" * 101: 1}},
        {"custom": {"t": "y" * 5000}, "positions": {"symbols": ["z" * 101]}},
        {"market_data": {"last_update": "t" * 5000}},
    )

    assert len(fold.now["custom"]) == 500
    assert fold.now["positions"]["symbols"] is None
    assert fold.now["market_data"]["last_update"] is None
    assert fold.values_rejected == 100 + 1 + 1 + 1 + 1


def test_numbers_too_large_to_add_up_have_no_mean() -> None:
    stats = folded(*losses(1e308, 1e308)).stat("risk.daily_loss_pct")

    assert stats is not None
    assert (stats.max, stats.mean) == (1e308, None)


def test_artifact_ages_are_what_was_reported_last() -> None:
    fold = folded({"artifacts": {"a": 1}}, {"pnl": {}}, {"artifacts": {"b": 2.5}})

    assert fold.artifacts == {"b": 2.5}
    assert folded({"artifacts": {"a": 1}}, {"artifacts": None}).artifacts == {}


VALUE = st.none() | st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
RISK = st.fixed_dictionaries(
    {}, optional={"daily_loss_pct": VALUE, "circuit_breaker_active": st.none() | st.booleans()}
)
TICK = st.fixed_dictionaries(
    {},
    optional={
        "risk": st.none() | RISK,
        "orders": st.fixed_dictionaries({}, optional={"rejected": st.none() | st.integers(0, 9)}),
        "custom": st.none() | st.dictionaries(st.sampled_from("ab"), VALUE, max_size=2),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(TICK, min_size=1, max_size=12), st.integers(1, 12))
def test_the_size_of_the_batches_changes_nothing(ticks: list[dict[str, Any]], size: int) -> None:
    one_by_one, batched = folded(*ticks, size=1), folded(*ticks, size=size)

    assert batched.now == one_by_one.now
    assert batched.last == one_by_one.last
    left, right = batched.stats(), one_by_one.stats()
    assert left.keys() == right.keys()
    for fact, stats in left.items():
        other = right[fact]
        assert (stats.count, stats.first, stats.last) == (other.count, other.first, other.last)
        assert (stats.min, stats.max, stats.any, stats.all) == (
            other.min,
            other.max,
            other.any,
            other.all,
        )
        assert stats.mean == pytest.approx(other.mean, abs=1e-6)
        assert stats.delta == pytest.approx(other.delta, abs=1e-6)


def test_readings_outlive_a_restart(make_reader: Callable[..., Reader], lines: Lines) -> None:
    reader = make_reader()
    reader.append("main.jsonl", lines.tick(pnl={"daily": 5}, custom={"a": True, "t": "x"}))
    reader.read()
    before = reader.snapshot()
    reader.restart()
    after = reader.snapshot()

    assert (after.pnl, after.custom, after.last) == (before.pnl, before.custom, before.last)
    assert after.collector.received_at == before.collector.received_at
    assert (before.window.ticks, after.window.ticks) == (1, 0)
