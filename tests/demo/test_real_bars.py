"""On real minute bars the breaker trips on the real fall: nothing about the loss is scripted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.paper.bars import read_days
from scripts.paper.book import Book
from scripts.paper.trader import Plan, Trader

BARS = os.environ.get("TICKBEAT_BARS")

pytestmark = pytest.mark.skipif(
    not BARS, reason="set TICKBEAT_BARS to a folder of minute bars that holds a day of a large fall"
)


def test_the_largest_real_fall_trips_the_breaker_of_an_engine_that_holds_positions() -> None:
    day = read_days(Path(BARS or ""))[0]
    trader = Trader(Book(200_000_000), Plan())
    trader.open_day(len(day.symbols))
    minutes = iter(day.minutes)
    held = 0
    while not trader.halted and (minute := next(minutes, None)) is not None:
        held = len(trader.book.positions)
        trader.turn(minute)

    assert trader.halted
    assert held > 0
    assert trader.book.positions == {}
    assert trader.daily == trader.book.realised - trader.book.fees
    assert trader.daily_pct < -Plan().breaker_pct
