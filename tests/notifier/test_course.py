"""Whom a line is told to, and why not: one row a case."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator.instant import Instant
from monitoring.alert_line import AlertLine
from monitoring.config import Channel
from monitoring.routing import Route
from notifier import course
from notifier.course import Course, groups_of
from notifier.ledger import Known

MAIL = Channel(kind="file", path="mail")
PAGER = Channel(kind="file", path="pager", severity="CRITICAL")
CHANNELS = {"mail": MAIL, "pager": PAGER}


NOW = Instant(1_760_245_927_000, 10**15, "boot")


def course_of(
    line: AlertLine,
    channels: dict[str, Channel],
    told: dict[str, Known],
    ways: dict[str, Route | None] | None = None,
) -> Course | None:
    given = dict.fromkeys(channels) if ways is None else ways
    return course.course_of(line, channels, given, told, NOW)


def line(notify: str | None, **fields: Any) -> AlertLine:
    given: dict[str, Any] = {
        "id": "0199", "seq": 7, "kind": "alert", "timestamp": "2026-01-01T10:00:00+05:30",
        "engine": "main", "severity": "CRITICAL", "rule": "disk_low", "status": "firing",
        "reason": "condition held", "message": "full", "context": {}, "acknowledged": False,
        "suppressed_by": None, "active_at": None, "fired_at": None, "resolved_at": None,
        "snapshot": 1, "boot_id": "b", "boottime_ns": 5, "notify": notify,
    }  # fmt: skip
    return AlertLine(**(given | fields))


def told(*channels: str) -> dict[str, Known]:
    return {"0199": Known("disk_low", list(channels))}


@pytest.mark.parametrize("notify", ["new", "changed", "repeat"])
def test_what_is_critical_goes_to_every_channel(notify: str) -> None:
    assert course_of(line(notify), CHANNELS, {}) == Course(channels=("mail", "pager"))


@pytest.mark.parametrize("notify", ["new", "changed", "repeat"])
def test_a_warning_goes_to_those_that_want_it_and_of_the_others_it_is_said_why_not(
    notify: str,
) -> None:
    course = course_of(line(notify, severity="WARNING"), CHANNELS, {})
    assert course == Course(channels=("mail",), passed={"pager": "is told of CRITICAL alone"})


def test_who_was_told_that_it_is_critical_hears_that_it_is_less() -> None:
    course = course_of(line("changed", severity="WARNING"), CHANNELS, told("mail", "pager"))
    assert course == Course(channels=("mail", "pager"))


@pytest.mark.parametrize("notify", ["resolved", "new_day", "rule_removed"])
def test_an_end_goes_to_whoever_was_told_of_the_firing(notify: str) -> None:
    course = course_of(line(notify, status="resolved"), CHANNELS, told("mail"))
    assert course == Course(channels=("mail",), passed={"pager": "was not told that it fires"})


def test_an_end_that_nobody_awaits_is_passed_with_the_reason() -> None:
    course = course_of(line("resolved", status="resolved"), CHANNELS, {})
    assert course == Course(reason="no channel was told that it fires")


@pytest.mark.parametrize("notify", ["suppressed", "untold"])
def test_what_is_kept_from_telling_is_passed_in_the_words_of_the_log(notify: str) -> None:
    silenced = line(notify, suppressed_by="silenced by asha")
    assert course_of(silenced, CHANNELS, {}) == Course(reason="silenced by asha")
    assert course_of(line(notify), CHANNELS, {}) == Course(reason="condition held")


@pytest.mark.parametrize(
    "concerns_nobody",
    [
        line("pending", status="pending"),
        line("clearing"),
        line("acknowledged"),
        line("unsuppressed"),
        line("explains"),
        line("new_day", status="inactive"),
        line("new", kind="carry"),
        line(None, kind="silence", severity=None, status="active"),
    ],
    ids=lambda one: f"{one.kind}-{one.notify}",
)
def test_a_step_that_concerns_nobody_leaves_no_record(concerns_nobody: AlertLine) -> None:
    assert course_of(concerns_nobody, CHANNELS, told("mail", "pager")) is None


def test_a_route_leads_to_its_channels_and_no_others() -> None:
    found = course_of(line("new"), CHANNELS, {}, {"mail": Route(channels=("mail",))})
    assert found == Course(channels=("mail",), passed={"pager": "no route leads there"})
    mild = course_of(line("new", severity="WARNING"), CHANNELS, {}, {"pager": None})
    assert mild == Course(reason="every channel that a route leads to is told of CRITICAL alone")


def test_a_reminder_waits_for_the_repeat_interval_of_its_route() -> None:
    hourly = Route(channels=("mail", "pager"), repeat_interval_seconds=3600)
    ways = {"mail": hourly, "pager": hourly}
    before = Instant(NOW.wall_ms - 3_599_000, NOW.boottime_ns - 3599 * 10**9, "boot")
    long_before = Instant(NOW.wall_ms - 3_600_000, NOW.boottime_ns - 3600 * 10**9, "boot")
    known = {"0199": Known("disk_low", ["mail", "pager"], {"mail": before, "pager": long_before})}
    early = "was told within repeat_interval, 1h"
    found = course_of(line("repeat"), CHANNELS, known, ways)
    assert found == Course(channels=("pager",), passed={"mail": early})
    known["0199"].last["pager"] = before
    found = course_of(line("repeat"), CHANNELS, known, ways)
    assert found == Course(reason=f"mail {early}; pager {early}")
    assert course_of(line("changed"), CHANNELS, known, ways) == Course(channels=("mail", "pager"))


def test_warnings_wait_in_the_group_of_their_route_and_without_one_for_quiet_hours_alone() -> None:
    route = Route(channels=("mail",), severity="WARNING", when="night")
    ways = {"mail": route, "pager": None}
    group = {"mail": "WARNING, night"}
    assert groups_of("WARNING", CHANNELS, ways, quiet=False) == group
    assert groups_of("WARNING", CHANNELS, ways, quiet=True) == group | {"pager": ""}
    assert groups_of("CRITICAL", CHANNELS, ways, quiet=True) == {}
