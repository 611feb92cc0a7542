from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from evaluator.incident import Ack
from monitoring.alert_fold import read
from monitoring.alert_line import AlertLine
from monitoring.log_follower import LogFollower, Unreadable
from scripts.cli.tail_line import tail_line
from scripts.cli.terminal import PLAIN, Terminal, at_words, render, wrap

PROJECT = Path(__file__).parents[2]


def lines_of(house) -> list[AlertLine]:
    return [line for line in read(house.home.alerts) if line.kind == "alert"]


def until(said: Callable[[], bool], what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not said():
        assert time.monotonic() < deadline, f"never seen: {what}"
        time.sleep(0.01)


@contextmanager
def following(house, tmp_path: Path, *arguments: str) -> Iterator[Path]:
    """Run `monitor tail` with its output in a file, and end it afterwards."""
    out = tmp_path / "tail.out"
    with out.open("wb") as file, (tmp_path / "tail.err").open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-u", "-m", "scripts.monitor", "tail", *arguments],
            cwd=PROJECT,
            env={**os.environ, "MONITOR_HOME": str(house.home.root), "PYTHONUTF8": "1"},
            stdout=file,
            stderr=errors,
        )
        try:
            yield out
        finally:
            child.kill()
            child.wait()


def test_a_line_has_time_status_severity_rule_what_is_new_and_who_took_it(house, golden) -> None:
    house.alert("heartbeat_lapsed", "No tick for 22s", severity="CRITICAL", number=1)
    over = "Over after 1m: engine ticking, last tick 0.03 s ago"
    house.alert("heartbeat_lapsed", over, severity="CRITICAL", status="resolved", number=1)
    near, gone = "Loss nears the limit", "cleared after 12s"
    house.alert("daily_loss_high", near, status="pending", notify="pending", number=2)
    house.alert(
        "daily_loss_high", near, status="inactive", notify="inactive", reason=gone, number=2
    )
    house.alert("stale_student_model", "31h old", number=3)
    ack = Ack("asha", 0, "retraining")
    house.alert("stale_student_model", "31h old", ack=ack, notify="acknowledged", number=3)
    house.alert("stale_student_model", "31h old", notify="unacknowledged", number=3)
    shown = [render(tail_line(line), PLAIN) for line in lines_of(house)]
    golden("tail_lines.txt", "\n".join(shown) + "\n")


@pytest.mark.parametrize(
    ("notify", "reason", "said"),
    [
        ("clearing", "clear; resolves when it stays so for 1m", "CLEARING"),
        ("held", "the condition holds again", "FIRING"),
        ("no_data", "stays firing: unknown: pnl.daily", "NO DATA"),
        ("data_back", "it can be judged again", "FIRING"),
        ("error", "the rule is in error: division by zero", "ERROR"),
        ("changed", "WARNING became CRITICAL", "FIRING"),
    ],
)
def test_what_happens_to_a_firing_alert_is_told_and_not_its_beginning_again(
    house, notify: str, reason: str, said: str
) -> None:
    house.alert("daily_loss_high", "Loss nears the limit", notify=notify, reason=reason)
    shown = render(tail_line(lines_of(house)[0]), PLAIN)
    assert f" {said} " in shown
    assert reason in shown
    assert ("Loss nears" in shown) == (notify in {"held", "changed"})


def test_a_line_too_long_for_the_terminal_goes_on_below_and_loses_no_word(house) -> None:
    message = "No tick for 15 s (deadline 15 s): process_frozen; open positions at last word: 3"
    house.alert("heartbeat_lapsed", message, severity="CRITICAL")
    narrow = Terminal(colour=False, width=60, cut=True)
    lines = wrap(at_words(tail_line(lines_of(house)[0])), narrow, 17)
    shown = [render(line, narrow) for line in lines]
    assert all(len(line) <= 60 for line in shown)
    assert all(line.startswith(" " * 17) for line in shown[1:])
    assert message in " ".join(line.strip() for line in shown)


@pytest.mark.fault("O1")
def test_hostile_lines_are_shown_escaped(house) -> None:
    house.alert("evil\x1b[2J", "\rOK\u202e\x07", ack=Ack("\x1b]0;x\x07", 0, "\n"))
    shown = render(tail_line(lines_of(house)[0]), Terminal(colour=False, width=300, cut=True))
    assert shown.isprintable()
    assert "evil\\x1b[2J" in shown


def test_the_last_lines_come_first_and_filters_choose(house, monitor) -> None:
    for number in range(12):
        severity = "CRITICAL" if number % 4 == 0 else "WARNING"
        house.alert(f"rule_{number}", f"message {number}", severity=severity, number=number)
    shown = monitor("tail", "--no-follow").stdout.splitlines()
    assert len(shown) == 10
    assert "message 11" in shown[-1]
    assert len(monitor("tail", "--no-follow", "-n", "3").stdout.splitlines()) == 3
    assert monitor("tail", "--no-follow", "-n", "0").stdout == ""
    critical = monitor("tail", "--no-follow", "--severity", "critical").stdout
    assert [f"rule_{n} " in critical for n in (0, 4, 8, 1)] == [True, True, True, False]
    assert len(monitor("tail", "--no-follow", "--rule", "rule_7").stdout.splitlines()) == 1


def test_since_chooses_by_time_and_wrong_times_are_refused(house, monitor) -> None:
    house.alert("early", "long ago", seconds_ago=7200.0)
    house.alert("late", "just now")
    since = "2025-10-12T10:42:06.500+05:30"
    assert monitor("tail", "--no-follow", "--since", since).stdout == ""
    assert len(monitor("tail", "--no-follow", "--since", "2025-10-12").stdout.splitlines()) == 2
    done = monitor("tail", "--since", "soon")
    assert done.returncode == 2
    assert "'soon' is no moment" in done.stderr


