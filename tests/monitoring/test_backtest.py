"""A backtest by several processes is the backtest by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.rules import load
from evaluator.stats import Stats
from monitoring.backtest import Backtested, backtest
from monitoring.backtest_days import backtest_folder
from monitoring.backtest_diary import RuleText
from monitoring.config import Config, Limits
from monitoring.episodes import Episode
from monitoring.excerpt import Excerpt, Excerpts
from monitoring.packing import pack_days
from monitoring.snapshot import (
    BreezeStatus,
    CollectorStatus,
    Snapshot,
    Window,
    file_name,
    flatten,
)
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable

DAY_MS = 86_400_000
BEGIN_MS = 1_760_227_200_000  # 2025-10-12T00:00Z
EVERY_SECONDS = 240
CONFIG = Config(interval_seconds=240.0, evaluate_seconds=120.0, limits=Limits(tick_latency_ms=20.0))
OWN = """
[facts]
custom.depth = { type = "number" }

[[rule]]
name = "hourly"
severity = "WARNING"
when = ["window.orders.rejected.delta >= 3", "custom.depth > 0 || pnl.daily < 0"]
window = "1h"
for = "5m"
keep_firing_for = "10m"
message = "{window.orders.rejected.delta}"

[[rule]]
name = "denied"
severity = "WARNING"
when = ["window.breeze.denials.max >= 1"]
window = "10m"
no_data = "alert"
message = "{window.breeze.denials.max}"

