from __future__ import annotations

import json
import os
import pwd
import threading
import time

import msgspec
import pytest

from evaluator.incident import Ack, Incident, Transition
from monitoring.alert_fold import fold
from monitoring.alert_log import AlertLog, Notice
from monitoring.clock import SystemClock
from monitoring.spool import Request, pending


@pytest.fixture
def scheduler(now_house):
    """Answers requests like the scheduler: in a thread, through spool and alert log."""
    over = threading.Event()
    house = now_house

    def serve() -> None:
        while not over.is_set():
            for path, request in pending(house.home.spool):
                assert isinstance(request, Request)
                answer(request)
                path.unlink()
            time.sleep(0.005)

    def answer(request: Request) -> None:
        log = AlertLog(house.home.alerts, "main", "Asia/Kolkata")
        now = SystemClock().now()
        states = log.open(now).states
        incident = next((i for i in states.values() if i.id == request.target), None)
        entry: Transition | Notice
        if incident is None or request.reason == "too late":
            entry = Notice(kind="request", reason="no open alert has that id")
        elif request.action == "ack" and incident.ack is not None:
            said = f"already acknowledged by {incident.ack.by}"
            entry = Notice(kind="request", reason=said, rule=incident.rule, id=incident.id)
        else:
            entry = Transition(answered(incident, request), now, "acknowledged")
        assert log.append([entry], now, 1, request.id)
        log.close()

    def answered(incident: Incident, request: Request) -> Incident:
        ack = Ack(request.by, request.at_ms, request.reason, request.until_ms)
        return msgspec.structs.replace(incident, ack=ack if request.action == "ack" else None)

    thread = threading.Thread(target=serve)
    thread.start()
    yield house
    over.set()
    thread.join()


def test_an_ack_by_rule_is_done_when_the_log_says_so(scheduler, monitor) -> None:
    scheduler.alert("stale_student_model", "31h old")
    done = monitor("ack", "stale_student_model", "--reason", "retraining", "--by", "asha")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == 'done: stale_student_model acked by asha "retraining"\n'
    ack = fold(scheduler.home.alerts).states["stale_student_model"].ack
    assert ack is not None
    assert (ack.by, ack.reason, ack.until_ms) == ("asha", "retraining", None)


def test_an_ack_by_a_unique_prefix_for_a_time_is_done(scheduler, monitor) -> None:
    incident = scheduler.alert("disk_low", "1.9 GB free", number=1)
    done = monitor("ack", incident.id[:12], "--for", "2h", "--json", USER="ravi")
    said = json.loads(done.stdout)
    assert said["outcome"] == "done"
    assert said["incident"] == incident.id
    ack = fold(scheduler.home.alerts).states["disk_low"].ack
    assert ack is not None
    assert ack.by == "ravi"
    assert ack.until_ms == ack.at_ms + 7_200_000


def test_an_alert_is_given_back(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1.9 GB free", ack=Ack("asha", 0))
    done = monitor("unack", "disk_low")
    assert done.returncode == 0
    assert "given back by" in done.stdout
    assert fold(scheduler.home.alerts).states["disk_low"].ack is None


def test_an_alert_that_ended_meanwhile_is_an_unknown_target(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1.9 GB free")
    done = monitor("ack", "disk_low", "--reason", "too late")
    assert (done.returncode, done.stdout) == (1, "unknown target: no open alert has that id\n")


def test_an_ack_of_what_is_acknowledged_is_refused_with_the_name(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1.9 GB free", ack=Ack("asha", 0))
    done = monitor("ack", "disk_low")
    assert (done.returncode, done.stdout) == (1, "refused: already acknowledged by asha\n")


def test_without_a_scheduler_the_request_is_queued(now_house, monitor) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    began = time.monotonic()
    done = monitor("ack", "disk_low", "--by", "asha")
    assert done.returncode == 3
    assert 2.0 <= time.monotonic() - began < 30.0
    assert done.stdout.startswith("queued: the scheduler isn't running (it never ran in this home)")
    [(path, request)] = pending(now_house.home.spool)
    assert isinstance(request, Request)
    assert request.by == "asha"
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_unknown_target_names_what_is_open(now_house, monitor) -> None:
    now_house.alert("disk_low", "1.9 GB free")
    done = monitor("ack", "nosuch")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No open alert is called 'nosuch'" in done.stderr
    assert "Open now: disk_low." in done.stderr


def test_an_ambiguous_prefix_is_refused(now_house, monitor) -> None:
    now_house.alert("disk_low", "x", number=1)
    now_house.alert("network_down", "y", number=2)
    done = monitor("ack", "0199d6a0")
    assert done.returncode == 1
    assert "begins the ids of 2 open alerts" in done.stderr


def test_a_wrong_duration_and_an_endless_reason_are_refused(now_house, monitor) -> None:
    now_house.alert("disk_low", "x")
    assert monitor("ack", "disk_low", "--for", "a while").returncode == 2
    assert monitor("ack", "disk_low", "--reason", "x" * 1001).returncode == 2
    assert not now_house.home.spool.exists()


def test_before_anything_ever_ran_there_is_nothing_to_take(monitor, tmp_path) -> None:
    (tmp_path / "home").mkdir()
    assert monitor("ack", "x").returncode == 3
    assert monitor("init", "--yes", "--force").returncode == 0
    done = monitor("ack", "x")
    assert done.returncode == 3
    assert "Start collector and scheduler" in done.stderr


def test_who_takes_an_alert_has_a_name_without_user_in_the_environment(scheduler, monitor) -> None:
    scheduler.alert("disk_low", "1 GB free")
    done = monitor("ack", "disk_low", USER="", LOGNAME="")
    assert f"acked by {pwd.getpwuid(os.getuid()).pw_name}" in done.stdout
