"""The book: what is held, what it cost, and what it has earned.

All money is in whole paise (1 ₹ = 100 paise), so that the accounts balance exactly:
`equity == cash + market value` and `realised + unrealised - fees == equity - opening cash`
hold to the paisa after any fill and any mark.
"""

from __future__ import annotations

import msgspec


class Fill(msgspec.Struct, frozen=True):
    """One executed order: signed quantity (negative sells), price and fee in paise."""

    symbol: str
    quantity: int
    price: int
    fee: int = 0


class Position(msgspec.Struct):
    """A holding: signed quantity (negative is short), its signed cost and its stop, in paise.

    `cost` is what the open quantity was bought for (negative: sold short for).
    """

    quantity: int = 0
    cost: int = 0
    stop: int | None = None

    @property
    def average_price(self) -> float:
        """Entry price of the open quantity in paise; 0 when flat."""
        return self.cost / self.quantity if self.quantity else 0.0


class Book:
    """Cash, positions and profit of one account. Amounts in paise."""

    def __init__(self, cash: int) -> None:
        self.opening_cash = cash
        self.cash = cash
        self.realised = 0
        self.fees = 0
        self.positions: dict[str, Position] = {}
        self._marks: dict[str, int] = {}

    def take(self, fill: Fill) -> int:
        """Book a fill and return the profit it realised, before its fee.

        A fill through zero closes the whole position and opens the rest the other way.
        A filled price is also the newest mark.
        """
        if fill.quantity == 0 or fill.price <= 0 or fill.fee < 0:
            raise ValueError(f"not a fill: {fill}")
        position = self.positions.setdefault(fill.symbol, Position())
        closing = _closing(position.quantity, fill.quantity)
        # What leaves the book takes its share of the cost; rounding stays with what remains, so
        # that a position closed in parts has given back exactly what it cost.
        released = position.cost * -closing // position.quantity if closing else 0
        gained = -closing * fill.price - released
        opening = fill.quantity - closing
        position.quantity += fill.quantity
        position.cost += opening * fill.price - released
        if position.quantity == 0:
            del self.positions[fill.symbol]
        elif opening:
            position.stop = None if closing else position.stop
        self.realised += gained
        self.fees += fill.fee
        self.cash -= fill.quantity * fill.price + fill.fee
        self._marks[fill.symbol] = fill.price
        return gained

    def mark(self, symbol: str, price: int) -> None:
        """Value what is held of `symbol` at `price` from now on."""
        self._marks[symbol] = price

    def mark_of(self, symbol: str) -> int:
        """Return the newest price of `symbol`; KeyError when it never had one."""
        return self._marks[symbol]

    def value(self, symbol: str) -> int:
        """Signed market value of one holding."""
        position = self.positions.get(symbol)
        return position.quantity * self._marks[symbol] if position else 0

    @property
    def market_value(self) -> int:
        """Signed value of all holdings at their marks."""
        return sum(self.value(symbol) for symbol in self.positions)

    @property
    def exposure(self) -> int:
        """Unsigned value of all holdings: longs and shorts add up."""
        return sum(abs(self.value(symbol)) for symbol in self.positions)

    @property
    def largest(self) -> int:
        """Unsigned value of the largest holding."""
        return max((abs(self.value(symbol)) for symbol in self.positions), default=0)

    @property
    def unrealised(self) -> int:
        """Profit of what is open, at its marks."""
        return self.market_value - sum(position.cost for position in self.positions.values())

    @property
    def equity(self) -> int:
        """What the account is worth."""
        return self.cash + self.market_value


def _closing(held: int, quantity: int) -> int:
    """Return the signed part of `quantity` that closes what is `held`."""
    if held * quantity >= 0:
        return 0
    return min(quantity, -held) if quantity > 0 else max(quantity, -held)
