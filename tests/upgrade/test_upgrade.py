"""A home that an older version left behind, under today's collector, scheduler and `monitor`.

`home_83ae002` was recorded once by record.py with the code of 83ae002, the last commit before
sessions, silences and telling came to the files.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from collectors.breeze import BreezeWatch
from collectors.collector import Collector
from collectors.processes import ProcProcesses
from evaluator.incident import Incident
from evaluator.instant import Instant
from monitoring.alert_fold import fold
from monitoring.bell import Bell
from monitoring.history import last_indexed, query
from monitoring.home import Home
from monitoring.process_life import ProcTable
from monitoring.settings import Settings, load
from monitoring.snapshot import Snapshot
from monitoring.snapshots import SnapshotStore
from monitoring.supervisor import Supervisor
from scheduler.housekeeping import Housekeeping
from scheduler.process import Process
from scripts.cli.health import answer_of
from scripts.cli.look import look

RECORDED = Path(__file__).with_name("home_83ae002")
FOR_EVER_MS = 253_402_300_799_999


class Later:
    """The clock of the day of the upgrade, a quarter of a minute after the last snapshot."""

    def __init__(self, last: Instant) -> None:
        self.ms = 15_000
        self._last = last

    def now(self) -> Instant:
        last = self._last
        return Instant(last.wall_ms + self.ms, last.boottime_ns + self.ms * 1_000_000, last.boot_id)


class Upgraded:
    """A copy of the recorded home. In place, the heartbeat file is the one that was read."""

    def __init__(self, root: Path, *, in_place: bool) -> None:
        shutil.copytree(RECORDED, root)
        self.home = Home(root)
        self.store = SnapshotStore(self.home.snapshots)
        if in_place:  # a copy has another inode, and the cursor names the old one
            (file,) = self.home.heartbeat.iterdir()
            (newest,) = self.home.snapshots.glob("metrics_*.json")
            inode = f'"inode":{file.stat().st_ino}'
            newest.write_text(re.sub(r'"inode":\d+', inode, newest.read_text()))
        self.before = self.newest()
        self.clock = Later(self.before.instant)

    @property
    def settings(self) -> Settings:
        return load(self.home, {})

    def newest(self) -> Snapshot:
        found = self.store.newest()
        assert found is not None
        return found[1]

    def ticks(self) -> int:
        """Return how many ticks the engine wrote."""
        (file,) = self.home.heartbeat.iterdir()
        return file.read_bytes().count(b'"kind":"tick","writer":"f3bgchuq"')

    def counted(self) -> int:
        found = self.store.between(0, FOR_EVER_MS)
        return sum(snapshot.window.ticks for _, snapshot in found)

    def collect(self) -> None:
        """Let a collector begin, read what there is, and end."""
        config = self.settings.config
        Collector(
            self.home,
            config,
            clock=self.clock.now,
            stopping=lambda: True,
            bell=Bell(),
            processes=ProcProcesses(),
            breeze=BreezeWatch(config.breeze, self.home.root, config.timezone, None),
        ).run(Supervisor({}, time.monotonic_ns))

    def evaluate(self) -> None:
        """Let a scheduler begin, do a turn, and end."""
        process = Process(self.home, self.settings, Bell(), lambda: False, self.clock)
        process.turn()
        process.close()

    def index(self) -> None:
        config = self.settings.config
        Housekeeping(self.home, config, self.clock, lambda: None).index()

    def incidents(self) -> dict[str, Incident]:
        return fold(self.home.alerts).states


@pytest.fixture
def upgraded(tmp_path: Path) -> Upgraded:
    return Upgraded(tmp_path / "home", in_place=True)


@pytest.mark.parametrize("in_place", [True, False], ids=["in place", "moved to another disk"])
def test_ticks_that_the_old_collector_did_not_read_are_read_and_none_is_counted_twice(
    tmp_path: Path, in_place: bool
) -> None:
    upgraded = Upgraded(tmp_path / "home", in_place=in_place)
    assert 0 < upgraded.counted() < upgraded.ticks(), "some were left unread"
    upgraded.collect()
    newest = upgraded.newest().collector
    assert upgraded.counted() == upgraded.ticks()
    assert (newest.ticks_lost, newest.gaps) == (0, [])
    # a file that is the same is read on from its cursor, not from its beginning
    assert (newest.ticks_duplicate == 0) is in_place


def test_counters_and_last_values_go_on(upgraded: Upgraded) -> None:
    upgraded.collect()
    newest = upgraded.newest()
    assert newest.snapshot > upgraded.before.snapshot
    assert newest.collector.lines_read > upgraded.before.collector.lines_read
    assert newest.last["custom"] == {"spread_bps": 14.0}


def test_open_incidents_go_on_with_their_acknowledgement_and_a_request_is_taken(
    upgraded: Upgraded,
) -> None:
    before = upgraded.incidents()
    assert {name: one.status for name, one in before.items()} == {
        "spread_wide": "firing",
        "spread_held": "pending",
    }
    upgraded.collect()
    upgraded.evaluate()
    after = upgraded.incidents()
    for name, incident in before.items():
        assert (after[name].id, after[name].active_at) == (incident.id, incident.active_at)
        assert after[name].status == incident.status
    wide, held = after["spread_wide"].ack, after["spread_held"].ack
    assert wide is not None
    assert (wide.by, wide.reason) == ("asha", "the feed moves")
    assert held is not None
    assert held.reason == "asked while nobody was there"
    assert list(upgraded.home.spool.iterdir()) == []


def test_what_was_told_before_is_not_told_anew(upgraded: Upgraded) -> None:
    told = fold(upgraded.home.alerts).states["spread_wide"].told
    assert told is not None
    upgraded.collect()
    upgraded.evaluate()
    assert upgraded.incidents()["spread_wide"].told == told


def test_monitor_reads_it_before_any_process_was_started_again(upgraded: Upgraded) -> None:
    seen = look(upgraded.home, upgraded.clock.now(), ProcTable())
    assert seen.snapshot == upgraded.before
    assert seen.skipped == seen.alert_faults == []
    assert [one.rule for one in seen.incidents] == ["spread_wide", "spread_held"]
    levels = {found.subject: found.level for found in answer_of(seen).findings}
    assert levels["collector"] == levels["scheduler"] == "CRIT", "their pids are gone"
    assert levels["alert log"] == "OK"


def test_the_history_is_read_as_it_is_and_one_of_another_shape_is_made_anew(
    upgraded: Upgraded,
) -> None:
    path, now_ms = upgraded.home.history, upgraded.clock.now().wall_ms
    day = (now_ms - 86_400_000, now_ms, 86_400_000)
    assert query(path, ["custom.spread_bps"], *day)[0].points, "as the old version wrote it"
    upgraded.index()
    before = query(path, ["custom.spread_bps"], *day)
    base = sqlite3.connect(path)
    base.executescript("PRAGMA user_version=1; DROP TABLE bucket;")
    base.close()
    upgraded.index()
    found = upgraded.store.newest()
    assert found is not None
    assert last_indexed(path) == found[0]
    assert query(path, ["custom.spread_bps"], *day) == before


def test_a_snapshot_of_a_newer_version_is_passed_over_in_words_and_its_ticks_counted_again(
    upgraded: Upgraded,
) -> None:
    upgraded.collect()
    name, newest = next(reversed([*upgraded.store.between(0, FOR_EVER_MS)]))
    newer = msgspec.structs.replace(newest, version=2)
    (upgraded.home.snapshots / name).write_bytes(msgspec.json.encode(newer))
    seen = look(upgraded.home, upgraded.clock.now(), ProcTable())
    assert seen.skipped == [f"{name}: format 2, this version reads 1"]
    upgraded.collect()
    assert upgraded.counted() == upgraded.ticks()
    assert upgraded.newest().collector.ticks_lost == 0


def test_a_line_of_a_newer_version_in_the_alert_log_is_named_and_changes_nothing_else(
    upgraded: Upgraded,
) -> None:
    before = upgraded.incidents()
    (file,) = upgraded.home.alerts.iterdir()
    last = file.read_bytes().splitlines()[-1]
    line = msgspec.json.decode(last) | {"kind": "handover", "seq": 99}
    with file.open("ab") as log:
        log.write(msgspec.json.encode(line) + b"\n")
    seen = look(upgraded.home, upgraded.clock.now(), ProcTable())
    assert fold(upgraded.home.alerts).states == before
    (found,) = [one for one in answer_of(seen).findings if one.subject == "alert log"]
    assert found.level == "WARN"
    assert f"{file.name}: line 5 is not a record" in found.what
