"""The notifier's real process: alert lines on disk, requests at loopback servers, and the log."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from evaluator.instant import Instant
from notifier.records import Dead, Failed, Passed, Planned, Sent

Desk = Any
Serve = Callable[..., Any]


def later(at: Instant, by: timedelta) -> Instant:
    seconds = by.total_seconds()
    wall_ms = at.wall_ms + round(seconds * 1000)
    return Instant(wall_ms, at.boottime_ns + round(seconds * 1e9), at.boot_id)


def written_below(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def fill(path: Path) -> None:
    """Take all the room of a small disk."""
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(512))


def test_an_alert_line_is_told_and_the_log_says_that_it_was(desk: Desk, serve: Serve) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=f"{server.url}/in?key=1")
    assert not desk.home.alerts.exists()
    desk.start()
    assert desk.home.alerts.is_dir()  # and so watched: the first alert of a home is told at once
    incident = desk.fire("circuit_breaker_triggered")
    desk.wait(lambda: desk.records(Sent), "the record of it")
    (request,) = server.requests
    assert request.path == "/in?key=1"
    assert request.body["title"] == "CRITICAL circuit_breaker_triggered (main)"
    assert request.body["incident"] == incident.id
    (planned,) = desk.records(Planned)
    key = planned.key("hook")
    assert request.headers["Tickbeat-Key"] == request.body["key"] == key
    assert request.body["text"].endswith(f"\nTickbeat-Key: {key}")
    assert desk.deliveries().outstanding == {}

    # Stopped and started again it tells what came meanwhile, over midnight, and nothing twice.
    assert desk.stop() == 0
    desk.step("circuit_breaker_triggered", "acknowledged")
    tomorrow = later(desk.clock(), timedelta(days=1))
    desk.resolve("circuit_breaker_triggered", at=tomorrow)
    desk.fire("disk_low", "WARNING", at=later(tomorrow, timedelta(seconds=1)))
    assert len(list(desk.home.alerts.glob("*.jsonl"))) == 2
    desk.start()
    desk.wait(lambda: len(server.requests) == 3, "both messages")
    desk.resolve("disk_low", at=later(tomorrow, timedelta(seconds=2)))
    desk.wait(lambda: len(server.requests) == 4, "the last message")
    assert [request.body["title"] for request in server.requests[1:]] == [
        "RESOLVED circuit_breaker_triggered (main)",
        "WARNING disk_low (main)",
        "RESOLVED disk_low (main)",
    ]


@pytest.mark.fault("N1")
def test_what_hangs_asks_for_time_or_refuses_holds_up_no_other_and_is_told_to_the_operator(
    desk: Desk, serve: Serve
) -> None:
    fine, hung, limited, refusing, stack = serve(), serve(), serve(), serve(), serve()
    hung.always.hang = stack.always.hang = True
    limited.always.code, limited.always.headers = 429, {"Retry-After": "30"}
    refusing.always.code = 403
    for name, server in (
        ("hung", hung), ("limited", limited), ("refusing", refusing), ("fine", fine)
    ):  # fmt: skip
        desk.channel(name, kind="webhook", url=f"{server.url}/CANARY-{name}")
    desk.channel("stack", kind="alertmanager", url=f"{stack.url}/CANARY-stack")
    desk.channel("phone", kind="telegram", token="1:CANARY", chat="7", base_url=fine.url)
    desk.start()
    for number in range(4):
        desk.fire(f"rule_{number}")
    desk.wait(lambda: sum(r.path == "/CANARY-fine" for r in fine.requests) == 4, "all of the fine")
    desk.wait(lambda: len(desk.records(Dead)) == 4, "all of the refusing given up")
    assert len(refusing.requests) == 4
    assert len(hung.requests) <= 1
    desk.wait(lambda: desk.records(Failed), "the limited one's answer")
    assert len(limited.requests) == 1
    (failed, *_) = [one for one in desk.records(Failed) if one.key.endswith(".limited")]
    assert failed.again_ms - failed.at.wall_ms >= 30_000
    order = [request.body["rule"] for request in fine.requests if "rule" in request.body]
    assert order == ["rule_0", "rule_1", "rule_2", "rule_3"]

    desk.wait(lambda: desk.state().channels["refusing"].dead == 4, "the state file")
    desk.wait(lambda: desk.state().channels["limited"].failing_reason, "the state file")
    health = desk.monitor("health")
    (line,) = [line for line in health.stdout.splitlines() if " notifier " in line]
    assert re.search(r"WARN +notifier .*refusing: 4 messages given up since .*HTTP 403", line)
    assert re.search(r"limited: trying since \S+, 4 waiting \(HTTP 429\)", line)
    assert "`monitor notify test --channel limited`" in line

    # Its end does not wait for the hung one, and no secret is anywhere.
    assert desk.stop() == 0
    shown = desk.monitor("config", "show").stdout + health.stdout + health.stderr
    assert "CANARY" not in shown
    found = [path for path, data in written_below(desk.home.root).items() if b"CANARY" in data]
    assert found == []
    assert "channels.phone.token" in desk.state().secrets_set


def test_a_message_that_failed_comes_again_in_its_order_with_its_key(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    server.answers = [type(server.always)(code=500), type(server.always)(code=408)]
    desk.channel("hook", kind="webhook", url=server.url)
    desk.start()
    first = desk.fire("a")
    desk.wait(lambda: server.requests, "the first attempt")
    desk.resolve("a")
    desk.wait(lambda: len(server.requests) == 4, "the second message")
    (new, resolved) = desk.records(Planned)
    assert server.keys() == [new.key("hook")] * 3 + [resolved.key("hook")]
    assert {new.incident, resolved.incident} == {first.id}
    desk.wait(lambda: not desk.deliveries().outstanding, "the last record")
    assert [one.attempts for one in desk.records(Sent)] == [3, 1]
    assert [one.reason for one in desk.records(Failed)] == ["HTTP 500", "HTTP 408"]


def test_a_first_start_tells_what_fires_and_was_told_once_and_the_end_of_it(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    for number in range(3):
        desk.fire(f"old_{number}")
    desk.fire("nobody_told", told=None, suppressed_by="silenced by asha")
    desk.resolve("old_0")
    desk.start()
    desk.wait(lambda: len(server.requests) == 2, "what fires")
    desk.resolve("old_1")
    desk.wait(lambda: len(server.requests) == 3, "its end")
    told = [(request.body["rule"], request.body["status"]) for request in server.requests]
    assert sorted(told[:2]) == [("old_1", "firing"), ("old_2", "firing")]
    assert told[2] == ("old_1", "resolved")
    desk.wait(lambda: not desk.deliveries().outstanding, "the records")
    assert desk.stop() == 0
    desk.start()
    desk.fire("new")
    desk.wait(lambda: len(server.requests) == 4, "the new one")
    assert server.requests[3].body["rule"] == "new"


@pytest.mark.fault("N4")
def test_a_log_that_was_lost_and_begun_anew_is_told_from_its_first_line_on(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    desk.start()
    for number in range(3):
        desk.fire(f"before_{number}")
    desk.wait(lambda: len(server.requests) == 3, "those before")
    desk.wait(lambda: len(desk.records(Sent)) == 3, "their records")

    def lose() -> None:
        for file in desk.home.alerts.glob("*.jsonl"):
            file.unlink()
        desk.forget()

    lose()
    desk.fire("while_it_runs")  # its seq was used before
    desk.wait(lambda: len(server.requests) == 4, "the first of the new log")
    assert desk.stop() == 0
    lose()
    desk.fire("while_it_is_down")
    desk.start()
    desk.wait(lambda: len(server.requests) == 5, "what fires in the third log")
    rules = [request.body["rule"] for request in server.requests[3:]]
    assert rules == ["while_it_runs", "while_it_is_down"]
    # Nobody will ever hear the end of what stood in the second log.
    assert [known.rule for known in desk.deliveries().told.values()][-1:] == ["while_it_is_down"]
    assert "while_it_runs" not in {one.rule for one in desk.deliveries().told.values()}


def test_why_nobody_is_told_is_in_the_log(desk: Desk, serve: Serve) -> None:
    server = serve()
    desk.channel("pager", kind="webhook", url=server.url, severity="CRITICAL")
    desk.start()
    desk.fire("mild", "WARNING")
    desk.fire("silenced")
    desk.step("silenced", "suppressed", suppressed_by="silenced by asha until 12:00")
    desk.resolve("mild")
    desk.wait(lambda: len(desk.records(Passed)) >= 4, "the records")
    reasons = {(one.rule, one.why): one.reason for one in desk.records(Passed)}
    assert reasons["mild", "new"] == "every channel is told of CRITICAL alone"
    assert reasons["mild", "resolved"] == "no channel was told that it fires"
    assert reasons["silenced", "suppressed"] == "silenced by asha until 12:00"
    desk.wait(lambda: server.requests, "the one that was told")
    assert [request.body["rule"] for request in server.requests] == ["silenced"]


def test_without_a_channel_it_idles_and_imports_nothing_that_sends(desk: Desk) -> None:
    desk.environ["PYTHONPROFILEIMPORTTIME"] = "1"
    desk.start()
    desk.fire("a")
    assert desk.stop() == 0
    said = desk.said()
    assert said.count("no channel is set: nobody is told") == 1
    imported = set(re.findall(r"\| +(\S+)$", said, re.MULTILINE))
    assert "notifier" in imported
    assert not imported & {"httpx2", "apprise", "requests", "notifier.process"}
    assert not desk.home.deliveries.exists()


@pytest.mark.fault("N3")
def test_with_no_room_for_its_log_it_tells_all_the_same_and_goes_on_when_there_is_room(
    desk: Desk, serve: Serve, small_disk: Callable[[Path], None]
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    small_disk(desk.home.deliveries)
    filler = desk.home.deliveries / "filler"
    desk.start()
    fill(filler)
    for number in range(3):
        desk.fire(f"rule_{number}", message="x" * 1900)
    desk.wait(lambda: len(server.requests) == 3, "the messages")
    desk.wait(lambda: "No space" in " ".join(desk.state().degraded), "the word of it")
    assert len(desk.records(Planned)) < 3
    filler.unlink()
    desk.wait(lambda: len(desk.records(Sent)) == 3, "the records, once there was room")
    desk.wait(lambda: desk.state().degraded == [], "the end of the trouble")
    assert desk.stop() == 0
    desk.start()
    desk.resolve("rule_2")
    desk.wait(lambda: len(server.requests) == 4, "the next message")
    assert server.requests[3].body["title"] == "RESOLVED rule_2 (main)"
