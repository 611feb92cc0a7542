"""The paper book balances to the paisa, whatever is bought, sold, shorted or marked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.paper.book import Book, Fill

SYMBOLS = st.sampled_from(["RELIANCE", "TCS", "INFY"])
PRICES = st.integers(min_value=1, max_value=1_000_000)
FILLS = st.builds(
    Fill,
    symbol=SYMBOLS,
    quantity=st.integers(min_value=-500, max_value=500).filter(bool),
    price=PRICES,
    fee=st.integers(min_value=0, max_value=5_000),
)
OPENING = 100_000_000


def booked(*fills: Fill) -> Book:
    book = Book(OPENING)
    for fill in fills:
        book.take(fill)
    return book


@given(st.lists(FILLS, max_size=30), st.dictionaries(SYMBOLS, PRICES))
def test_equity_is_cash_and_marks_and_its_change_is_what_was_earned(
    fills: list[Fill], marks: dict[str, int]
) -> None:
    book = booked(*fills)
    for symbol, price in marks.items():
        book.mark(symbol, price)

    prices = {fill.symbol: fill.price for fill in fills} | marks
    held = {symbol: sum(f.quantity for f in fills if f.symbol == symbol) for symbol in prices}
    paid = sum(fill.quantity * fill.price + fill.fee for fill in fills)

    assert book.cash == OPENING - paid
    assert book.equity == OPENING - paid + sum(held[one] * prices[one] for one in prices)
    assert book.realised + book.unrealised - book.fees == book.equity - OPENING
    assert {symbol: one.quantity for symbol, one in book.positions.items()} == {
        symbol: quantity for symbol, quantity in held.items() if quantity
    }


@given(st.lists(FILLS, max_size=30), PRICES)
def test_a_flat_book_has_nothing_unrealised(fills: list[Fill], price: int) -> None:
    book = booked(*fills)
    for symbol, position in list(book.positions.items()):
        book.take(Fill(symbol, -position.quantity, price))

    assert (book.unrealised, book.market_value, book.exposure, book.largest) == (0, 0, 0, 0)
    assert book.equity == book.cash == OPENING + book.realised - book.fees


@given(
    st.integers(min_value=1, max_value=200),
    PRICES,
    st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=8),
    PRICES,
    st.sampled_from([1, -1]),
)
def test_closing_in_parts_earns_what_closing_at_once_earns(
    extra: int, entry: int, parts: list[int], leave: int, side: int
) -> None:
    quantity = side * (sum(parts) + extra)
    at_once = booked(Fill("TCS", quantity, entry), Fill("TCS", -quantity, leave))
    in_parts = booked(Fill("TCS", quantity, entry))
    for part in parts:
        in_parts.take(Fill("TCS", -side * part, leave))
    in_parts.take(Fill("TCS", -side * extra, leave))

    assert in_parts.realised == at_once.realised == quantity * (leave - entry)
    assert in_parts.cash == at_once.cash


@given(st.lists(FILLS, max_size=20))
def test_the_same_fills_give_the_same_money(fills: list[Fill]) -> None:
    one, other = booked(*fills), booked(*fills)

    assert (one.cash, one.realised, one.unrealised) == (
        other.cash,
        other.realised,
        other.unrealised,
    )


def test_a_long_position_earns_what_it_rises() -> None:
    book = booked(Fill("INFY", 10, 150_000), Fill("INFY", 10, 152_000))

    assert book.positions["INFY"].average_price == 151_000
    assert book.take(Fill("INFY", -5, 153_000)) == 5 * 2_000
    assert book.positions["INFY"].average_price == 151_000
    book.mark("INFY", 150_000)
    assert (book.realised, book.unrealised) == (10_000, -15_000)


def test_a_short_position_earns_what_it_falls() -> None:
    book = booked(Fill("INFY", -10, 150_000))

    book.mark("INFY", 149_000)
    assert (book.market_value, book.exposure, book.unrealised) == (-1_490_000, 1_490_000, 10_000)
    assert book.take(Fill("INFY", 4, 151_000)) == -4_000
    assert book.positions["INFY"].quantity == -6


def test_a_fill_through_zero_closes_all_and_opens_the_rest_without_the_old_stop() -> None:
    book = booked(Fill("INFY", 10, 100))
    book.positions["INFY"].stop = 90

    assert book.take(Fill("INFY", -15, 120)) == 200
    position = book.positions["INFY"]
    assert (position.quantity, position.average_price, position.stop) == (-5, 120, None)


def test_fees_leave_the_cash_and_are_counted_apart() -> None:
    book = booked(Fill("INFY", 10, 100, fee=7), Fill("INFY", -10, 110, fee=8))

    assert (book.realised, book.fees, book.equity - OPENING) == (100, 15, 85)


@pytest.mark.parametrize(
    "fill", [Fill("INFY", 0, 100), Fill("INFY", 1, 0), Fill("INFY", 1, 100, fee=-1)]
)
def test_what_is_not_a_fill_is_refused(fill: Fill) -> None:
    with pytest.raises(ValueError, match="not a fill"):
        booked(fill)


def test_average_price_of_nothing_is_nothing() -> None:
    book = booked(Fill("INFY", 1, 100))
    position = book.positions["INFY"]
    book.take(Fill("INFY", -1, 100))

    assert position.average_price == 0
    assert book.value("INFY") == 0
