"""Sessions at written hours, and what an operator does to them."""

from __future__ import annotations

from datetime import datetime

import pytest

from scripts.scenario.calendar import HoursCalendar
from scripts.scenario.model import Hours

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
WEEKDAYS = frozenset(range(5))


def ms(text: str) -> int:
    return round(datetime.fromisoformat(f"2025-10-{text}:00+05:30").timestamp() * 1000)


@pytest.fixture
def nse() -> HoursCalendar:
    hours = Hours(
        intervals=((9 * 60 + 15, 15 * 60 + 30),), days=WEEKDAYS, holidays=frozenset({"2025-10-14"})
    )
    return HoursCalendar(hours, "Asia/Kolkata")


def test_it_opens_and_closes_on_the_minute(nse: HoursCalendar) -> None:
    assert not nse.is_open(ms("13T09:15") - 1, "session")
    assert nse.is_open(ms("13T09:15"), "session")
    assert nse.is_open(ms("13T15:30") - 1, "session")
    assert not nse.is_open(ms("13T15:30"), "session")
    assert nse.is_open(ms("13T03:00"), "wall")


def test_preopen_is_90_minutes_before_the_open(nse: HoursCalendar) -> None:
    assert not nse.is_open(ms("13T07:45") - 1, "preopen")
    assert nse.is_open(ms("13T07:45"), "preopen")
    assert nse.open_ms(ms("13T00:00"), ms("14T00:00"), "preopen") == 7.75 * HOUR_MS


def test_preopen_of_two_sessions_close_together_is_counted_once() -> None:
    hours = Hours(intervals=((600, 660), (690, 720)), days=WEEKDAYS)
    calendar = HoursCalendar(hours, "Asia/Kolkata")
    assert calendar.open_ms(ms("13T00:00"), ms("14T00:00"), "preopen") == 3.5 * HOUR_MS


def test_weekends_and_holidays_have_no_session(nse: HoursCalendar) -> None:
    assert not nse.is_open(ms("12T12:00"), "session")
    assert not nse.is_open(ms("14T12:00"), "session")
    assert nse.open_ms(ms("10T15:00"), ms("15T09:45"), "session") == (0.5 + 6.25 + 0.5) * HOUR_MS
    assert nse.open_ms(ms("10T15:00"), ms("10T16:00"), "wall") == HOUR_MS


def test_what_a_session_is_can_be_asked(nse: HoursCalendar) -> None:
    noon = ms("13T12:00")
    assert nse.opened_at_ms(noon) == ms("13T09:15")
    assert nse.closes_at_ms(noon) == ms("13T15:30")
    assert nse.next_open_ms(noon) == ms("15T09:15")
    assert nse.opened_at_ms(ms("13T16:00")) is None
    assert nse.closes_at_ms(ms("13T16:00")) is None
    assert nse.trading_day(noon) == "2025-10-13"


def test_without_any_session_ahead_there_is_no_next_open() -> None:
    calendar = HoursCalendar(Hours(intervals=((0, 60),), days=frozenset()), "UTC")
    assert calendar.next_open_ms(ms("13T12:00")) is None


def test_a_day_that_never_closes_ends_at_midnight() -> None:
    calendar = HoursCalendar(Hours(intervals=((0, 24 * 60),), days=WEEKDAYS), "Asia/Kolkata")
    assert calendar.closes_at_ms(ms("13T12:00")) == ms("14T00:00")


def test_a_halt_is_a_hole_in_the_session(nse: HoursCalendar) -> None:
    nse.close(ms("13T12:00"), ms("13T12:30"))
    assert nse.is_open(ms("13T11:59"), "session")
    assert not nse.is_open(ms("13T12:00"), "session")
    assert nse.is_open(ms("13T12:30"), "session")
    assert nse.open_ms(ms("13T11:00"), ms("13T13:00"), "session") == 1.5 * HOUR_MS


def test_a_close_is_for_the_rest_of_the_day(nse: HoursCalendar) -> None:
    nse.close(ms("13T12:00"), None)
    assert not nse.is_open(ms("13T15:00"), "session")
    assert nse.is_open(ms("15T12:00"), "session")


def test_a_session_can_be_made_longer(nse: HoursCalendar) -> None:
    nse.extend(ms("13T15:00"), 30 * MINUTE_MS)
    nse.extend(ms("13T15:10"), 30 * MINUTE_MS)
    assert nse.closes_at_ms(ms("13T15:00")) == ms("13T16:30")
    assert nse.closes_at_ms(ms("15T15:00")) == ms("15T15:30")
