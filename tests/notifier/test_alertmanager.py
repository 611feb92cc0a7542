"""Alertmanager: what it is told, again and again, against a real one and against faults."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pydantic import SecretStr

from evaluator.incident import Severity
from evaluator.instant import Instant
from monitoring.config import Channel
from notifier.alertmanager import alerts_of
from notifier.channel import sender
from notifier.ledger import State
from notifier.letter import Letter
from notifier.records import Dead, Failed, Planned, Sent
from notifier.resender import Resender
from tests.notifier.conftest import wait

Desk = Any
Serve = Callable[..., Any]
HOUR = 3600
CONFIG = """
route:
  receiver: tickbeat
  group_by: [engine]
  group_wait: 1s
  group_interval: 1s
  repeat_interval: 1h
receivers:
  - name: tickbeat
    webhook_configs:
      - url: "{}/notified"
        send_resolved: true
"""


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


def planned(
    incident: str, seconds: float, severity: Severity = "CRITICAL", *, over: bool = False
) -> Planned:
    why = "resolved" if over else "new"
    return Planned(
        at=at(seconds), incident=incident, step=f"{seconds:g}-{why}", engine="main",
        rule="disk_low", severity=severity, why=why, over=over, alert_at=at(seconds),
        title=f"{severity} disk_low (main)", text="40 GB left", channels=("am", "phone"),
    )  # fmt: skip


def shown(state: State, seconds: float) -> list[tuple[str, str, str, str]]:
    """Return (incident, severity, begin, end) of each alert, times as they are on a clock."""
    return sorted(
        (one.labels["incident"], one.labels["severity"], one.starts_at[11:19], one.ends_at[11:19])
        for one in alerts_of(state, "am", at(seconds))
    )


def state_of(*records: Any) -> State:
    state = State()
    for record in records:
        state.take(record)
    return state


def test_an_alert_has_what_routes_and_what_humans_read() -> None:
    (alert,) = alerts_of(state_of(planned("i", 0)), "am", at(30))
    assert json.loads(msgspec.json.encode(alert)) == {
        "labels": {
            "alertname": "disk_low", "severity": "critical", "engine": "main", "incident": "i"
        },
        "annotations": {
            "summary": "CRITICAL disk_low (main)", "description": "40 GB left",
            "runbook": "docs/rules/disk_low.md",
        },
        "startsAt": "2025-10-12T05:12:07.000+00:00",
        "endsAt": "2025-10-12T05:16:37.000+00:00",
    }  # fmt: skip


def test_what_fires_ends_in_four_minutes_unless_it_is_told_again() -> None:
    state = state_of(planned("i", 0))
    assert shown(state, 10) == [("i", "critical", "05:12:07", "05:16:17")]
    assert shown(state, 70) == [("i", "critical", "05:12:07", "05:17:17")]


def test_what_is_over_is_told_for_a_quarter_of_an_hour_with_its_end() -> None:
    state = state_of(planned("i", 0), planned("i", 60, over=True))
    for key in [*state.outstanding]:
        state.take(Sent(at=at(61), key=key, attempts=1, late_ms=1))
    assert shown(state, 61) == [("i", "critical", "05:12:07", "05:13:07")]
    assert shown(state, 60 + 899) != []
    assert shown(state, 60 + 901) == []


def test_a_severity_that_changed_ends_the_alert_of_before() -> None:
    state = state_of(planned("i", 0), planned("i", 60, "WARNING"))
    assert shown(state, 60) == [
        ("i", "critical", "05:12:07", "05:13:07"),
        ("i", "warning", "05:12:07", "05:17:07"),
    ]
    state.take(planned("i", 120, "CRITICAL"))
    assert shown(state, 120) == [
        ("i", "critical", "05:12:07", "05:18:07"),
        ("i", "warning", "05:12:07", "05:14:07"),
    ]


def test_an_end_that_never_arrived_is_told_for_as_long_as_it_takes() -> None:
    state = state_of(planned("i", 0), planned("i", 60, over=True))
    assert shown(state, 2 * HOUR) == [("i", "critical", "05:13:07", "05:13:07")]


def test_a_clock_that_was_set_back_makes_no_alert_that_ends_before_it_begins() -> None:
    state = state_of(planned("i", 0), planned("i", -60, over=True))
    assert shown(state, -60) == [("i", "critical", "05:11:07", "05:11:07")]


def test_what_another_channel_is_told_of_is_none_of_its_own() -> None:
    other = msgspec.structs.replace(planned("i", 0), channels=("phone",))
    assert shown(state_of(other), 0) == []


def test_of_a_storm_that_is_over_the_last_ones_are_kept() -> None:
    state = State()
    for number in range(1000):
        for record in (planned(f"i{number}", 0), planned(f"i{number}", 1, over=True)):
            state.take(record)
            for key in [*state.outstanding]:
                state.take(Sent(at=at(1), key=key, attempts=1, late_ms=1))
    assert len(alerts_of(state, "am", at(2))) == 200


class Story:
    """A resender, its state, and time that passes as told."""

    def __init__(self, url: str) -> None:
        self.state = State()
        self.resender = Resender(
            "am", SecretStr(f"{url}/prefix"), wake=lambda: None, chance=lambda: 0.0
        )

    def turn(self, seconds: float) -> list[Any]:
        """Begin what is to be begun, and return what came of it."""
        self.resender.start(self.state, at(seconds))
        until = time.monotonic() + 30
        found: list[Any] = []
        while self.resender.busy:
            assert time.monotonic() < until
            found += self.resender.outcome(self.state, at(seconds))
            time.sleep(0.002)
        for record in found:
            self.state.take(record)
        return found


def test_one_request_delivers_all_that_is_outstanding_and_each_minute_it_is_told_again(
    serve: Serve,
) -> None:
    server = serve()
    channel = Story(server.url)
    assert channel.turn(0) == []
    for number in range(3):
        channel.state.take(planned(f"i{number}", 1))
    assert [type(one) for one in channel.turn(1)] == [Sent, Sent, Sent]
    assert [one.channel for one in channel.state.outstanding.values()] == ["phone"] * 3
    channel.state.take(planned("i0", 30, over=True))
    assert len(channel.turn(30)) == 1, "news does not wait"
    assert channel.turn(89) == channel.turn(90) == []
    assert [len(request.body) for request in server.requests] == [3, 3, 3]
    assert {request.path for request in server.requests} == {"/prefix/api/v2/alerts"}
    assert channel.resender.trouble is None


@pytest.mark.fault("N1")
def test_whatever_an_alertmanager_refuses_is_told_again_until_it_takes_it(serve: Serve) -> None:
    server = serve()
    server.answers = [
        type(server.always)(code=400),
        type(server.always)(code=429, headers={"Retry-After": "30"}),
    ]
    channel = Story(server.url)
    channel.state.take(planned("i", 0))
    channel.state.take(planned("j", 0))
    (failed,) = channel.turn(0)
    assert isinstance(failed, Failed)
    assert channel.resender.trouble == "am can't be told: HTTP 400"
    assert channel.state.failing == {"am": "HTTP 400"}
    assert channel.turn(0.4) == [], "not at once"
    (failed,) = channel.turn(0.5)
    assert (failed.attempts, failed.again_ms) == (2, at(30.5).wall_ms)
    restarted = Story(server.url)
    restarted.state = channel.state
    restarted.resender.resume(next(iter(channel.state.outstanding.values())), at(10))
    assert restarted.resender.trouble is not None
    assert restarted.turn(30) == [], "the time that was asked for counts over a restart"
    assert [type(one) for one in restarted.turn(31)] == [Sent, Sent]
    assert (restarted.state.failing, restarted.resender.trouble) == ({}, None)
    assert [one["labels"]["incident"] for one in server.requests[-1].body] == ["i", "j"]


def test_after_a_day_what_fires_still_waits_and_what_is_over_is_given_up(serve: Serve) -> None:
    server = serve()
    server.always.code = 500
    channel = Story(server.url)
    for record in (planned("fires", 0), planned("over", 0), planned("over", 9, over=True)):
        channel.state.take(record)
    records = channel.turn(25 * HOUR)
    assert [type(one) for one in records] == [Failed, Dead, Dead]
    assert records[1].reason == "a day of: HTTP 500"
    server.always.code = 200
    (sent,) = channel.turn(25 * HOUR + 60)
    assert sent.key == planned("fires", 0).key("am")


def test_a_server_that_hangs_holds_up_no_turn(serve: Serve) -> None:
    server = serve()
    server.always.hang = True
    channel = Story(server.url)
    channel.state.take(planned("i", 0))
    began = time.monotonic()
    for second in range(200):
        channel.resender.start(channel.state, at(second))
        assert channel.resender.outcome(channel.state, at(second)) == []
    assert time.monotonic() - began < 5
    assert len(server.requests) <= 1
    assert (channel.resender.hangs(at(60)), channel.resender.hangs(at(121))) == (False, True)


def test_a_test_message_is_an_alert_that_ends_by_itself(serve: Serve) -> None:
    server = serve()
    letter = Letter(
        key="k", title="TEST (main)", text="no alert", incident="test", engine="main",
        rule="test", severity="WARNING", status="test", why="test",
        at="2025-10-12T10:42:07.000+05:30",
    )  # fmt: skip
    secrets = {"am": SecretStr(server.url)}
    send = sender("am", Channel(kind="alertmanager"), secrets, Path("/"))
    assert send(letter).word == "sent"
    ((alert,),) = [request.body for request in server.requests]
    assert alert["labels"]["alertname"] == "test"
    assert (alert["startsAt"][11:19], alert["endsAt"][11:19]) == ("05:12:07", "05:14:07")


class Real:
    """A real Alertmanager on loopback; `alerts` asks it what it holds."""

    def __init__(self, program: str, folder: Path, notified: str) -> None:
        self._program = program
        self._folder = folder
        self._config = folder / "alertmanager.yml"
        self._config.write_text(CONFIG.format(notified))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{self._address}"
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0

    def start(self) -> None:
        """Start it without any memory of before, and wait until it answers."""
        self._starts += 1
        with (self._folder / "alertmanager.out").open("ab") as out:
            self._process = subprocess.Popen(
                [
                    self._program, f"--config.file={self._config}", "--cluster.listen-address=",
                    f"--storage.path={self._folder / str(self._starts)}",
                    f"--web.listen-address={self._address}",
                ],
                stdout=out, stderr=out,
            )  # fmt: skip
        wait(self._answers, "an answer of the Alertmanager")

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "alertmanager.out").read_text()
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
            return True
        return False

    def alerts(self) -> dict[str, Any]:
        """Return what it holds, by rule."""
        with urllib.request.urlopen(f"{self.url}/api/v2/alerts", timeout=5) as answer:
            return {one["labels"]["alertname"]: one for one in json.load(answer)}

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def program() -> str:
    names = (os.environ.get("ALERTMANAGER"), "prometheus-alertmanager", "alertmanager")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        why = "no Alertmanager here (Debian: prometheus-alertmanager; or ALERTMANAGER=path)"
        pytest.skip(why)
    return found


@pytest.fixture
def real(program: str, tmp_path: Path, serve: Serve) -> Iterator[tuple[Real, Any]]:
    people = serve()
    one = Real(program, tmp_path, people.url)
    one.start()
    yield one, people
    one.kill()


def test_a_real_alertmanager_groups_and_resolves_what_it_is_told_and_has_it_again_after_a_loss(
    desk: Desk, real: tuple[Real, Any]
) -> None:
    alertmanager, people = real
    desk.channel("am", kind="alertmanager", url=alertmanager.url)
    notifier = desk.start()
    for rule, severity in (("disk_low", "WARNING"), ("daily_loss_exceeded", "CRITICAL")):
        desk.fire(rule, severity)
    desk.wait(lambda: len(alertmanager.alerts()) == 2, "both alerts")
    labels = alertmanager.alerts()["daily_loss_exceeded"]["labels"]
    assert (labels["severity"], labels["engine"]) == ("critical", "main")

    def told(status: str) -> set[str]:
        """Return the rules of which its receiver was told so."""
        return {
            alert["labels"]["alertname"]
            for request in people.requests
            for alert in request.body["alerts"]
            if alert["status"] == status
        }

    desk.wait(lambda: told("firing") == {"disk_low", "daily_loss_exceeded"}, "the people")
    assert {request.body["groupLabels"]["engine"] for request in people.requests} == {"main"}
    desk.resolve("disk_low")
    desk.wait(lambda: told("resolved") == {"disk_low"}, "the end of one")
    desk.wait(lambda: [*alertmanager.alerts()] == ["daily_loss_exceeded"], "the one that fires")

    # Both are lost, and the Alertmanager's memory too: what fires is told from the log.
    notifier.kill()
    alertmanager.kill()
    people.requests.clear()
    desk.start()
    alertmanager.start()
    desk.wait(lambda: told("firing") == {"daily_loss_exceeded"}, "the people again")
    desk.resolve("daily_loss_exceeded")
    desk.wait(lambda: "daily_loss_exceeded" in told("resolved"), "its end")
    desk.wait(lambda: not desk.deliveries().outstanding, "the records")
    assert desk.deliveries().failing == {}