[[rule]]
name = "slow_to_clear"
severity = { CRITICAL = "positions.count > 3", WARNING = "true" }
when = ["risk.daily_loss_pct < -1"]
keep_firing_for = "3h"
message = "{risk.daily_loss_pct}"
"""
OTHER = (
    OWN.replace("3h", "5m").replace('"10m"', '"2m"')
    + "\n[[rule]]\nname = 'disk_low'\nenabled = false\n"
)
TEXTS: list[RuleText] = [(OWN, "own.toml"), (OTHER, "other.toml")]


class Recorder:
    """Writes made-up snapshots, as the collector names them."""

    def __init__(self, folder: Path, seed: int) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.rng = random.Random(seed)
        self.number = 0
        self.boot = "b1"
        self.loss = 0.0
        self.rejected = 0.0

    def record(self, seconds: float, **changes: Any) -> None:
        rng, at_ms = self.rng, BEGIN_MS + round(seconds * 1000)
        self.number += 1
        self.loss = 0.97 * self.loss + rng.gauss(0, 0.25)
        risen = float(rng.random() < 0.15)
        self.rejected += risen
        loss = self.loss if rng.random() > 0.03 else None
        snapshot = Snapshot(
            snapshot=self.number, timestamp="", wall_ms=at_ms,
            boottime_ns=10**13 + round(seconds * 1e9), boot_id=self.boot, engine="main",
            reason="interval",
            heartbeat={"age_seconds": 0.4 if rng.random() > 0.01 else 99.0, "expected": True,
                       "deadline_seconds": 15.0, "cause": "ticking"},
            positions={"count": float(rng.randrange(6)), "symbols": ["INFY"]},
            pnl={"daily": self.loss * 1000},
            risk={"daily_loss_pct": loss, "circuit_breaker_active": rng.random() < 0.005},
            orders={"rejected": self.rejected, "exit_rejected": 0.0},
            market_data={"update_age_seconds": rng.choice([1.0, 2.0, 40.0]), "halted": False},
            performance={"tick_latency_ms": rng.uniform(1, 21)},
            last={"positions": {"count": 2.0}, "sentiment": {"last_score": 0.5}},
            window=Window(ticks=10, seconds=60.0, stats=self._stats(loss, risen)),
            collector=CollectorStatus(
                app_version="t", network_up=True, disk_free_bytes=9e9, inodes_free_pct=90.0,
                ticks_lost=self.number // 400,
            ),
        )  # fmt: skip
        data = msgspec.json.encode(msgspec.structs.replace(snapshot, **changes))
        (self.folder / file_name(at_ms)).write_bytes(data)

    def _stats(self, loss: float | None, risen: float) -> dict[str, Stats]:
        stats = {
            "orders.rejected": Stats(10, 0.0, risen, 0.0, risen, risen / 2, risen),
            "risk.circuit_breaker_active": Stats(count=10, last=0.0, any=False, all=False),
        }
        if loss is not None:
            stats["risk.daily_loss_pct"] = Stats(10, loss, loss, loss - 0.1, loss, loss, 0.0)
        return stats

    def live(self, begin: float, end: float, **changes: Any) -> None:
        seconds = begin
        while seconds < end:
            self.record(seconds, **changes)
            if self.rng.random() < 0.02:  # at once, for a change
                seconds += self.rng.choice([0.25, 0.5, 7.0])
                self.record(seconds, **changes)
            seconds += EVERY_SECONDS + self.rng.choice([0, 0.003, 0.01])


def both(folder: Path, since_ms: int = BEGIN_MS) -> tuple[Backtested, Backtested]:
    """Return what two processes find, and what one finds."""
    several, skipped = backtest_folder(folder, TEXTS, CONFIG, since_ms=since_ms, workers=2)
    one, skipped_by_one = backtest_folder(folder, TEXTS, CONFIG, since_ms=since_ms, workers=1)
    assert sorted(skipped) == sorted(skipped_by_one)
    return several, one


def same(several: Backtested, one: Backtested) -> bool:
    """Compare all but the words in which an end is told."""
    return (several.snapshots, several.first, several.last) == (
        one.snapshots, one.first, one.last,
    ) and all(
        (a.all, a.never_fired, a.errors) == (b.all, b.never_fired, b.errors)
        for a, b in zip(several.outcomes, one.outcomes, strict=True)
    )  # fmt: skip


def across_midnight(episodes: list[Episode]) -> list[str]:
    return [
        one.rule
        for one in episodes
        if one.fired_at_ms // DAY_MS < (one.fired_at_ms + one.lasted_ms) // DAY_MS
    ]


def test_several_processes_find_what_one_finds_also_over_midnight(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 1)
    recorder.live(0, 2.5 * 86_400)
    recorder.boot = "b2"  # rebooted, and away for a while
    recorder.live(2.55 * 86_400, 3.4 * 86_400)
    pack_days(tmp_path / "s", "20251015")

    several, one = both(tmp_path / "s")

    assert same(several, one)
    first, second = (found.all for found in one.outcomes)
    assert {"slow_to_clear", "hourly", "market_data_stale"} <= {e.rule for e in first}
    assert across_midnight(first)
    assert len(first) != len(second)


def test_what_was_seen_days_ago_is_known_to_whoever_judges_today(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 3)
    recorder.live(0, 3600, breeze=BreezeStatus(status="authenticated", denials=2.0))
    recorder.live(3600, 2.2 * 86_400)
    several, one = both(tmp_path / "s")
    assert same(several, one)
    # unknown, not "never seen": so the rule stays in alarm
    assert [(e.rule, e.ended) for e in one.outcomes[0].all if e.rule == "denied"] == [
        ("denied", None)
    ]


def test_a_gap_over_midnight_is_longer_than_any_window_and_is_judged(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 4)
    recorder.live(0, 20 * 3600)
    recorder.rejected += 7  # meanwhile, and seen only by the counter
    recorder.live(26 * 3600, 50 * 3600)
    several, one = both(tmp_path / "s")
    assert same(several, one)
    stale = [e for e in one.outcomes[0].all if e.rule == "collector_stale"]
    assert [round(e.lasted_ms / 3_600_000) for e in stale] == [6]


def test_a_backtest_since_a_moment_fills_its_windows_before_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 5)
    recorder.live(0, 2.2 * 86_400)
    since_ms = BEGIN_MS + 5 * 3_600_000 + 17_000
    several, one = both(tmp_path / "s", since_ms)
    assert same(several, one)
    assert one.first is not None
    assert one.first.wall_ms >= since_ms
    assert all(e.active_at_ms >= since_ms for e in one.outcomes[0].all)


def test_what_can_not_be_read_is_left_out_and_named(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 6)
    recorder.live(0, 1.1 * 86_400)
    name = file_name(BEGIN_MS + 3_600_000)
    (tmp_path / "s" / name).write_bytes(b'{"version":1,')
    several, one = both(tmp_path / "s")
    assert same(several, one)
    _, skipped = backtest_folder(tmp_path / "s", TEXTS, CONFIG, since_ms=BEGIN_MS, workers=2)
    assert [words.partition(":")[0] for words in skipped] == [name]


def test_an_episode_that_held_at_the_first_moment_is_marked(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "s", 7)
    for minute in range(30):
        recorder.record(minute * 60, risk={"daily_loss_pct": -3.0 if minute < 9 else 0.0})
    found, _ = backtest_folder(tmp_path / "s", TEXTS, CONFIG, since_ms=BEGIN_MS, workers=1)
    marks = {e.rule: e.from_start for e in found.outcomes[0].all}
    assert marks["slow_to_clear"]


@pytest.fixture
def decode() -> Callable[[str, bytes], Any]:
    return Excerpts([load(*TEXTS[0])]).decode


def test_an_excerpt_holds_what_the_whole_snapshot_says_of_what_rules_read(
    tmp_path: Path, decode: Callable[[str, bytes], Any]
) -> None:
    recorder = Recorder(tmp_path / "s", 8)
    recorder.live(0, 3600)
    rules = load(*TEXTS[0])
    read = {name for program in rules.programs for name in program.names}
    store = SnapshotStore(tmp_path / "s")
    for name in store.names_after(None):
        data = store.read_bytes(name)
        whole, part = store.read(name), decode(name, data)
        assert isinstance(part, Excerpt)
        flat = {fact: value for fact, value in flatten(whole).items() if value is not None}
        assert {f: v for f, v in part.flat.items() if f in read} == {
            f: v for f, v in flat.items() if f in read
        }
        assert part.flat.items() <= flat.items()
        assert part.instant == whole.instant
        assert (part.window.ticks, part.window.seconds) == (10, 60.0)
        assert part.window.stats.items() <= whole.window.stats.items()


def test_a_value_of_the_wrong_type_is_left_for_the_evaluation_to_judge(
    tmp_path: Path, decode: Callable[[str, bytes], Any]
) -> None:
    recorder = Recorder(tmp_path / "s", 9)
    recorder.record(0, risk={"daily_loss_pct": "much"})
    store = SnapshotStore(tmp_path / "s")
    (name,) = store.names_after(None)
    assert isinstance(decode(name, store.read_bytes(name)), Snapshot)


@pytest.mark.parametrize("data", [b"", b"\0\0", b"{", b'{"version":2}', b'{"version":1}'])
def test_what_is_no_snapshot_is_refused_as_the_store_refuses_it(
    data: bytes, decode: Callable[[str, bytes], Any]
) -> None:
    with pytest.raises(SnapshotUnreadable):
        decode("metrics_20251012T000000.000Z.json", data)


def test_rule_sets_that_disagree_on_a_type_are_each_given_their_own_reading(
    tmp_path: Path,
) -> None:
    other = OWN.replace('type = "number"', 'type = "text"').replace(
        "custom.depth > 0", "custom.depth == 'x'"
    )
    recorder = Recorder(tmp_path / "s", 10)
    recorder.live(0, 7200, custom={"depth": 3.0})
    store = SnapshotStore(tmp_path / "s")
    sets = [load(OWN), load(other)]
    alone = [backtest(store.between(0, 2**42), [rules], CONFIG).outcomes[0].all for rules in sets]
    found = store.decoded_between(0, 2**42, Excerpts(sets).decode)
    assert [outcome.all for outcome in backtest(found, sets, CONFIG).outcomes] == alone