def test_json_lines_are_the_logs_own(house, monitor) -> None:
    house.alert("disk_low", "1.9 GB free")
    said = json.loads(monitor("tail", "--no-follow", "--json").stdout)
    assert said["rule"] == "disk_low"
    assert msgspec.convert(said, AlertLine).seq == lines_of(house)[0].seq


def test_old_lines_are_sought_in_older_files(house, monitor) -> None:
    house.alert("yesterday", "the day before", number=1)
    file = next(house.home.alerts.glob("*.jsonl"))
    file.rename(file.with_name("2025-10-11.jsonl"))
    house.alert("today", "this day", number=2)
    shown = monitor("tail", "--no-follow", "-n", "5").stdout.splitlines()
    assert [("yesterday" in line, "today" in line) for line in shown] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.fault("O2")
def test_new_lines_are_followed_across_midnight(house, tmp_path: Path) -> None:
    house.alert("before", "old", number=1)
    with following(house, tmp_path) as out:
        until(lambda: b"before" in out.read_bytes(), "the old line")
        house.alert("same_day", "new", number=2)
        until(lambda: b"same_day" in out.read_bytes(), "a line of the same day")
        day_after = type(house)(house.home.root, house.at)
        day_after.at = type(house.at)(
            house.at.wall_ms + 86_400_000, house.at.boottime_ns + 86_400 * 10**9, house.at.boot_id
        )
        day_after.alert("next_day", "newer", number=3)
        until(lambda: b"next_day" in out.read_bytes(), "a line of the next day")
    text = out.read_text(encoding="utf-8")
    assert [text.count(name) for name in ("before", "same_day", "next_day")] == [1, 1, 1]


def test_a_log_that_is_not_there_yet_is_waited_for(house, tmp_path: Path) -> None:
    house.home.root.mkdir()
    with following(house, tmp_path) as out:
        until(lambda: b"waiting" in (tmp_path / "tail.err").read_bytes(), "that it waits")
        house.alert("first", "the first of all")
        until(lambda: b"first" in out.read_bytes(), "the first line")


def test_a_quiet_home_without_alerts_says_so_and_ends_well(house, monitor) -> None:
    house.process("scheduler")
    done = monitor("tail", "--no-follow")
    assert (done.returncode, done.stdout) == (0, "")
    assert "No alerts in" in done.stderr


def test_before_anything_ever_ran_tail_ends_with_3(house, monitor) -> None:
    house.home.root.mkdir()
    assert monitor("tail", "--no-follow").returncode == 3


def test_a_line_in_pieces_is_read_when_it_is_whole(house) -> None:
    house.alert("whole", "x")
    follower = LogFollower(house.home.alerts)
    assert follower.backlog()
    file = next(house.home.alerts.glob("*.jsonl"))
    line = msgspec.structs.replace(lines_of(house)[0], seq=99, boottime_ns=99)
    raw = msgspec.json.encode(line) + b"\n"
    with file.open("ab") as log:
        log.write(raw[:40])
        log.flush()
        assert follower.grown() == []
        log.write(raw[40:])
    assert [found.seq for found in follower.grown() if isinstance(found, AlertLine)] == [99]


@pytest.mark.fault("O2")
def test_a_file_that_was_truncated_and_written_anew_repeats_nothing(house) -> None:
    house.alert("one", "x", number=1)
    house.alert("two", "y", number=2)
    file = next(house.home.alerts.glob("*.jsonl"))
    whole = file.read_bytes()
    follower = LogFollower(house.home.alerts)
    assert follower.backlog()
    file.write_bytes(whole[:-30])
    assert follower.grown() == []
    file.write_bytes(whole)
    assert follower.grown() == []
    copy = file.with_suffix(".copy")
    copy.write_bytes(whole)
    copy.replace(file)
    assert follower.grown() == []


def test_garbage_is_told_apart_from_silence(house) -> None:
    house.alert("one", "x")
    file = next(house.home.alerts.glob("*.jsonl"))
    follower = LogFollower(house.home.alerts)
    follower.backlog()
    size = file.stat().st_size
    with file.open("ab") as log:
        log.write(b"\n\xff\xfe garbage\n" + b"x" * (3 << 20) + b"\n")
    found = follower.grown()
    assert all(isinstance(line, Unreadable) for line in found)
    assert isinstance(found[0], Unreadable)
    assert found[0].offset == size + 1
    assert len(found) == 4, "a line without end is told in pieces of a megabyte"


def test_a_torn_line_that_the_scheduler_healed_is_not_told_again(house) -> None:
    house.alert("one", "x", number=1)
    file = next(house.home.alerts.glob("*.jsonl"))
    with file.open("ab") as log:
        log.write(b'{"id":"torn')
    house.alert("two", "y", number=2)
    found = LogFollower(house.home.alerts).backlog()
    assert [line for line in found if isinstance(line, Unreadable)] == []


def test_a_symlink_in_the_folder_is_not_followed(house, tmp_path: Path) -> None:
    house.home.alerts.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("secret\n")
    (house.home.alerts / "2025-10-12.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        LogFollower(house.home.alerts).backlog()


@pytest.mark.fault("O2")
def test_a_closed_pipe_ends_quietly(house, tmp_path: Path) -> None:
    house.alert("one", "x", number=1)
    child = subprocess.Popen(
        [sys.executable, "-m", "scripts.monitor", "tail"],
        cwd=PROJECT,
        env={**os.environ, "MONITOR_HOME": str(house.home.root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    assert b"one" in child.stdout.readline()
    child.stdout.close()
    house.alert("two", "y", number=2)
    assert child.wait(60) == 0
    assert child.stderr.read() == b""
    child.stderr.close()
