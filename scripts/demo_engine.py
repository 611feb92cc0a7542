"""A paper-trading engine: real bars or made-up ones, real accounting, a breaker, a heartbeat.

It stands for the operator's own engine: all that ties it to the monitor are the two lines with
`HeartbeatWriter`. SIGTERM stops it cleanly, SIGUSR1 begins the next trading day; if there is one
to come, it waits for that at the close.
"""

from __future__ import annotations

import argparse
import itertools
import math
import os
import signal
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import BinaryIO

import msgspec

from monitoring.home import find_home
from scripts.paper.bars import BarsError, Day, Minute, read_days, simulate_day
from scripts.paper.book import Book
from scripts.paper.trader import Event, Plan, Trader
from tickbeat import HeartbeatWriter


class Turn(msgspec.Struct, frozen=True):
    """A line of the journal: one turn of the loop, timed by CLOCK_MONOTONIC before its tick."""

    at_ns: int
    day: str
    minute: str
    daily_pct: float
    equity: int
    positions: int
    halted: bool
    events: list[Event]


class Orders:
    """What the signals ask for; the loop looks at it between two turns."""

    def __init__(self) -> None:
        self.stop = False
        self.next_day = False

    def listen(self) -> None:
        """Take SIGTERM and SIGINT as stop, SIGUSR1 as next day."""
        signal.signal(signal.SIGTERM, self._on_stop)
        signal.signal(signal.SIGINT, self._on_stop)
        signal.signal(signal.SIGUSR1, self._on_next_day)

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop = True

    def _on_next_day(self, _number: int, _frame: FrameType | None) -> None:
        self.next_day = True


def metrics(trader: Trader, uptime_seconds: float, latency_ms: float) -> dict[str, object]:
    """Return what the engine reports in each tick. Money in rupees.

    `last_update` is when the price reached the engine: a replay of 2015 is not stale data.
    """
    book = trader.book
    now = datetime.now(UTC).isoformat()
    unrealised = book.unrealised / 100
    return {
        "heartbeat": {"last_tick": now, "uptime_seconds": uptime_seconds},
        "positions": {
            "count": len(book.positions),
            "total_value": book.exposure / 100,
            "symbols": sorted(book.positions),
            "intraday_count": len(book.positions),
            "without_stop": sum(one.stop is None for one in book.positions.values()),
        },
        "pnl": {
            "daily": trader.daily / 100,
            "unrealized": unrealised,
            "realized": trader.daily / 100 - unrealised,
        },
        "risk": {
            "circuit_breaker_active": trader.halted,
            "daily_loss_pct": trader.daily_pct,
            "max_position_value": book.largest / 100,
        },
        "orders": {
            "placed": trader.orders_placed,
            "rejected": 0,
            "exit_rejected": 0,
            "open": sum(one.stop is not None for one in book.positions.values()),
        },
        "market_data": {"last_update": now, "symbols_stale": 0, "halted": False},
        "performance": {"tick_latency_ms": latency_ms},
    }


