"""The trader: fades moves away from the recent mean, keeps stops, and obeys its breaker.

It buys what fell below its mean of the last minutes and sells short what rose above it, which
earns a little on a quiet day and loses on a day with a trend: so that a loss needs no script.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import msgspec

from scripts.paper.bars import Bar, Minute
from scripts.paper.book import Book, Fill


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How to trade. Percentages are of a price, `breaker_pct` of the day's opening equity."""

    mean_minutes: int = 30
    enter_pct: float = 0.4
    stop_pct: float = 3.0
    exposure_pct: float = 150.0
    slippage_bps: float = 2.0
    fee_bps: float = 0.0
    breaker_pct: float = 2.5


class Event(msgspec.Struct, frozen=True):
    """Something worth telling: a fill with its profit in paise, or the breaker with the loss."""

    kind: Literal["enter", "exit", "stop", "flatten", "breaker"]
    symbol: str = ""
    quantity: int = 0
    price: int = 0
    gained: int = 0


class Trader:
    """One trading day after another on one book; `turn` is one pass of the engine's loop."""

    def __init__(self, book: Book, plan: Plan) -> None:
        self.book = book
        self.plan = plan
        self.orders_placed = 0
        self.halted = False
        self._symbols = 1
        self._closes: dict[str, deque[int]] = {}
        self._opening_equity = book.equity

    def open_day(self, symbols: int) -> None:
        """Begin a day with `symbols` to trade: the daily figures start anew, the breaker is off."""
        self.halted = False
        self._symbols = max(1, symbols)
        self._closes.clear()
        self._opening_equity = self.book.equity

    def turn(self, minute: Minute) -> list[Event]:
        """Take a minute's prices: stops first, then the breaker, then new decisions."""
        events = []
        for symbol, bar in minute.bars.items():
            events += self._keep_stop(symbol, bar)
            self.book.mark(symbol, bar.close)
        if not self.halted and self.daily_pct <= -self.plan.breaker_pct:
            self.halted = True
            events += self.flatten("flatten")
            events.append(Event("breaker"))
        for symbol, bar in minute.bars.items():
            closes = self._closes.setdefault(symbol, deque(maxlen=self.plan.mean_minutes))
            if not self.halted and len(closes) == self.plan.mean_minutes:
                events += self._decide(symbol, bar.close, sum(closes) / len(closes))
            closes.append(bar.close)
        return events

    def flatten(self, kind: Literal["exit", "flatten"] = "exit") -> list[Event]:
        """Close every position at its mark."""
        held = list(self.book.positions.items())
        return [
            self._order(kind, symbol, -position.quantity, self.book.mark_of(symbol))
            for symbol, position in held
        ]

    @property
    def daily(self) -> int:
        """Profit of the day in paise, fees included."""
        return self.book.equity - self._opening_equity

    @property
    def daily_pct(self) -> float:
        """Return of the day in percent of the opening equity: negative is a loss."""
        return 100 * self.daily / self._opening_equity

    def _keep_stop(self, symbol: str, bar: Bar) -> list[Event]:
        position = self.book.positions.get(symbol)
        if position is None or position.stop is None:
            return []
        long = position.quantity > 0
        if (bar.low > position.stop) if long else (bar.high < position.stop):
            return []
        # A price that opens beyond the stop is filled at that price, not at the one wished for.
        price = min(bar.open, position.stop) if long else max(bar.open, position.stop)
        quantity = -position.quantity
        return [Event("stop", symbol, quantity, price, self._fill(symbol, quantity, price))]

    def _decide(self, symbol: str, price: int, mean: float) -> list[Event]:
        away_pct = 100 * (price - mean) / mean
        position = self.book.positions.get(symbol)
        if position is not None:
            reverted = away_pct >= 0 if position.quantity > 0 else away_pct <= 0
            return [self._order("exit", symbol, -position.quantity, price)] if reverted else []
        if abs(away_pct) < self.plan.enter_pct:
            return []
        budget = self._opening_equity * self.plan.exposure_pct / 100 / self._symbols
        quantity = int(budget // price) * (1 if away_pct < 0 else -1)
        if quantity == 0:
            return []
        event = self._order("enter", symbol, quantity, price)
        stop_away = self.plan.stop_pct / 100 * (-1 if quantity > 0 else 1)
        self.book.positions[symbol].stop = round(price * (1 + stop_away))
        self.orders_placed += 1
        return [event]

    def _order(
        self, kind: Literal["enter", "exit", "flatten"], symbol: str, quantity: int, price: int
    ) -> Event:
        self.orders_placed += 1
        slipped = self.plan.slippage_bps / 10_000 * (1 if quantity > 0 else -1)
        price = max(1, round(price * (1 + slipped)))
        return Event(kind, symbol, quantity, price, self._fill(symbol, quantity, price))

    def _fill(self, symbol: str, quantity: int, price: int) -> int:
        fee = round(abs(quantity) * price * self.plan.fee_bps / 10_000)
        return self.book.take(Fill(symbol, quantity, price, fee))
