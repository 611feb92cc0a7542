"""A backtest by several processes is the backtest by one."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.instant import Instant
from evaluator.rules import RuleSet, load
from evaluator.silence import Silence
from evaluator.stats import Stats
from monitoring.backtest import WELL, Backtested, Test, backtest
from monitoring.backtest_days import backtest_folder
from monitoring.backtest_diary import RuleText
from monitoring.calendar import calendar_of
from monitoring.config import Artifact, Calendar, Config, Limits
from monitoring.course import Course
from monitoring.episodes import Episode, Episodes
from monitoring.excerpt import Excerpt, Excerpts
from monitoring.grid import moments
from monitoring.market_override import MarketOverride
from monitoring.packing import pack_days
from monitoring.preflight import OF_SNAPSHOTS, checks
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
EVERY_SECONDS = 480
CONFIG = Config(
    calendar=Calendar(name="always"),
    interval_seconds=480.0,
    evaluate_seconds=240.0,
    limits=Limits(tick_latency_ms=20.0),
    artifacts={"teacher_model": Artifact("m.bin", 48.0), "ours": Artifact("o.bin", 1.0)},
)
NSE = msgspec.structs.replace(CONFIG, calendar=Calendar(name="XNSE"))
HALT = MarketOverride(
    id="h", action="halt", date="2025-10-14",
    from_ms=BEGIN_MS + 2 * DAY_MS + 6 * 3_600_000,
    until_ms=BEGIN_MS + 2 * DAY_MS + 8 * 3_600_000,
    ends_ms=BEGIN_MS + 3 * DAY_MS,
)  # fmt: skip
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

[[rule]]
name = "hysteresis"
severity = { CRITICAL = "risk.daily_loss_pct < -1.2", WARNING = "true" }
when = ["risk.daily_loss_pct < -0.6"]
unless = ["positions.count == 0.0"]
clear_when = ["risk.daily_loss_pct > 0.2", "positions.count / 2 < 2.5"]
keep_firing_for = "4m"
no_data = "ok"
remind = ["30m"]
message = "{risk.daily_loss_pct}"
resolved_message = "{risk.daily_loss_pct} with {positions.count}"
onset = "market_data.update_age_seconds"

[[rule]]
name = "root"
severity = "WARNING"
when = ["positions.count > 3"]
suspect_when = ["positions.count > 2", "pnl.daily < 0"]
for = "4m"
message = "{positions.count}"

[[rule]]
name = "consequence"
severity = "CRITICAL"
when = ["performance.tick_latency_ms > 10"]
inhibited_by = ["root"]
message = "{performance.tick_latency_ms}"

[[rule]]
name = "all_day"
severity = "WARNING"
clock = "wall"
when = ["performance.tick_latency_ms > 19"]
for = "2m"
message = "{performance.tick_latency_ms} {session.seconds_since_open}"
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


def both(
    folder: Path,
    since_ms: int = BEGIN_MS,
    config: Config = CONFIG,
    overrides: dict[str, MarketOverride] | None = None,
) -> tuple[Backtested, Backtested]:
    """Return what two processes find, and what one finds."""

    def found(workers: int) -> tuple[Backtested, list[str]]:
        return backtest_folder(
            folder, TEXTS, config, since_ms=since_ms, workers=workers, overrides=overrides
        )

    several, skipped = found(2)
    one, skipped_by_one = found(1)
    assert sorted(skipped) == sorted(skipped_by_one)
    return several, one


def same(several: Backtested, one: Backtested) -> bool:
    """Compare all that a backtest finds."""
    return (several.snapshots, several.first, several.last) == (
        one.snapshots, one.first, one.last,
    ) and all(
        (a.all, a.never_fired, a.errors) == (b.all, b.never_fired, b.errors)
        for a, b in zip(several.outcomes, one.outcomes, strict=True)
    )  # fmt: skip


def plain(rules: RuleSet) -> RuleSet:
    """Return rules all of whose conditions are for CEL."""
    for program in rules.programs:
        for condition in (
            *program.when, *program.unless, *program.clear_when, *program.suspect_when,
            *(held for _, held in program.severities),
        ):  # fmt: skip
            for alternative in (condition.whole, *condition.alternatives):
                alternative.plain = None
    return rules


def plainly(folder: Path, config: Config, overrides: dict[str, MarketOverride]) -> list[Episodes]:
    """Return what comes of whole snapshots, each moment judged and stepped, by CEL alone."""
    found = []
    for text in TEXTS:
        course = Course(plain(load(*text)), config, calendar_of(config, overrides))
        episodes = Episodes()
        last = Instant(0, 0, "")
        for moment in moments(SnapshotStore(folder).between(0, 2**42), config.evaluate_seconds):
            if moment.snapshot is not None:
                course.take(moment.snapshot)
            if not course.verdicts:
                episodes.begin(moment.at)
            episodes.add(course.judge(moment.at, moment.age_seconds, WELL))
            last = last if moment.snapshot is None else moment.at
        episodes.end(last)
        found.append(episodes)
    return found


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


@pytest.mark.parametrize("config", [CONFIG, NSE], ids=["always", "XNSE"])
def test_it_is_what_comes_of_judging_each_moment_by_cel_alone_and_skipping_nothing(
    tmp_path: Path, config: Config
) -> None:
    recorder = Recorder(tmp_path / "s", 2)
    recorder.live(DAY_MS / 1000, 3.5 * 86_400)
    overrides = {HALT.id: HALT}

    several, one = both(tmp_path / "s", config=config, overrides=overrides)
    expected = plainly(tmp_path / "s", config, overrides)

    assert same(several, one)
    for found, plain_ in zip(one.outcomes, expected, strict=True):
        assert found.all == plain_.all
        assert (found.never_fired, found.errors) == (plain_.never_fired, plain_.errors)
    rules = {episode.rule for episode in one.outcomes[0].all}
    assert {"hysteresis", "root", "consequence", "slow_to_clear", "all_day"} <= rules
    assert any(episode.suppressed_by for episode in one.outcomes[0].all)
    assert ("preflight_no_go" in rules) == (config is NSE)


def test_nothing_of_the_session_fires_in_a_halt_or_when_the_market_is_closed(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path / "s", 2)
    recorder.live(DAY_MS / 1000, 3.5 * 86_400)
    _, one = both(tmp_path / "s", config=NSE, overrides={HALT.id: HALT})
    calendar = calendar_of(NSE, {HALT.id: HALT})
    fired = [e.fired_at_ms for e in one.outcomes[0].all if e.rule in ("hysteresis", "root")]
    assert fired
    assert all(calendar.is_open(at_ms, "session") for at_ms in fired)
    _, without = both(tmp_path / "s", config=NSE)
    assert without.outcomes[0].all != one.outcomes[0].all


def test_a_step_that_is_skipped_would_have_changed_nothing_under_silences_too(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path / "s", 11)
    recorder.live(0, 0.6 * 86_400)
    silences = {
        name: Silence(id=name, by="t", starts_ms=0, ends_ms=BEGIN_MS + hours * 3_600_000, rule=name)
        for name, hours in (("hysteresis", 5), ("slow_to_clear", 9))
    }
    rules = load(*TEXTS[0])
    calm = RuleSet(
        rules.rules,
        rules.facts,
        tuple(one for one in rules.programs if one.rule.name in ("hysteresis", "slow_to_clear")),
        rules.compiler,
    )
    whole = Course(calm, CONFIG, calendar_of(CONFIG), silences=silences)
    test = Test(Course(calm, CONFIG, calendar_of(CONFIG), silences=silences))
    for moment in moments(SnapshotStore(tmp_path / "s").between(0, 2**42), 120.0):
        for course in (whole, test.course):
            if moment.snapshot is not None:
                course.take(moment.snapshot)
        entries = whole.judge(moment.at, moment.age_seconds, WELL)
        test.conclude(moment.at, test.course.look(moment.at, moment.age_seconds, WELL))
        assert test.settled == (not entries)
        assert (test.course.states, test.course.silences, test.course.past) == (
            whole.states, whole.silences, whole.past,
        )  # fmt: skip
    assert not whole.silences
    assert whole.past


def test_what_is_checked_before_the_open_asks_snapshots_for_what_is_listed_alone() -> None:
    asked: set[str] = set()

    class Asking(dict[str, object]):
        def get(self, name: str, default: object = None) -> object:
            asked.add(name)
            return super().get(name, default)

    for status in (None, "authenticated"):
        checks(Asking({"breeze.status": status}), NSE, 60.0)
    raw = {name for name in asked if load(None).facts.get(name) is None} | {
        name
        for name in asked
        if name in load(None).facts and load(None).facts[name].source in ("engine", "collector")
    }
    assert raw == {
        *OF_SNAPSHOTS, *(f"artifacts.{name}_age_hours" for name in NSE.artifacts),
    }  # fmt: skip


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
    return Excerpts([load(*TEXTS[0])], CONFIG).decode


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
        read |= {*OF_SNAPSHOTS}
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
    found = store.decoded_between(0, 2**42, Excerpts(sets, CONFIG).decode)
    assert [outcome.all for outcome in backtest(found, sets, CONFIG).outcomes] == alone
