"""The real notifier with an oncall.toml: steps of a second, a kill between them, its end."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from evaluator.incident import Ack, Told
from notifier.records import Planned, Sent

Desk = Any
Serve = Callable[..., Any]

ONCALL = """
[people.asha]
channels = ["hers"]
[people.ravi]
channels = ["his"]
[[rotation]]
name = "desk"
people = ["asha"]
every = "day"
at = "00:00"
start = 2026-01-01
[[policy]]
[[policy.step]]
whom = "desk"
after = "1s"
[[policy.step]]
whom = "ravi"
after = "2s"
repeat = "1h"
"""


@pytest.fixture
def manned(desk: Desk, serve: Serve) -> tuple[Desk, Any, Any]:
    """Return a desk on which Asha and then Ravi are told, day and night, and their servers."""
    hers, his = serve(), serve()
    desk.channel("hers", kind="webhook", url=hers.url)
    desk.channel("his", kind="webhook", url=his.url)
    desk.environ["MONITOR_CALENDAR__NAME"] = "always"
    desk.home.oncall.write_text(ONCALL)
    return desk, hers, his


def whys(server: Any) -> list[str]:
    """Return why it was told, in order; what a kill made it send again counts once."""
    return list({request.body["key"]: request.body["why"] for request in server.requests}.values())


def test_it_climbs_over_a_kill_until_somebody_takes_it_and_again_when_he_gives_it_back(
    manned: tuple[Desk, Any, Any],
) -> None:
    desk, hers, his = manned
    process = desk.start()
    incident = desk.fire("breaker")
    desk.wait(lambda: whys(hers) == ["new", "escalated"], "the first step")
    process.kill()
    process.wait()
    desk.start()
    desk.wait(lambda: whys(his) == ["new", "escalated"], "the second step")
    first = hers.requests[1].body
    assert first["title"] == "STILL CRITICAL breaker (main)"
    assert "it climbs to asha (on call: desk)" in first["text"]
    assert "(policy 1); `monitor ack breaker` stops that" in first["text"]
    assert re.fullmatch(rf"{incident.id}\.2-escalated-[12]s\.hers", first["key"])

    # The scheduler's reminder tells nobody besides; an acknowledgement stops it.
    now = desk.clock()
    desk.step("breaker", "repeat", told=Told(now, "CRITICAL", 2))
    desk.step("breaker", "acknowledged", ack=Ack("ravi", now.wall_ms))
    desk.wait(
        lambda: desk.deliveries().told[incident.id].clock.began is None, "the stop of the clock"
    )
    assert desk.stop() == 0

    # Given back, it begins at the first step again.
    desk.step("breaker", "unacknowledged", ack=None)
    desk.start()
    desk.wait(lambda: len(whys(his)) == 3, "the second step of the second round")
    desk.resolve("breaker")
    desk.wait(lambda: len(whys(hers)) == len(whys(his)) == 4, "its end")
    assert whys(hers) == whys(his) == ["new", "escalated", "escalated", "resolved"]
    desk.wait(lambda: not desk.deliveries().outstanding, "the last records")
    assert len({one.key for one in desk.records(Sent)}) == 8
    reached = {one.step for one in desk.records(Planned) if one.climb}
    assert reached >= {"2-escalated-2s", "5-escalated-2s"}


def test_a_faulty_oncall_toml_is_in_monitor_health_and_mended_it_is_taken_over(
    manned: tuple[Desk, Any, Any],
) -> None:
    desk, hers, _ = manned
    desk.home.oncall.write_text(ONCALL.replace('whom = "desk"', 'whom = "dsk"'))
    desk.start()
    health = desk.monitor("health").stdout
    (line,) = [line for line in health.splitlines() if " notifier " in line]
    assert line.startswith("WARN")
    assert "unknown person, rotation or channel dsk (did you mean desk?)" in line
    assert "monitor oncall check" in line
    desk.home.oncall.write_text(ONCALL)
    desk.wait(lambda: desk.state().degraded == [], "the end of the trouble")
    desk.fire("breaker")
    desk.wait(lambda: whys(hers) == ["new", "escalated"], "the first step")
