"""What is worth a snapshot at once: each watched value, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collectors.watch import Watch
from monitoring.config import Limits
from monitoring.snapshot import BreezeStatus

Reader = Any
LIMITS = Limits(positions_count=5, tick_latency_ms=50)
CALM: dict[str, dict[str, object]] = {
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.5, "max_position_value": 1},
    "connectivity": {"breeze_authenticated": True},
    "positions": {"count": 3, "total_value": 1000},
    "orders": {"placed": 10, "rejected": 1, "exit_rejected": 0},
    "sentiment": {"provider_errors_1h": 0},
    "performance": {"tick_latency_ms": 4},
    "pnl": {"daily": 5},
}


class Watched:
    """Ticks, and what the watch says of them."""

    def __init__(self, reader: Reader, lines: Any) -> None:
        self.reader = reader
        self.lines = lines
        self.seq = 0
        self.watch = Watch(LIMITS)
        self.tick()
        self.settle()

    def tick(self, **groups: dict[str, object]) -> str | None:
        self.seq += 1
        told = {group: fields | groups.get(group, {}) for group, fields in CALM.items()}
        self.reader.append("main-w1.jsonl", self.lines.tick(self.seq, **told))
        self.reader.read()
        return self.changed()

    def changed(self, **known: object) -> str | None:
        found = msgspec.structs.replace(self.reader.known(), **known)
        return self.watch.changed(self.reader.book.fold, found)

    def settle(self) -> None:
        self.watch.settle(self.reader.book.fold, self.reader.known())
        self.reader.snapshot()


@pytest.fixture
def watched(reader: Reader, lines: Any) -> Watched:
    return Watched(reader, lines)


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("risk", "circuit_breaker_active", True),
        ("risk", "circuit_breaker_active", None),
        ("risk", "daily_loss_pct", -1.0),
        ("risk", "daily_loss_pct", -2.0),
        ("connectivity", "breeze_authenticated", False),
        ("positions", "count", 6),
        ("orders", "exit_rejected", 1),
        ("orders", "rejected", 4),
        ("sentiment", "provider_errors_1h", 21),
        ("performance", "tick_latency_ms", 51),
    ],
)
def test_a_watched_value_is_news_also_when_it_is_as_before_a_tick_later(
    watched: Watched, group: str, field: str, value: object
) -> None:
    fact = f"{group}.{field}"
    assert watched.tick() is None
    assert watched.tick(**{group: {field: value}}) == fact
    if value is not None:
        assert watched.tick() == fact, "it was so for a tick, and no snapshot shows that yet"
    watched.settle()
    assert watched.tick(**{group: {field: value}}) in (None, fact)
    watched.settle()
    assert watched.tick(**{group: {field: value}}) is None


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("risk", "daily_loss_pct", -0.99),
        ("positions", "count", 5),
        ("positions", "total_value", 1e9),  # no limit is set
        ("orders", "rejected", 3),
        ("orders", "placed", 11),
        ("pnl", "daily", -1e6),
    ],
)
def test_what_is_within_its_limit_waits_for_the_interval(
    watched: Watched, group: str, field: str, value: object
) -> None:
    assert watched.tick(**{group: {field: value}}) is None


def test_an_order_after_the_halt_is_news(watched: Watched) -> None:
    halted = {"circuit_breaker_active": True}
    watched.tick(risk=halted)
    watched.settle()
    assert watched.tick(risk=halted) is None
    assert watched.tick(risk=halted, orders={"placed": 11}) == "orders.placed"


@pytest.mark.parametrize(
    ("known", "name"),
    [
        ({"breeze": BreezeStatus(status="session_expired")}, "breeze.status"),
        ({"network_up": False}, "collector.network_up"),
        ({"network_up": None}, "collector.network_up"),
    ],
)
def test_what_the_collector_finds_out_itself_is_news(
    watched: Watched, known: dict[str, object], name: str
) -> None:
    assert watched.changed(**known) == name


def test_a_heartbeat_that_crosses_its_deadline_and_comes_back_is_news_twice(
    watched: Watched,
) -> None:
    watched.reader.append("main-w1.jsonl", watched.lines.header())
    watched.tick()
    watched.settle()
    watched.reader.pass_seconds(20)
    watched.settle()  # silent, and still in time
    assert watched.changed() is None
    watched.reader.pass_seconds(1)
    assert watched.changed() == "heartbeat.cause"
    watched.settle()
    watched.reader.read()  # nothing there: what comes now is new
    assert watched.changed() is None
    assert watched.tick() == "heartbeat.cause"
