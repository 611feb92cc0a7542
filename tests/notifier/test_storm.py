"""More than a human can read: the real process tells it in few messages, and drops nothing."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from notifier.records import Dead

Desk = Any
Serve = Callable[..., Any]
MOST_MESSAGES = 60
"""What docs/notifications.md says of ten thousand incidents."""


def resident_mib(process: Any) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024


@pytest.mark.fault("N6")
def test_ten_thousand_incidents_are_told_in_few_messages_that_name_each_rule(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    process = desk.start()
    desk.fire("first")
    desk.wait(lambda: server.taken, "the first message")
    before = resident_mib(process)
    fired = []
    for _ in range(10):
        fired += desk.fire_many([f"rule_{number:03}" for number in range(1000)])
    expected = {one.id for one in fired}
    desk.wait(lambda: server.count() > 10_000, "all of them")
    assert {incident for incident, *_ in server.told()} >= expected
    assert len(server.taken) <= MOST_MESSAGES
    text = "".join(request.body["text"] for request in server.taken)
    assert set(re.findall(r"rule_\d{3}", text)) == {f"rule_{number:03}" for number in range(1000)}
    keys = [key for *_, key in server.told()]
    assert len(keys) == len(set(keys)) == 10_001
    assert resident_mib(process) - before < 48
    desk.wait(lambda: desk.state().channels["hook"].outstanding == 0, "the last record")
    assert desk.records(Dead) == []


def test_a_backlog_is_told_in_its_order_as_one_and_says_how_late_it_is(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=server.url)
    desk.start()
    assert desk.stop() == 0
    ago = desk.clock()
    ago = type(ago)(ago.wall_ms - 600_000, ago.boottime_ns - 600 * 10**9, ago.boot_id)
    fired = [desk.fire(f"rule_{number:02}", at=ago) for number in range(20)]
    desk.resolve("rule_07")
    desk.start()
    desk.wait(lambda: not desk.deliveries().outstanding and server.taken, "the message")
    (request,) = server.taken
    assert request.body["title"] == "19 CRITICAL, 1 RESOLVED (main)"
    said = request.body["text"]
    assert re.match(r"late: 10m\w*\n21 messages at once\nCRITICAL: rule_00, rule_01, ", said)
    assert request.body["text"].count("CRITICAL, over: rule_07\n") == 1
    told = [incident for incident, why, _ in server.told() if why == "new"]
    assert sorted(told) == sorted(one.id for one in fired)
    of_7 = [why for incident, why, _ in server.told() if incident == fired[7].id]
    assert of_7 == ["new", "resolved"]


def test_a_message_that_fails_each_time_holds_up_its_own_incident_alone(
    desk: Desk, serve: Serve
) -> None:
    server = serve()
    mended = False
    server.fails_on = lambda body: body["rule"] == "poison" and not mended
    desk.channel("hook", kind="webhook", url=server.url)
    desk.start()
    desk.fire("poison")
    desk.wait(lambda: server.requests, "the first attempt")
    desk.resolve("poison")
    desk.fire("grave")
    desk.fire("mild", "WARNING")
    desk.wait(lambda: len(server.taken) == 2, "the others")
    assert [request.body["rule"] for request in server.taken] == ["grave", "mild"]
    mended = True
    desk.wait(lambda: not desk.deliveries().outstanding, "all of it")
    assert [request.body["title"] for request in server.taken[2:]] == [
        "CRITICAL poison (main)",
        "RESOLVED poison (main)",
    ]


@pytest.mark.long
@pytest.mark.fault("N2")
def test_killed_at_any_moment_of_groups_and_storms_it_loses_nothing(
    desk: Desk, serve: Serve
) -> None:
    dice = random.Random(20_261_129)
    server = serve()
    server.down = lambda: dice.random() < 1 / 3
    desk.channel("hook", kind="webhook", url=server.url)
    desk.route('[[route]]\nchannels = ["hook"]\ngroup_wait = "1s"\ngroup_interval = "2s"\n')
    fired, ended = [], []
    for kill in range(15):
        process = desk.start(until_ready=kill % 3 == 0)
        mild = [f"mild_{kill}_{number}" for number in range(3)]
        grave = [f"grave_{kill}_{number}" for number in range(dice.choice([1, 6, 40]))]
        fired += desk.fire_many(mild, "WARNING") + desk.fire_many(grave)
        desk.pause(dice.uniform(0, 1.5))
        ended += [desk.resolve(rule) for rule in (mild[0], grave[0])]
        desk.pause(dice.uniform(0, 0.5))
        process.kill()
        process.wait()
    server.down = None
    desk.start()
    expected = {(one.id, "new") for one in fired} | {(one.id, "resolved") for one in ended}

    def arrived() -> list[tuple[str, str]]:
        return [(incident, why) for incident, why, _ in server.told()]

    desk.wait(lambda: set(arrived()) >= expected, "every transition")
    desk.wait(lambda: not desk.deliveries().outstanding, "the last record")
    assert set(arrived()) == expected
    assert len({key for *_, key in server.told()}) == len(expected)
    firsts = list(dict.fromkeys(arrived()))
    for one in ended:
        assert firsts.index((one.id, "new")) < firsts.index((one.id, "resolved"))
    assert desk.records(Dead) == []
