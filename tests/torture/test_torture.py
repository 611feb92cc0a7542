from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.alert_fold import log_files, scan
from monitoring.home import Home
from monitoring.snapshots import SnapshotStore
from tests.torture.__main__ import Tortured, torture
from tests.torture.audit import audit
from tests.torture.play import Script

pytestmark = pytest.mark.timeout(300)

Line = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("torture")


@pytest.fixture(scope="module")
def tortured(folder: Path) -> Tortured:
    """A short one; `make torture` kills a thousand times."""
    script = Script(seed=20151012, kills=1000, most_seconds=8, hold_seconds=5)
    return torture(script, folder, keep=True)


def test_kills_stops_and_bad_disks_lose_nothing_and_invent_nothing(tortured: Tortured) -> None:
    assert [one for one in tortured.findings if not one.holds] == []


def change_snapshot(home: Home, change: Callable[[Line], object], *, newest: bool = False) -> None:
    """Change the newest snapshot, or the one that counted most."""
    store = SnapshotStore(home.snapshots)
    names = store.names_after(None)
    name = names[-1] if newest else max(names, key=lambda name: store.read(name).window.ticks)
    snapshot = msgspec.json.decode((home.snapshots / name).read_bytes())
    change(snapshot)
    (home.snapshots / name).write_bytes(msgspec.json.encode(snapshot))


def change_alerts(home: Home, change: Callable[[list[Line]], object]) -> None:
    """Change the lines of the newest file of the alert log."""
    file = log_files(home.alerts)[-1]
    lines = [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]
    change(lines)
    file.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def lose_a_tick(home: Home) -> None:
    change_snapshot(home, lambda one: one["window"].update(ticks=one["window"]["ticks"] - 1))


def count_a_tick_twice(home: Home) -> None:
    change_snapshot(home, lambda one: one["window"].update(ticks=one["window"]["ticks"] + 1))


def count_one_for_another(home: Home) -> None:
    def another(one: Line) -> None:
        stats = one["window"]["stats"]["custom.n"]
        stats["mean"] = (stats["mean"] * stats["count"] + 1) / stats["count"]

    change_snapshot(home, another)


def invent_a_gap(home: Home) -> None:
    def gap(one: Line) -> None:
        one["collector"]["ticks_lost"] += 1

    change_snapshot(home, gap, newest=True)


def read_twice(home: Home) -> None:
    def double(one: Line) -> None:
        one["collector"]["ticks_duplicate"] += 1

    change_snapshot(home, double, newest=True)


def of_first_incident(lines: list[Line]) -> list[Line]:
    first = next(line for line in lines if line["rule"] == "torture")
    return [line for line in lines if line["id"] == first["id"]]


def renumber(lines: list[Line]) -> None:
    for seq, line in enumerate(lines, 1):
        line["seq"] = seq


def miss_an_incident(home: Home) -> None:
    def miss(lines: list[Line]) -> None:
        for line in of_first_incident(lines):
            lines.remove(line)
        renumber(lines)

    change_alerts(home, miss)


def tell_of_one_too_late(home: Home) -> None:
    def late(lines: list[Line]) -> None:
        told = of_first_incident(lines)
        for line in told:
            line["clock"]["active_at"] = told[-1]["clock"]["resolved_at"]

    change_alerts(home, late)


def invent_an_incident(home: Home) -> None:
    def invent(lines: list[Line]) -> None:
        told = of_first_incident(lines)
        lines += [line | {"id": "invented"} for line in told]
        renumber(lines)

    change_alerts(home, invent)


def resolve_one_twice(home: Home) -> None:
    def again(lines: list[Line]) -> None:
        lines.append(dict(of_first_incident(lines)[-1]))
        renumber(lines)

    change_alerts(home, again)


def leave_one_open(home: Home) -> None:
    def leave(lines: list[Line]) -> None:
        *_, last = (line for line in lines if line["rule"] == "torture")
        lines.remove(last)
        renumber(lines)

    change_alerts(home, leave)


def answer_a_request_twice(home: Home) -> None:
    def again(lines: list[Line]) -> None:
        lines.append(dict(next(line for line in lines if line["request"])))
        renumber(lines)

    change_alerts(home, again)


def forget_a_request(home: Home) -> None:
    def forget(lines: list[Line]) -> None:
        lines.remove(next(line for line in lines if line["request"]))
        renumber(lines)

    change_alerts(home, forget)


def fire_another_alarm(home: Home) -> None:
    def lapse(lines: list[Line]) -> None:
        told = of_first_incident(lines)
        lines += [line | {"id": "another", "rule": "heartbeat_lapsed"} for line in told]
        renumber(lines)

    change_alerts(home, lapse)


def write_a_line_twice(home: Home) -> None:
    file = log_files(home.alerts)[-1]
    file.write_bytes(file.read_bytes() + file.read_bytes().splitlines(keepends=True)[-1])


def lose_a_line(home: Home) -> None:
    change_alerts(home, lambda lines: lines.pop(1))


def tear_a_line(home: Home) -> None:
    file = log_files(home.alerts)[-1]
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([lines[0], lines[1][:40] + b"\n", *lines[1:]]))


def log_a_traceback(home: Home) -> None:
    with (home.logs / "monitoring_scheduler.jsonl").open("a") as log:
        log.write('{"timestamp":"2026-01-01T00:00Z","message":"","exception":"Traceback"}\n')


@pytest.mark.parametrize(
    ("harm", "broken"),
    [
        (lose_a_tick, "every tick on disk is counted exactly once"),
        (count_a_tick_twice, "every tick on disk is counted exactly once"),
        (count_one_for_another, "and it is each of them: their numbers add up"),
        (invent_a_gap, "what was not written lies in gaps, and nothing else does"),
        (read_twice, "no tick was written or read twice"),
        (miss_an_incident, "every condition has exactly one incident, which began while it held"),
        (
            tell_of_one_too_late,
            "every condition has exactly one incident, which began while it held",
        ),
        (invent_an_incident, "every condition has exactly one incident, which began while it held"),
        (resolve_one_twice, "each was pending, told firing and resolved, once"),
        (leave_one_open, "every one of them is over"),
        (answer_a_request_twice, "every request was answered once, in order, and is in force"),
        (forget_a_request, "every request was answered once, in order, and is in force"),
        (fire_another_alarm, "nothing else fired"),
        (write_a_line_twice, "no alert line is torn, doubled or missing"),
        (lose_a_line, "no alert line is torn, doubled or missing"),
        (tear_a_line, "no alert line is torn, doubled or missing"),
        (log_a_traceback, "no traceback, no internal error on a sound disk"),
    ],
)
def test_the_audit_finds_each_harm(
    folder: Path, tortured: Tortured, tmp_path: Path, harm: Callable[[Home], None], broken: str
) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(folder / "left", home.root)
    assert scan(log_files(home.alerts)[-1].read_bytes()).lines
    harm(home)
    assert broken in {one.promise for one in audit(tortured.played, home) if not one.holds}


def test_the_audit_finds_a_tick_that_a_writer_lost(folder: Path, tortured: Tortured) -> None:
    ledger = tortured.played.ledger
    writer = max(ledger.seqs, key=lambda one: len(ledger.seqs[one]))
    ledger.seqs[writer].remove(100)
    try:
        findings = audit(tortured.played, Home(folder / "left"))
    finally:
        ledger.seqs[writer].add(100)
    assert {one.promise for one in findings if not one.holds} >= {
        "no writer lost a tick before one that it wrote",
        "what was not written lies in gaps, and nothing else does",
    }
