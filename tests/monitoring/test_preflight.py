"""What stands against trading before the open, on facts alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from evaluator.incident import Transition
from evaluator.instant import Instant
from evaluator.rules import load
from monitoring.ambient import OwnHealth
from monitoring.calendar import Outlook
from monitoring.config import Artifact, Calendar, Config, Limits
from monitoring.course import Course
from monitoring.preflight import Check, checks, day_bytes, no_go, preflight_facts, seconds_to_close

HOUR = 3600.0
CONFIG = Config(
    calendar=Calendar(name="XNSE"),
    artifacts={"teacher_model": Artifact("models/t.bin", 48.0)},
    chosen=("limits.daily_loss_pct",),
)
READY: dict[str, object] = {
    "heartbeat.age_seconds": 0.4,
    "heartbeat.deadline_seconds": 20.0,
    "breeze.status": "authenticated",
    "breeze.key_left_seconds": 15 * HOUR,
    "breeze.clock_ahead_seconds": 0.4,
    "artifacts.teacher_model_age_hours": 5.0,
    "scheduler.rule_faults": 0.0,
    "collector.disk_free_bytes": 41e9,
    "collector.inodes_free_pct": 87.0,
    "collector.snapshot_age_seconds": 3.0,
    "limits.snapshot_age_seconds": 35.0,
    "calendar.horizon_days": 400.0,
    "calendar.provisional_within_days": 200.0,
    "session.open": False,
    "session.seconds_to_open": 1800.0,
}
TO_CLOSE = 6.75 * HOUR


def one(subject: str, config: Config = CONFIG, **facts: Any) -> Check:
    """Return what is said of a subject when all is ready but for these facts (`a__b` is `a.b`)."""
    told = READY | {name.replace("__", "."): value for name, value in facts.items()}
    return next(c for c in checks(told, config, TO_CLOSE) if c.subject == subject)


@pytest.mark.parametrize("cause", ["process_frozen", "loop_hung"])
def test_an_engine_that_is_still_there_is_ended_before_another_is_started(cause: str) -> None:
    facts = {**READY, "heartbeat.age_seconds": 60.0, "heartbeat.cause": cause}
    engine = next(one for one in checks(facts, CONFIG, TO_CLOSE) if one.subject == "engine")
    assert (engine.todo or "").startswith("end the old process")


def test_when_all_is_ready_nothing_stands_against_it() -> None:
    found = checks(READY, CONFIG, TO_CLOSE)
    assert {check.verdict for check in found} == {"go"}
    assert all(check.todo is None for check in found)


@pytest.mark.parametrize(
    ("subject", "facts", "verdict", "said"),
    [
        ("engine", {"heartbeat__age_seconds": 20.1}, "no_go", "never ticked"),
        (
            "engine",
            {"heartbeat__age_seconds": None, "heartbeat__cause": "process_gone"},
            "no_go",
            "does not tick (process gone)",
        ),
        ("breeze", {"breeze__status": "session_expired"}, "no_go", "the session has expired"),
        ("breeze", {"breeze__status": "unknown"}, "no_go", "nobody knows whether"),
        ("breeze", {"breeze__status": "of_tomorrow"}, "no_go", "status is of_tomorrow"),
        ("breeze", {"breeze__key_left_seconds": 6 * HOUR}, "no_go", "session key dies in 6.0 h"),
        ("breeze", {"breeze__key_left_seconds": None}, "go", "session valid"),
        ("breeze", {"breeze__status": "off"}, "n/a", "not configured"),
        ("breeze", {"breeze__status": None}, "n/a", "not configured"),
        (
            "breeze",
            {"breeze__status": "off", "connectivity__breeze_authenticated": True},
            "go",
            "the engine has a session",
        ),
        (
            "breeze",
            {"breeze__status": "off", "connectivity__breeze_authenticated": False},
            "no_go",
            "the engine has no session",
        ),
        ("teacher_model", {"artifacts__teacher_model_age_hours": None}, "no_go", "is not there"),
        ("teacher_model", {"artifacts__teacher_model_age_hours": 48.1}, "no_go", "48.1 h old"),
        ("teacher_model", {"artifacts__teacher_model_age_hours": 42.0}, "caution", "before the"),
        ("rules", {"scheduler__rule_faults": 3.0}, "no_go", "3 fault(s) in rules.toml"),
        ("clock", {"breeze__clock_ahead_seconds": 5.1}, "no_go", "5 s ahead of"),
        ("clock", {"breeze__clock_ahead_seconds": -61.0}, "no_go", "61 s behind"),
        ("clock", {"breeze__clock_ahead_seconds": None}, "n/a", "no server"),
        ("disk", {"collector__disk_free_bytes": None}, "no_go", "nobody knows"),
        ("disk", {"collector__disk_free_bytes": 0.5e9}, "no_go", "0.5 GB free"),
        ("disk", {"collector__disk_free_bytes": 2.0e9}, "caution", "2.0 GB free"),
        ("disk", {"collector__inodes_free_pct": 4.0}, "no_go", "4 % of inodes"),
        ("calendar", {"calendar__horizon_days": 0.0}, "no_go", "has ended"),
        ("calendar", {"calendar__horizon_days": None}, "no_go", "has ended"),
        ("calendar", {"calendar__horizon_days": 20.0}, "caution", "ends in 20 days"),
        ("calendar", {"calendar__provisional_within_days": 0.4}, "caution", "provisional"),
        ("collector", {"collector__snapshot_age_seconds": 36.0}, "no_go", "36 s old"),
        ("collector", {"collector__snapshot_age_seconds": None}, "no_go", "no snapshot"),
    ],
)  # fmt: skip
def test_what_is_not_ready_is_named(
    subject: str, facts: dict[str, object], verdict: str, said: str
) -> None:
    check = one(subject, **facts)
    assert check.verdict == verdict
    assert said in check.what
    assert (check.todo is None) == (verdict in ("go", "n/a"))


def test_a_flag_where_a_number_belongs_is_no_number() -> None:
    assert one("collector", collector__snapshot_age_seconds=True).verdict == "no_go"


def test_a_limit_that_is_off_is_a_no_go_and_a_default_a_caution() -> None:
    off = msgspec.structs.replace(CONFIG, limits=Limits(daily_loss_pct=None))
    assert one("limits", off).verdict == "no_go"
    assert one("limits", msgspec.structs.replace(CONFIG, chosen=())).verdict == "caution"
    assert one("limits", msgspec.structs.replace(CONFIG, chosen=("limits",))).verdict == "go"


def test_a_market_that_is_always_open_needs_no_calendar() -> None:
    always = msgspec.structs.replace(CONFIG, calendar=Calendar(name="always"))
    assert one("calendar", always, calendar__horizon_days=None).verdict == "n/a"


def test_without_a_model_to_watch_there_is_nothing_to_say() -> None:
    none = msgspec.structs.replace(CONFIG, artifacts={"teacher_model": Artifact()})
    assert one("models", none, artifacts__teacher_model_age_hours=None).verdict == "n/a"


def test_a_day_takes_more_room_the_faster_the_engine_ticks() -> None:
    slow = msgspec.structs.replace(CONFIG, heartbeat_interval_seconds=60.0)
    assert day_bytes(slow) < day_bytes(CONFIG)


def test_an_engine_that_is_not_started_counts_from_five_minutes_before_the_open() -> None:
    found = checks(READY | {"heartbeat.age_seconds": None}, CONFIG, TO_CLOSE)
    assert no_go(found, 301.0) == []
    assert [check.subject for check in no_go(found, 300.0)] == ["engine"]


def test_the_facts_count_the_reasons_and_say_them() -> None:
    facts = READY | {"breeze.status": "bad_app_key", "collector.disk_free_bytes": 1e8}
    told = preflight_facts(facts, CONFIG, TO_CLOSE)
    assert told["preflight.no_go"] == 2.0
    assert told["preflight.reasons"] == (
        "breeze: Breeze does not know the app key; disk: 0.1 GB free, a day needs 0.2 GB"
    )


@pytest.mark.parametrize(
    "facts",
    [
        {"session.open": True},
        {"session.seconds_to_open": 2701.0},
        {"session.seconds_to_open": None},
    ],
)
def test_far_from_the_open_nothing_is_looked_at(facts: dict[str, object]) -> None:
    assert preflight_facts(READY | facts, CONFIG, TO_CLOSE) == {}


class NineToThree:
    """One session: open from 9,000 to 30,000 s after the epoch."""

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        return end_ms - start_ms

    def is_open(self, wall_ms: int, clock: str) -> bool:
        return clock != "session" or 9_000_000 <= wall_ms < 30_000_000

    def opened_at_ms(self, wall_ms: int) -> int | None:
        return 9_000_000 if self.is_open(wall_ms, "session") else None

    def next_open_ms(self, wall_ms: int) -> int | None:
        return 9_000_000 if wall_ms < 9_000_000 else None

    def closes_at_ms(self, wall_ms: int) -> int | None:
        return 30_000_000 if self.is_open(wall_ms, "session") else None

    def trading_day(self, wall_ms: int) -> str:
        return "1970-01-01"

    def outlook(self, wall_ms: int) -> Outlook:
        return Outlook()


@pytest.mark.parametrize(
    ("at_ms", "seconds"), [(8_000_000, 22_000.0), (9_000_000, 21_000.0), (30_000_000, None)]
)
def test_the_close_is_that_of_the_session_that_is_open_or_next(
    at_ms: int, seconds: float | None
) -> None:
    assert seconds_to_close(at_ms, NineToThree()) == seconds


def test_the_rule_warns_is_critical_a_quarter_of_an_hour_before_and_ends_at_the_open() -> None:
    course = Course(load(None), CONFIG, NineToThree())
    told = []
    for second in range(6_000, 9_100, 5):
        at = Instant(second * 1000, second * 10**9, "boot")
        told += [
            (second, entry.incident.severity, entry.notify)
            for entry in course.judge(at, 5.0, OwnHealth())
            if isinstance(entry, Transition)
            and entry.incident.rule == "preflight_no_go"
            and entry.notify != "repeat"
        ]
    assert told == [
        (6_300, "WARNING", "new"), (8_100, "CRITICAL", "changed"), (9_000, "CRITICAL", "resolved"),
    ]  # fmt: skip
