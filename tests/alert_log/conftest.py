"""Incidents and instants to write logs with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from evaluator.incident import Countdown, Incident, Status, Transition
from evaluator.instant import Instant
from monitoring.alert_log import AlertLog

MIDNIGHT_IST_MS = 1_760_207_400_000  # 2025-10-12T00:00+05:30
NOON_MS = MIDNIGHT_IST_MS + 12 * 3_600_000


def at(seconds: float, boot_id: str = "boot") -> Instant:
    """Return an instant so many seconds after noon of 2025-10-12, Kolkata time."""
    return Instant(NOON_MS + round(seconds * 1000), round(seconds * 1e9) + 10**15, boot_id)


def change(
    rule: str, seconds: float = 0, status: Status = "firing", notify: str = "new"
) -> Transition:
    begun = at(0)
    incident = Incident(
        id=f"0199-{rule}",
        rule=rule,
        status=status,
        severity="CRITICAL",
        message=f"{rule} at {seconds}",
        reason="condition held for 0s",
        context={"risk.daily_loss_pct": -5.2, "positions.symbol": "Ünïcode — ₹"},
        day="2025-10-12",
        active_at=begun,
        fired_at=begun,
        held=Countdown(0, begun),
        clear=Countdown(250, at(seconds)),
    )
    return Transition(incident, at(seconds), notify)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "alerts"


@pytest.fixture
def new_log(folder: Path) -> Callable[[], AlertLog]:
    def make() -> AlertLog:
        log = AlertLog(folder, "main", "Asia/Kolkata")
        log.open(at(0))
        return log

    return make


@pytest.fixture(name="at")
def at_fixture() -> Callable[..., Instant]:
    return at


@pytest.fixture(name="change")
def change_fixture() -> Callable[..., Transition]:
    return change
