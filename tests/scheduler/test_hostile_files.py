"""Files that nobody of ours made stand in the scheduler's folders, and the evaluation goes on."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitoring.spool import Request, submit
from monitoring.state import read_state

Rig = Any
Daemon = Any


def date_of(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, ZoneInfo("Asia/Kolkata")).date().isoformat()


def test_a_request_file_whose_name_is_not_utf8_is_answered_and_removed(rig: Rig) -> None:
    rig.start()
    (rig.home.spool / os.fsdecode(b"\xff.json")).write_bytes(b"x")
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    assert ("breaker", "firing") in rig.told()
    assert [line.context for line in rig.lines("request")] == [{"file": "\\udcff.json"}]
    assert os.listdir(rig.home.spool) == []


def test_what_can_not_be_removed_is_told_though_its_name_is_not_utf8(rig: Rig) -> None:
    rig.start()
    (rig.home.spool / os.fsdecode(b"\xff.json")).mkdir()
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    rig.turn()
    assert ("breaker", "firing") in rig.told()
    assert any("\\udcff.json was answered" in words for words in rig.state().degraded)


def test_a_snapshot_folder_that_can_not_be_listed_is_told_as_a_dead_collector_is(
    rig: Rig,
) -> None:
    rig.start()
    rig.snapshot()
    rig.turn()
    aside = rig.home.snapshots.with_name("aside")
    rig.home.snapshots.rename(aside)
    rig.home.snapshots.write_text("in the way")
    for _ in range(8):
        rig.pass_seconds(5)
        rig.turn()
    assert ("collector_stale", "firing") in rig.told()
    assert any("can't be read: Not a directory" in words for words in rig.state().degraded)
    rig.home.snapshots.unlink()
    aside.rename(rig.home.snapshots)
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    assert ("breaker", "firing") in rig.told()
    assert not any("can't be read" in words for words in rig.state().degraded)


@pytest.mark.parametrize(
    "left",
    [b"", b"\0" * 300, b"\xff\xfe", b'{"process":"\xff\xfe"}', b"[" * 100_000],
    ids=["empty", "nulls", "bytes", "not UTF-8", "deep"],
)
def test_a_state_file_that_a_power_failure_mangled_is_begun_anew(rig: Rig, left: bytes) -> None:
    rig.start()
    rig.snapshot(risk__circuit_breaker_active=True)
    rig.turn()
    rig.kill()
    (rig.home.state / "scheduler.json").write_bytes(left)
    assert read_state(rig.home.state, "scheduler") is None
    rig.start()
    rig.turn()
    assert rig.told("breaker") == [("breaker", "firing")]
    assert rig.state().snapshot is not None


def test_a_pipe_in_the_place_of_the_alert_log_holds_nothing_up(daemon: Daemon) -> None:
    daemon.home.alerts.mkdir(parents=True)
    running = daemon.start()
    state = daemon.ready(running)
    # The file's date is that of the machine: yesterday's and tomorrow's too, for midnight.
    day_ms = 86_400_000
    for ms in (-day_ms, 0, day_ms):
        os.mkfifo(daemon.home.alerts / f"{date_of(state.updated.wall_ms + ms)}.jsonl")
    request = Request(id="r1", action="ack", target="x", by="asha", at_ms=state.updated.wall_ms)
    path = submit(daemon.home.spool, request)

    def goes_on() -> bool:
        now = daemon.state()
        return (
            any("alert log" in words for words in now.degraded)
            and now.updated.boottime_ns - state.updated.boottime_ns > 2e9
        )

    daemon.wait(goes_on, "an evaluation after the log could not be opened")
    assert path.exists()
    assert daemon.stop(running)[0] == 0
