"""The trader: enters on a move, keeps its stops, obeys its breaker, and its money adds up."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.paper.bars import Bar, Day, Minute, simulate_day
from scripts.paper.book import Book
from scripts.paper.trader import Event, Plan, Trader

PLAN = Plan(mean_minutes=2, enter_pct=1.0, stop_pct=5.0, exposure_pct=100, slippage_bps=0)
START = datetime(2025, 10, 13, 3, 46, tzinfo=UTC)
CAPITAL = 1_000_000


def minute(number: int, *prices: int) -> Minute:
    """Return a minute of one symbol: open, then close, or one price for all four."""
    bar = Bar(prices[0], max(prices), min(prices), prices[-1])
    return Minute(START + timedelta(minutes=number), {"TCS": bar})


def trading(plan: Plan = PLAN) -> Trader:
    trader = Trader(Book(CAPITAL), plan)
    trader.open_day(1)
    return trader


def play(trader: Trader, *prices: int) -> list[Event]:
    return [event for n, price in enumerate(prices) for event in trader.turn(minute(n, price))]


def test_it_buys_a_fall_below_the_mean_and_sells_at_the_return_to_it() -> None:
    trader = trading()

    events = play(trader, 1000, 1000, 980, 991)

    assert [(event.kind, event.quantity) for event in events] == [("enter", 1020), ("exit", -1020)]
    assert trader.book.realised == 1020 * 11
    assert trader.orders_placed == 3


def test_it_sells_short_a_rise_above_the_mean_and_buys_back_at_the_return_to_it() -> None:
    trader = trading()

    events = play(trader, 1000, 1000, 1020, 1005)

    assert [(event.kind, event.quantity) for event in events] == [("enter", -980), ("exit", 980)]
    assert trader.book.realised == 980 * 15


@pytest.mark.parametrize(
    ("entry", "through", "stopped_at"),
    [
        (980, (970, 920), 931),  # 5 % below the entry, touched within the minute
        (980, (900, 890), 900),  # opened below the stop: filled where it opened
        (1020, (1030, 1080), 1071),
        (1020, (1100, 1110), 1100),
    ],
)
def test_a_stop_is_filled_at_its_price_or_at_a_worse_open(
    entry: int, through: tuple[int, int], stopped_at: int
) -> None:
    trader = trading(Plan(mean_minutes=2, stop_pct=5, slippage_bps=0, breaker_pct=99))
    play(trader, 1000, 1000, entry)

    first = trader.turn(minute(3, *through))[0]

    assert (first.kind, first.price) == ("stop", stopped_at)
    assert first.gained == -abs(first.quantity) * abs(entry - stopped_at)


def test_the_breaker_flattens_at_the_limit_and_stops_new_entries() -> None:
    trader = trading(Plan(mean_minutes=2, exposure_pct=100, slippage_bps=0, breaker_pct=2.5))
    play(trader, 1000, 1000, 980)

    events = trader.turn(minute(3, 955))

    assert [event.kind for event in events] == ["flatten", "breaker"]
    assert trader.halted
    assert trader.book.positions == {}
    assert trader.daily_pct == pytest.approx(-100 * 1020 * 25 / CAPITAL)
    assert play(trader, 900, 1000, 900, 1000) == []


def test_a_loss_short_of_the_limit_leaves_the_breaker_off() -> None:
    trader = trading(Plan(mean_minutes=2, exposure_pct=100, slippage_bps=0, breaker_pct=2.6))
    play(trader, 1000, 1000, 980, 955)

    assert not trader.halted


def test_a_new_day_starts_from_zero_with_the_breaker_off() -> None:
    trader = trading(Plan(mean_minutes=2, exposure_pct=100, slippage_bps=0, breaker_pct=2.5))
    play(trader, 1000, 1000, 980, 955)

    trader.open_day(1)

    assert (trader.halted, trader.daily, trader.daily_pct) == (False, 0, 0.0)
    assert [event.kind for event in play(trader, 1000, 1000, 980)] == ["enter"]


def test_slippage_and_fees_cost_money_on_both_sides() -> None:
    trader = trading(
        Plan(mean_minutes=2, enter_pct=1, exposure_pct=100, slippage_bps=100, fee_bps=10)
    )
    events = play(trader, 100_000, 100_000, 90_000, 100_000)

    assert [event.price for event in events] == [90_900, 99_000]
    assert trader.book.fees == sum(round(abs(e.quantity) * e.price / 1000) for e in events)


def test_a_price_above_the_budget_is_not_bought() -> None:
    assert play(trading(), CAPITAL * 3, CAPITAL * 3, CAPITAL * 2) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0), st.floats(min_value=0, max_value=20))
def test_every_turn_of_a_made_up_day_balances(seed: int, fee_bps: float) -> None:
    day = simulate_day(seed, date(2025, 10, 13))
    trader = Trader(Book(200_000_000), Plan(fee_bps=fee_bps))
    trader.open_day(len(day.symbols))
    book = trader.book
    gained = 0
    for one in day.minutes:
        gained += sum(event.gained for event in trader.turn(one))
        assert book.realised == gained
        assert book.realised + book.unrealised - book.fees == book.equity - 200_000_000
        assert trader.daily == book.equity - 200_000_000
        assert not (trader.halted and book.positions)


def test_the_made_up_day_of_the_demo_trips_the_breaker() -> None:
    assert _trips(simulate_day(1, date(2025, 10, 13)))


def _trips(day: Day) -> bool:
    trader = Trader(Book(200_000_000), Plan())
    trader.open_day(len(day.symbols))
    for one in day.minutes:
        trader.turn(one)
    return trader.halted
