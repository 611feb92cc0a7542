"""The alert log between a real scheduler, two operators at once, and a file that was damaged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from monitoring.alert_fold import fold, read

Monitored = Any
BREAKER = b'{"kind":"tick","writer":"w1","seq":1,"risk":{"circuit_breaker_active":true}}\n'
RULE = "circuit_breaker_triggered"


@pytest.fixture
def firing(monitored: Monitored) -> Monitored:
    """Return a home whose breaker is on, and told."""
    monitored.collector()
    monitored.scheduler()
    monitored.append("main-w1.jsonl", BREAKER)
    monitored.wait(lambda: monitored.firing(RULE), "the alert")
    return monitored


@pytest.mark.fault("A4")
def test_of_two_operators_at_once_one_has_the_alert_and_a_slip_is_told_in_words(
    firing: Monitored,
) -> None:
    with ThreadPoolExecutor(3) as operators:
        one, other, slip = operators.map(
            lambda words: firing.monitor("ack", *words),
            [(RULE, "--by", "asha"), (RULE, "--by", "ravi"), ("circuit_braker", "--by", "asha")],
        )
    first, second = (one, other) if one.returncode == 0 else (other, one)
    assert first.returncode == 0, first.stderr
    name = fold(firing.home.alerts).states[RULE].ack.by
    assert f"by {name}" in first.stdout
    assert second.returncode != 0
    assert f"already acknowledged by {name}" in second.stdout + second.stderr
    assert slip.returncode != 0
    assert "circuit_braker" in slip.stderr
    assert "Traceback" not in slip.stderr
    assert firing.stop() == [0, 0]
    taken = [line for line in read(firing.home.alerts) if line.notify == "acknowledged"]
    assert len(taken) == 1
    assert fold(firing.home.alerts).faults == []


@pytest.mark.fault("A2")
def test_a_log_damaged_in_its_middle_is_gone_on_with_and_health_names_the_line(
    firing: Monitored,
) -> None:
    firing.running[-1].terminate()
    assert firing.running[-1].wait(60) == 0
    (file,) = firing.home.alerts.glob("*.jsonl")
    known = fold(firing.home.alerts)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:1], b"\x00\xffgarbage\n", *lines[1:]]))
    firing.scheduler()
    health = firing.monitor("health").stdout.splitlines()
    named = [one for one in health if f"{file.name}: line 2 is not a record" in one]
    assert named, health
    assert not any(one.startswith("OK") for one in named)
    assert fold(firing.home.alerts).states[RULE].id == known.states[RULE].id
    assert firing.monitor("ack", RULE).returncode == 0, "requests are taken as ever"
    assert set(firing.stop()) == {0}
    assert file.read_bytes().count(b"garbage") == 1, "what is there is left as it is"
