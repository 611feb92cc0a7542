"""The whole demo, as `make demo` plays it, next to everything else that runs here."""

from __future__ import annotations

import re
from concurrent.futures import Future
from typing import Any

import pytest

pytestmark = pytest.mark.timeout(300)
Told = dict[str, Future[dict[str, Any]]]


@pytest.fixture
def demo(told: Told) -> dict[str, Any]:
    played = told["demo"].result()
    assert played["code"] == 0, played["said"] + played["complained"]
    return played


@pytest.mark.parametrize(
    ("rule", "status"),
    [
        ("heartbeat_lapsed", "firing"),
        ("heartbeat_lapsed", "resolved"),
        ("daily_loss_exceeded", "firing"),
        ("daily_loss_exceeded", "resolved"),
        ("circuit_breaker_triggered", "firing"),
        ("circuit_breaker_triggered", "resolved"),
    ],
)
def test_the_demo_ends_well_and_the_log_holds_what_it_told(
    demo: dict[str, Any], rule: str, status: str
) -> None:
    assert (rule, status) in {(line.rule, line.status) for line in demo["alerts"]}
    told = re.search(
        rf"{status.upper()} +CRITICAL {rule}: .*\n.* in the alert log ([0-9.]+) (ms|s) after",
        demo["said"],
    )
    assert told is not None, demo["said"]
    assert 0 < float(told[1]) / (1000 if told[2] == "ms" else 1) < 60


def test_the_demo_ends_by_itself_soon(demo: dict[str, Any]) -> None:
    assert demo["seconds"] < 120  # a minute, and what all the others beside it cost


def test_the_demo_shows_the_breaker_acknowledged_on_the_operators_screen(
    demo: dict[str, Any],
) -> None:
    assert re.search(r"FIRING +CRITICAL +circuit_breaker_triggered .* acked ", demo["said"])
    assert "What to do next" in demo["said"]


def test_the_demo_is_plain_text_in_a_pipe(demo: dict[str, Any]) -> None:
    assert "\x1b" not in demo["said"]
    assert demo["complained"] == ""
