"""Minute bars of one trading day: read from CSV files, or made up from a seed.

A CSV file is named `<SYMBOL>_1m.csv` and has the columns
`timestamp,open,high,low,close,volume`; a timestamp is ISO 8601 (without an offset: Indian time)
and prices are in rupees.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

INDIA = ZoneInfo("Asia/Kolkata")
SUFFIX = "_1m.csv"
COLUMNS = ("timestamp", "open", "high", "low", "close")


class BarsError(Exception):
    """The bars can't be used; the message says why and what to do."""


class Bar(msgspec.Struct, frozen=True):
    """One minute of one symbol, prices in paise."""

    open: int
    high: int
    low: int
    close: int


class Minute(msgspec.Struct, frozen=True):
    """What traded in one minute: its label and the bar of each symbol that had one."""

    at: datetime
    bars: dict[str, Bar]


class Day(msgspec.Struct, frozen=True):
    """One trading day, minute by minute, and where its bars come from."""

    date: date
    minutes: tuple[Minute, ...]
    source: str

    @property
    def symbols(self) -> list[str]:
        """Return every symbol that has a bar on this day, sorted."""
        return sorted({symbol for minute in self.minutes for symbol in minute.bars})


def read_days(folder: Path, first: date | None = None) -> list[Day]:
    """Return the days of the bars in `folder` from `first` on; without one, from the largest fall.

    The fall of a day is the mean over its symbols of last close against first open. Raises
    `BarsError`.
    """
    days = _read_folder(folder)
    if first is None:
        first = min(days, key=lambda day: _change(days[day]))
    if first not in days:
        known = ", ".join(str(day) for day in sorted(days))
        raise BarsError(f"no bars on {first} in {folder}: choose one of {known}")
    return [
        Day(day, tuple(Minute(at, minutes[at]) for at in sorted(minutes)), str(folder))
        for day, minutes in sorted(days.items())
        if day >= first
    ]


def _read_folder(folder: Path) -> dict[date, dict[datetime, dict[str, Bar]]]:
    if not folder.is_dir():
        raise BarsError(f"{folder} is not a folder: give --bars a folder of <SYMBOL>{SUFFIX} files")
    files = sorted(folder.glob(f"*{SUFFIX}"))
    if not files:
        raise BarsError(
            f"{folder} holds no <SYMBOL>{SUFFIX} file: each symbol's minute bars go into one, "
            f"with the columns {','.join(COLUMNS)},volume"
        )
    days: dict[date, dict[datetime, dict[str, Bar]]] = {}
    for file in files:
        symbol = file.name.removesuffix(SUFFIX)
        for at, bar in _read_file(file):
            days.setdefault(at.date(), {}).setdefault(at, {})[symbol] = bar
    if not days:
        raise BarsError(f"the files in {folder} hold no bars, only headers")
    return days


def _read_file(file: Path) -> Iterator[tuple[datetime, Bar]]:
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise BarsError(f"{file}: the first line lacks the columns {', '.join(missing)}")
            for number, row in enumerate(rows, start=2):
                try:
                    yield _time(row["timestamp"]), _bar(row)
                except (ValueError, TypeError, InvalidOperation) as error:
                    raise BarsError(f"{file}, line {number}: not a bar: {error!r}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BarsError(f"{file} can't be read: {error}") from error


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=INDIA)


def _bar(row: dict[str, str]) -> Bar:
    bar = Bar(*(_paise(row[name]) for name in COLUMNS[1:]))
    if not 0 < bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise ValueError("open and close must lie between low and high, and all above 0")
    return bar


def _paise(rupees: str) -> int:
    paise = Decimal(rupees) * 100
    if not paise.is_finite():
        raise ValueError(f"{rupees} is not a price")
    return int(paise.to_integral_value())


def _change(minutes: dict[datetime, dict[str, Bar]]) -> float:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for at in sorted(minutes):
        for symbol, bar in minutes[at].items():
            first.setdefault(symbol, bar.open)
            last[symbol] = bar.close
    return sum(last[symbol] / first[symbol] - 1 for symbol in first) / len(first)


SIMULATED = {"RELIANCE": 245_000, "TCS": 372_000, "INFY": 151_000, "HDFCBANK": 164_000}
"""Symbols of a simulated day and what they open near, in paise."""

MINUTES = 375
"""Minutes of an NSE session."""

CALM_MINUTES = 150
"""How long a simulated day is quiet before it is sold off."""


def simulate_day(seed: int, day: date) -> Day:
    """Return a made-up day, the same for the same seed: a calm morning, then a sell-off."""
    dice = random.Random(seed)  # noqa: S311 - a market to play with, not a secret
    prices = {symbol: price * dice.uniform(0.97, 1.03) for symbol, price in SIMULATED.items()}
    start = datetime(day.year, day.month, day.day, 9, 16, tzinfo=INDIA)
    minutes = []
    for number in range(MINUTES):
        drift = 0.0 if number < CALM_MINUTES else -0.00035
        shared = dice.gauss(drift, 0.0006)
        bars = {}
        for symbol, opened in prices.items():
            closed = opened * (1 + shared + dice.gauss(0, 0.0007))
            wick = opened * abs(dice.gauss(0, 0.0004))
            bars[symbol] = Bar(
                round(opened),
                round(max(opened, closed) + wick),
                round(min(opened, closed) - wick),
                round(closed),
            )
            prices[symbol] = closed
        minutes.append(Minute(start + timedelta(minutes=number), bars))
    return Day(day, tuple(minutes), f"simulated with seed {seed}")