def run(
    days: list[Day],
    trader: Trader,
    heartbeat: HeartbeatWriter,
    *,
    orders: Orders,
    ticks_per_second: float,
    journal: BinaryIO | None,
) -> str:
    """Trade day after day, one bar a turn, until the days or the orders end it; say why it ended.

    Positions are squared off at the end of a day, and before a stop.
    """
    started = due = time.monotonic()
    for left, day in zip(range(len(days) - 1, -1, -1), days, strict=True):
        trader.open_day(len(day.symbols))
        orders.next_day = False
        for number, minute in enumerate(day.minutes, start=1):
            began = time.perf_counter()
            is_last = number == len(day.minutes) or orders.next_day or orders.stop
            events = trader.turn(minute)
            if is_last:
                events += trader.flatten()
            latency_ms = (time.perf_counter() - began) * 1000
            _tell(journal, day, minute, trader, events)
            heartbeat.record_tick(metrics(trader, time.monotonic() - started, latency_ms))
            # After a freeze the replay goes on from where it stood: it doesn't hurry to catch up.
            due = max(due + 1 / ticks_per_second, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            if is_last:
                break
        while left and not (orders.next_day or orders.stop):
            heartbeat.record_tick(metrics(trader, time.monotonic() - started, 0.0))
            time.sleep(1 / ticks_per_second)
        if orders.stop:
            return "stopped"
    return "end of the day"


def _tell(
    journal: BinaryIO | None, day: Day, minute: Minute, trader: Trader, events: list[Event]
) -> None:
    book = trader.book
    if journal is not None:
        turn = Turn(
            time.monotonic_ns(),
            f"{day.date}",
            f"{minute.at:%H:%M}",
            trader.daily_pct,
            book.equity,
            len(book.positions),
            trader.halted,
            events,
        )
        journal.write(msgspec.json.encode(turn) + b"\n")
        return
    for event in events:
        fill = f"{event.quantity:+d} {event.symbol} at {event.price / 100:.2f}"
        what = "on: no new entries until tomorrow" if event.kind == "breaker" else fill
        gained = f" ({event.gained / 100:+.2f})" if event.gained else ""
        print(
            f"{minute.at:%H:%M} {event.kind:8} {what}{gained}   "
            f"day {trader.daily_pct:+.2f}%   open {len(book.positions)}",
            flush=True,
        )


def _positive(text: str) -> float:
    number = float(text)
    if not (math.isfinite(number) and number > 0):
        raise ValueError(text)
    return number


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo_engine", description=__doc__)
    parser.add_argument("--bars", type=Path, metavar="DIR", help="folder of <SYMBOL>_1m.csv files")
    parser.add_argument(
        "--day",
        type=date.fromisoformat,
        metavar="YYYY-MM-DD",
        help="first day to trade (default: that of the largest fall in the bars)",
    )
    parser.add_argument("--days", type=int, default=1, help="how many days to trade (default 1)")
    parser.add_argument("--seed", type=int, default=1, help="of the made-up market (default 1)")
    parser.add_argument("--ticks-per-second", type=_positive, default=15.0, metavar="N")
    parser.add_argument("--capital", type=_positive, default=2_000_000.0, metavar="RUPEES")
    parser.add_argument("--breaker-pct", type=_positive, default=Plan().breaker_pct)
    parser.add_argument("--engine", default="main", help="name in the heartbeat (default main)")
    parser.add_argument("--journal", type=Path, metavar="FILE", help="write each turn here as JSON")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Trade on paper and report every turn; 0 when it ended as asked, 2 when it can't begin."""
    options = _arguments().parse_args(arguments)
    try:
        days = _days(options.bars, options.day, options.seed)
    except BarsError as error:
        print(f"demo_engine: {error}", file=sys.stderr)
        return 2
    orders = Orders()
    orders.listen()
    home = find_home(os.environ, Path.cwd())
    try:
        journal = options.journal.open("ab", buffering=0) if options.journal else None
    except OSError as error:
        print(f"demo_engine: the journal can't be written: {error}", file=sys.stderr)
        return 2
    trader = Trader(Book(round(options.capital * 100)), Plan(breaker_pct=options.breaker_pct))
    heartbeat = HeartbeatWriter(
        home.heartbeat, engine=options.engine, interval_seconds=1 / options.ticks_per_second
    )
    reason = run(
        list(itertools.islice(days, max(1, options.days))),
        trader,
        heartbeat,
        orders=orders,
        ticks_per_second=options.ticks_per_second,
        journal=journal,
    )
    heartbeat.close(reason)
    return 0


def _days(bars: Path | None, first: date | None, seed: int) -> Iterator[Day]:
    """Return the days to trade, without end: those of the bars come round again."""
    if bars is not None:
        return itertools.cycle(read_days(bars, first))
    first = first or datetime.now(UTC).date()
    return (simulate_day(seed + n, first + timedelta(days=n)) for n in itertools.count())


if __name__ == "__main__":
    sys.exit(main())
