"""`python -m scheduler` as a process: one per home, ended by a signal at any moment."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from evaluator.instant import Instant
from evaluator.stats import Stats
from monitoring.alert_fold import fold, read
from monitoring.clock import SystemClock
from monitoring.snapshot import CollectorStatus, Snapshot, Window
from monitoring.spool import Request, submit

Daemon = Any
SELDOM = {"MONITOR_INTERVAL_SECONDS": "200", "MONITOR_EVALUATE_SECONDS": "600"}
"""So far apart are evaluations on the grid that whatever comes was woken by its file."""
COUNTED = {"MONITOR_INTERVAL_SECONDS": "60"}
"""No snapshot gets old while a countdown runs."""
COUNT_NS = 3 * 10**9
ENDS_WITHIN_SECONDS = 10
HUNG = str(Path(__file__).with_name("hung.py"))
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
RULES = """
[[rule]]
name = "breaker"
severity = "CRITICAL"
when = ["window.risk.circuit_breaker_active.any"]
keep_firing_for = "0s"
message = "breaker"
"""


@pytest.fixture
def write(daemon: Daemon) -> Any:
    """Write a snapshot of this moment; returns its instant."""
    daemon.home.rules.write_text(RULES)
    count = [0]

    def write(breaker: bool = False, seconds_ago: float = 0.0) -> Instant:
        now = SystemClock().now()
        at = Instant(
            now.wall_ms - round(seconds_ago * 1000),
            now.boottime_ns - round(seconds_ago * 1e9),
            now.boot_id,
        )
        count[0] += 1
        flag = Stats(count=1, last=float(breaker), any=breaker, all=breaker)
        daemon.store.write(
            Snapshot(
                snapshot=count[0],
                timestamp="",
                wall_ms=at.wall_ms,
                boottime_ns=at.boottime_ns,
                boot_id=at.boot_id,
                engine="main",
                reason="interval",
                heartbeat={
                    "age_seconds": 0.1,
                    "deadline_seconds": 15.0,
                    "expected": True,
                    "cause": "ticking",
                },
                risk={"circuit_breaker_active": breaker},
                last={"positions": {"count": 0.0}},
                window=Window(ticks=1, seconds=1.0, stats={"risk.circuit_breaker_active": flag}),
                collector=CollectorStatus(
                    app_version="test", network_up=True, disk_free_bytes=9e9, inodes_free_pct=90.0
                ),
            )
        )
        return at

    return write


def breakers(daemon: Daemon) -> list[str | None]:
    lines = read(daemon.home.alerts)  # beside alerts, midnight has carried incidents over
    return [line.status for line in lines if (line.kind, line.rule) == ("alert", "breaker")]


def test_a_snapshot_that_is_written_is_evaluated_at_once(daemon: Daemon, write: Any) -> None:
    process = daemon.start(**SELDOM)
    daemon.ready(process)
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")
    write(breaker=False)
    daemon.wait(lambda: breakers(daemon) == ["firing", "resolved"], "the recovery")
    assert daemon.stop(process)[0] == 0


def test_a_request_is_answered_while_the_operator_waits(daemon: Daemon, write: Any) -> None:
    process = daemon.start(**SELDOM)
    daemon.ready(process)
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon), "the alert")
    submit(
        daemon.home.spool,
        Request(id="r1", action="ack", target="breaker", by="asha", at_ms=1_000),
    )
    answer = daemon.wait(
        lambda: [line for line in read(daemon.home.alerts) if line.request == "r1"], "the answer"
    )
    assert answer[0].acknowledged


@pytest.mark.fault("R8")
def test_a_rule_that_exhausts_its_budget_is_in_error_and_the_others_go_on(
    daemon: Daemon, write: Any
) -> None:
    numbers = f"[{', '.join(['1.0'] * 30)}]"
    endless = "a + b + c + d > 0.0"
    for name in "dcba":
        endless = f"{numbers}.all({name}, {endless})"
    process = daemon.start(**SELDOM)
    daemon.ready(process)
    daemon.home.rules.write_text(
        f'{RULES}\n[[rule]]\nname = "endless"\nseverity = "WARNING"\nclock = "wall"\n'
        f'when = ["!risk.circuit_breaker_active || {endless}", "{endless}"]\nmessage = "x"\n'
    )
    daemon.wait(
        lambda: [line for line in read(daemon.home.alerts) if line.kind == "reload"], "the reload"
    )
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the other rule's alert")
    errors = [line for line in read(daemon.home.alerts) if line.kind == "rule_error"]
    assert [line.rule for line in errors] == ["endless"]
    assert "Iteration budget exceeded" in errors[0].reason
    assert process.poll() is None
    assert daemon.stop(process)[0] == 0


@pytest.mark.fault("A4")
def test_requests_that_race_the_evaluator_are_each_answered_once_in_whole_lines(
    daemon: Daemon, write: Any
) -> None:
    process = daemon.start(**SELDOM)
    daemon.ready(process)
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")
    ids = {f"r{number}" for number in range(40)}

    def ask(id_: str) -> None:
        at_ms = SystemClock().now().wall_ms
        request = Request(id=id_, action="ack", target="breaker", by=id_, at_ms=at_ms)
        submit(daemon.home.spool, request)

    with ThreadPoolExecutor(4) as operators:
        asked = [operators.submit(ask, id_) for id_ in sorted(ids)]
        for number in range(20):
            write(breaker=number % 2 == 0)  # it ends and begins anew meanwhile
        for one in asked:
            one.result()
    daemon.wait(
        lambda: {line.request for line in read(daemon.home.alerts)} >= ids, "all the answers"
    )
    assert daemon.stop(process)[0] == 0
    lines = list(read(daemon.home.alerts))
    assert len([line for line in lines if line.request in ids]) == len(ids)
    assert [line.seq for line in lines] == sorted({line.seq for line in lines})
    assert fold(daemon.home.alerts).faults == []


def test_a_snapshot_folder_that_was_removed_and_made_again_is_watched_again(
    daemon: Daemon, write: Any
) -> None:
    process = daemon.start()
    daemon.ready(process)
    shutil.rmtree(daemon.home.snapshots)
    daemon.home.snapshots.mkdir()
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")


@pytest.mark.fault("C6")
def test_a_second_scheduler_is_refused_and_told_the_pid_of_the_first(daemon: Daemon) -> None:
    first = daemon.start()
    daemon.ready(first)
    second = daemon.start()
    _, said = second.communicate(timeout=60)
    assert second.returncode != 0
    assert str(first.pid) in said
    assert first.poll() is None
    assert daemon.stop(first)[0] == 0


@pytest.mark.fault("P1")
def test_a_job_that_hangs_for_ever_holds_up_neither_evaluation_nor_shutdown(
    daemon: Daemon, write: Any
) -> None:
    process = daemon.start(HUNG)
    daemon.ready(process)
    daemon.wait(lambda: daemon.state().jobs["hung"].skipped >= 2, "runs that were skipped")
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")
    daemon.wait(
        lambda: daemon.state().facts.get("scheduler.jobs_missed", 0.0) >= 2,
        "the fact, in the state file that follows the alert",
    )
    began = time.monotonic()
    assert daemon.stop(process)[0] == 0
    assert time.monotonic() - began < ENDS_WITHIN_SECONDS


@pytest.mark.fault("P2")
def test_sigterm_at_any_moment_ends_with_0_and_nothing_half_written(
    daemon: Daemon, write: Any
) -> None:
    for delay_seconds in (0.0, 0.05, 0.15, 0.3, 0.5, 0.8):
        for number in range(40):
            write(breaker=number % 2 == 0, seconds_ago=1 - number / 50)
        process = daemon.start()
        # Before its handler is there the signal is the interpreter's own business.
        daemon.wait(lambda process=process: handles_sigterm(process.pid), "the handler")
        time.sleep(delay_seconds)
        began = time.monotonic()
        status, said = daemon.stop(process)
        assert status == 0, said
        assert time.monotonic() - began < ENDS_WITHIN_SECONDS
        assert fold(daemon.home.alerts).faults == []
        for file in daemon.home.alerts.glob("*.jsonl"):
            assert file.read_bytes().endswith(b"\n")


def handles_sigterm(pid: int) -> bool:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("SigCgt:"):
            return bool(int(line.split()[1], 16) >> (signal.SIGTERM - 1) & 1)
    return False


@pytest.mark.fault("R1", "P6a")
def test_kills_at_random_moments_leave_the_log_of_an_undisturbed_run(
    daemon: Daemon, write: Any
) -> None:
    expected: list[tuple[str, int]] = []
    for number in range(60):
        at = write(breaker=number % 3 == 0)
        if number % 3 != 2:
            expected.append(("firing" if number % 3 == 0 else "resolved", at.boottime_ns))
        time.sleep(0.003)  # snapshots of different instants
        if number % 10 == 9:
            process = daemon.start()
            until = time.monotonic() + 0.25 + number * 0.004
            daemon.wait(lambda until=until: time.monotonic() > until, "the moment of the kill")
            process.kill()
            process.wait()
    process = daemon.start()
    daemon.wait(lambda: len(breakers(daemon)) >= len(expected), "the whole story")
    daemon.stop(process)
    lines = [line for line in read(daemon.home.alerts) if line.rule == "breaker"]
    told = [(line.status, line.boottime_ns) for line in lines if line.kind == "alert"]
    assert told == expected, "each snapshot was judged at its own instant"
    assert fold(daemon.home.alerts).faults == []


@pytest.mark.fault("R1")
@pytest.mark.long
def test_a_restart_while_pending_firing_or_clearing_goes_on_with_the_same_countdown(
    daemon: Daemon, write: Any
) -> None:
    def lines() -> list[Any]:
        return [line for line in read(daemon.home.alerts) if line.rule == "breaker"]

    def restart_later() -> int:
        """Kill it, wait for most of the countdown, and start it; return its first instant."""
        daemon.processes[-1].kill()
        until = time.monotonic() + 2
        daemon.wait(lambda: time.monotonic() > until, "the time away")
        started = daemon.ready(daemon.start(**COUNTED)).started
        return int(started.boottime_ns)

    daemon.home.rules.write_text(RULES.replace('"0s"', '"3s"\nfor = "3s"'))
    daemon.ready(daemon.start(**COUNTED))
    write(breaker=False)
    write(breaker=True)
    daemon.wait(lambda: len(lines()) == 1, "pending")
    restarted = restart_later()
    daemon.wait(lambda: len(lines()) == 2, "firing")
    restart_later()
    write(breaker=False)
    daemon.wait(lambda: len(lines()) == 3, "clearing")
    again = restart_later()
    daemon.wait(lambda: len(lines()) == 4, "the end")

    pending, firing, clearing, resolved = lines()
    told = [(line.status, line.notify) for line in lines()]
    assert told == [
        ("pending", "pending"), ("firing", "new"), ("firing", "clearing"), ("resolved", "resolved")
    ]  # fmt: skip
    assert {line.id for line in lines()} == {pending.id}
    assert pending.boottime_ns + COUNT_NS <= firing.boottime_ns < restarted + COUNT_NS
    assert clearing.boottime_ns + COUNT_NS <= resolved.boottime_ns < again + COUNT_NS


def test_a_scheduler_that_is_switched_off_idles_until_it_is_stopped(daemon: Daemon) -> None:
    process = daemon.start(MONITOR_ENABLED="false")
    daemon.wait(lambda: handles_sigterm(process.pid), "the handler")
    daemon.wait((daemon.home.state / "scheduler.lock").exists, "the lock")
    assert process.poll() is None
    assert daemon.stop(process)[0] == 0
    assert not daemon.home.alerts.exists()


def test_wrong_settings_are_named_and_nothing_runs(daemon: Daemon) -> None:
    process = daemon.start(MONITOR_EVALUATE_SECONDS="-1")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "evaluate_seconds" in said


def test_a_log_that_can_not_be_read_ends_the_process_in_words(daemon: Daemon) -> None:
    daemon.home.alerts.parent.mkdir(parents=True)
    daemon.home.alerts.write_text("not a folder")
    process = daemon.start()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Not a directory" in said


@pytest.mark.fault("C7")
@needs_strace
def test_a_failed_sync_of_the_log_ends_the_process_and_a_restart_says_the_same(
    daemon: Daemon, write: Any
) -> None:
    write(breaker=True)
    done = subprocess.run(
        ["strace", "-f", "-qq", "-e", "trace=fdatasync", "-e",
         "inject=fdatasync:error=EIO:when=1", "-o", "/dev/null",
         sys.executable, "-m", "scheduler"],
        env=daemon.environ | {"MONITOR_HOME": str(daemon.root)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "could not be synced" in done.stderr
    assert "breaker firing" in done.stderr, "what was not written for certain is told all the same"
    process = daemon.start()
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")
    daemon.stop(process)


@needs_strace
def test_without_inotify_the_folders_are_polled(daemon: Daemon, write: Any) -> None:
    daemon.start(
        "-c",
        "import os, sys; os.execvp('strace', ['strace', '-f', '-qq', '-o', '/dev/null',"
        "'-e', 'trace=inotify_init', '-e', 'inject=inotify_init:error=EMFILE',"
        "sys.executable, '-m', 'scheduler'])",
        **SELDOM,
    )
    daemon.wait(daemon.state, "the state file")
    daemon.wait(lambda: "inotify" in " ".join(daemon.state().degraded), "the words")
    write(breaker=True)
    daemon.wait(lambda: breakers(daemon) == ["firing"], "the alert")
