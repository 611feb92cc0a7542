"""What is said of an alert that fires since a while: the money of now, and what it explains."""

from __future__ import annotations

import pytest

from evaluator.incident import Countdown, Incident, Told
from evaluator.instant import Instant
from monitoring.alert_fold import Folded
from monitoring.config import Channel, Config
from monitoring.home import Home
from monitoring.snapshot import CollectorStatus, Snapshot
from notifier.planning import Planner
from notifier.records import Climb, Planned
from notifier.routes import Routes

CONFIG = Config(channels={"phone": Channel(kind="file", path="phone")})


def at(seconds: float) -> Instant:
    return Instant(1_760_337_000_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


LOSS = Incident(
    id="0199", rule="daily_loss", status="firing", severity="CRITICAL",
    message="the day's P&L is ₹−10,000, the limit ₹−9,000", reason="condition held",
    context={"positions.count": 5.0, "positions.total_value": 1e6, "pnl.daily": -10_000.0,
             "consequences": "no_trades"},
    day="2025-10-13", active_at=at(0), fired_at=at(0), held=Countdown(),
    told=Told(at(0), "CRITICAL"),
)  # fmt: skip


def taken_at(seconds: float) -> Snapshot:
    return Snapshot(
        snapshot=1, timestamp="", wall_ms=at(seconds).wall_ms, boottime_ns=at(seconds).boottime_ns,
        boot_id="boot", engine="main", reason="interval",
        positions={"count": 2.0, "total_value": 4e5}, pnl={"daily": -23_000.0},
        collector=CollectorStatus(app_version="0"),
    )  # fmt: skip


@pytest.fixture
def planner(tmp_path_factory: pytest.TempPathFactory) -> Planner:
    home = Home(tmp_path_factory.mktemp("home"))
    return Planner(CONFIG, Routes(home, CONFIG, {}), lambda: taken_at(590))


def climb(planner: Planner, seconds: float) -> list[str]:
    news = planner.standing(LOSS, at(seconds))
    told = planner.of_climb(news, "nobody took it", ("phone",), Climb(1, 600), at(seconds))
    return told.text.splitlines()


def test_a_climb_says_what_is_at_stake_now_and_what_the_alert_found_when_it_fired(
    planner: Planner,
) -> None:
    message, _, explains, exposure, *_ = climb(planner, 600)
    assert message == "the day's P&L is ₹−10,000, the limit ₹−9,000"
    assert explains == "explains no_trades"
    assert exposure == "open 2, worth ₹4L, P&L −₹23,000"


def test_a_climb_dates_the_snapshot_when_it_is_old(planner: Planner) -> None:
    assert climb(planner, 1200)[3].endswith("P&L −₹23,000 (as of 12:09:50 on 13 Oct)")


def test_the_first_start_says_what_is_at_stake_now(planner: Planner) -> None:
    folded = Folded(seq=7, states={"daily_loss": LOSS})
    told, _ = planner.of_standing(folded, {}, at(600))
    assert isinstance(told, Planned)
    assert "open 2, worth ₹4L, P&L −₹23,000" in told.text.splitlines()
