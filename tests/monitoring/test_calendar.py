"""R10: the sessions of NSE to the second, what is special, and where the schedule ends."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from monitoring.calendar import AlwaysOpen, TradingCalendar, calendar_of
from monitoring.config import Calendar, Config
from monitoring.schedule import load_schedule
from monitoring.session_days import SessionDays

IST = ZoneInfo("Asia/Kolkata")


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=IST).timestamp() * 1000)


def nse(segment: str = "CM", engine_window: str | None = None) -> TradingCalendar:
    settings = Calendar(segment=segment, engine_window=engine_window)
    calendar = calendar_of(Config(calendar=settings))
    assert isinstance(calendar, TradingCalendar)
    return calendar


NSE = nse()


def hours(calendar: TradingCalendar, day: str) -> list[str]:
    """Return a date's sessions as a rule would find them: where it sleeps and wakes."""
    found = []
    at = ms(f"{day}T00:00:00") - 1
    end = at + 86_400_000
    while (opens := calendar.next_open_ms(at)) is not None and opens < end:
        closes = calendar.closes_at_ms(opens)
        assert closes is not None
        found.append(
            "-".join(f"{datetime.fromtimestamp(x / 1000, IST):%H:%M}" for x in (opens, closes))
        )
        at = closes
    return found


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2025-10-20", ["09:15-15:30"]),
        ("2025-10-21", ["13:45-14:45"]),  # Muhurat
        ("2025-10-22", []),
        ("2025-02-01", ["09:15-15:30"]),  # a Saturday, the Budget
        ("2026-02-01", ["09:15-15:30"]),  # a Sunday, the Budget
        ("2026-01-15", []),  # municipal elections
        ("2026-01-26", []),
        ("2026-11-08", ["18:00-19:00"]),  # Muhurat on a Sunday
        ("2026-11-07", []),
        ("2024-03-02", ["09:15-10:00", "11:30-12:30"]),
        ("2024-01-20", ["09:15-15:30"]),
        ("2024-01-22", []),
    ],
)
def test_a_date_has_the_sessions_that_nse_had(day: str, expected: list[str]) -> None:
    assert hours(NSE, day) == expected


@pytest.mark.parametrize(
    ("segment", "before", "after"),
    [
        ("CM", ["09:15-15:30"], ["09:15-15:30"]),
        ("CM-CAS", ["09:15-15:30"], ["09:15-15:35"]),
        ("FO", ["09:15-15:30"], ["09:15-15:40"]),
    ],
)
def test_the_hours_of_august_2026_differ_by_segment(
    segment: str, before: list[str], after: list[str]
) -> None:
    assert hours(nse(segment), "2026-07-31") == before
    assert hours(nse(segment), "2026-08-03") == after


@pytest.mark.fault("R10")
@pytest.mark.parametrize(
    ("moment", "session", "preopen"),
    [
        ("2025-10-20T07:44:59.999", False, False),
        ("2025-10-20T07:45:00.000", False, True),
        ("2025-10-20T09:14:59.999", False, True),
        ("2025-10-20T09:15:00.000", True, True),
        ("2025-10-20T15:29:59.999", True, True),
        ("2025-10-20T15:30:00.000", False, False),
        ("2025-10-20T15:30:01.000", False, False),
        ("2025-10-19T09:15:00.000", False, False),  # a Sunday
        ("2025-10-22T09:15:00.000", False, False),  # a holiday
        ("2025-02-01T09:14:59.000", False, True),  # a Saturday with a session
        ("2025-02-01T09:15:00.000", True, True),
        ("2025-10-21T12:15:00.000", False, True),
        ("2025-10-21T13:45:00.000", True, True),
        ("2025-10-21T14:45:00.000", False, False),
        ("2026-11-08T17:59:59.999", False, True),
        ("2026-11-08T18:00:00.000", True, True),
    ],
)
def test_a_clock_starts_and_stops_to_the_millisecond(
    moment: str, session: bool, preopen: bool
) -> None:
    at = ms(moment)
    assert NSE.is_open(at, "session") is session
    assert NSE.is_open(at, "preopen") is preopen
    assert NSE.is_open(at, "wall")
    assert (NSE.opened_at_ms(at) is not None) is session


def test_between_two_sessions_of_a_day_only_preopen_runs() -> None:
    noon = ms("2024-03-02T10:30:00")
    assert not NSE.is_open(noon, "session")
    assert NSE.is_open(noon, "preopen")
    assert NSE.open_ms(ms("2024-03-02T00:00:00"), ms("2024-03-03T00:00:00"), "session") == 6_300_000


def test_open_time_is_counted_over_nights_weekends_and_holidays() -> None:
    friday, monday = ms("2026-01-23T15:00:00"), ms("2026-01-27T09:45:00")  # Republic Day between
    assert NSE.open_ms(friday, monday, "session") == 60 * 60_000
    assert NSE.open_ms(friday, monday, "preopen") == (30 + 90 + 30) * 60_000
    assert NSE.open_ms(friday, monday, "wall") == monday - friday
    assert NSE.open_ms(monday, friday, "session") == 0


def test_the_next_open_is_after_the_holiday_and_its_name_is_known() -> None:
    eve = ms("2025-10-21T15:00:00")
    assert NSE.next_open_ms(eve) == ms("2025-10-23T09:15:00")
    assert NSE.day(ms("2025-10-22T12:00:00")).name == "Diwali Balipratipada"


def test_every_fifth_second_of_three_odd_weeks_is_what_the_schedule_says() -> None:
    plain = SessionDays(load_schedule("XNSE"), "CM")
    for start in ("2026-01-12", "2026-01-26", "2026-11-02"):
        first = date.fromisoformat(start)
        spans = [s for n in range(7) for s in plain.day(first + timedelta(days=n)).spans]
        begin = ms(f"{start}T00:00:00")
        for at in range(begin, begin + 7 * 86_400_000, 5_000):
            assert NSE.is_open(at, "session") == any(a <= at < b for a, b in spans), at


def test_the_trading_day_changes_at_the_exchange_s_midnight() -> None:
    assert NSE.trading_day(ms("2025-10-20T23:59:59.999")) == "2025-10-20"
    assert NSE.trading_day(ms("2025-10-21T00:00:00")) == "2025-10-21"
    assert NSE.trading_day(ms("2025-10-20T23:59:59.999")) == "2025-10-20"


def test_outside_of_the_schedule_weekdays_have_the_regular_hours() -> None:
    assert hours(NSE, "2015-08-24") == ["09:15-15:30"]
    assert hours(nse("FO"), "2031-01-27") == ["09:15-15:40"]
    assert hours(NSE, "2031-01-26") == []
    assert not NSE.day(ms("2031-01-27T12:00:00")).known


def test_the_horizon_comes_nearer_and_is_passed() -> None:
    assert NSE.outlook(ms("2026-12-01T10:00:00")).horizon_days == 30
    assert NSE.outlook(ms("2026-12-02T10:00:00")).horizon_days == 29
    assert NSE.outlook(ms("2026-12-31T15:00:00")).horizon_days == 0
    assert NSE.outlook(ms("2027-01-04T10:00:00")).horizon_days < 0


def test_a_provisional_session_is_seen_coming_and_is_over_after_it() -> None:
    def within(moment: str) -> float:
        return NSE.outlook(ms(moment)).provisional_within_days

    assert within("2026-11-05T18:00:00") == 3.0
    assert within("2026-11-08T18:30:00") == 0.0
    assert within("2026-11-08T19:00:00") == 36_500.0


def test_provisional_hours_are_in_doubt_on_their_first_day_alone() -> None:
    assert NSE.outlook(ms("2026-08-03T09:00:00")).provisional_within_days < 1
    assert NSE.outlook(ms("2026-08-03T15:30:00")).provisional_within_days > 90
    assert nse("FO").outlook(ms("2026-08-03T09:00:00")).provisional_within_days > 90


@pytest.mark.parametrize("moment", [-(10**15), -1, 0, 10**13, 10**16])
def test_a_clock_that_is_centuries_off_has_an_answer(moment: int) -> None:
    calendar = nse()
    assert calendar.is_open(moment, "session") in (True, False)
    assert calendar.open_ms(moment, moment + 1000, "session") >= 0
    assert calendar.trading_day(moment)
    assert calendar.is_open(ms("2025-10-20T09:15:00"), "session")


@pytest.mark.parametrize(
    ("moment", "holds", "due"),
    [
        ("2025-10-20T09:15:00", False, None),
        ("2025-10-20T09:20:00", True, 0),
        ("2025-10-20T15:19:59", True, 21_599_000),
        ("2025-10-20T15:20:00", False, None),
        ("2025-10-21T14:00:00", True, 900_000),  # Muhurat opens within the window
    ],
)
def test_an_engine_is_due_from_the_later_of_the_open_and_its_window(
    moment: str, holds: bool, due: int | None
) -> None:
    at = ms(moment)
    outlook = nse(engine_window="09:20-15:20").outlook(at)
    assert outlook.engine_window is holds
    assert outlook.engine_due_ms == (None if due is None else at - due)


def test_without_a_window_the_engine_is_due_in_all_of_a_session() -> None:
    at = ms("2025-10-20T15:25:00")
    outlook = NSE.outlook(at)
    assert outlook.engine_window
    assert outlook.engine_due_ms == ms("2025-10-20T09:15:00")
    assert NSE.outlook(ms("2025-10-20T15:30:00")).engine_due_ms is None


def test_a_market_that_never_closes_can_have_an_engine_that_does() -> None:
    settings = Calendar(name="always", engine_window="09:20-15:20")
    calendar = calendar_of(Config(calendar=settings))
    assert isinstance(calendar, AlwaysOpen)
    assert calendar.outlook(ms("2025-10-20T09:00:00")).engine_due_ms is None
    assert calendar.outlook(ms("2025-10-20T09:25:00")).engine_due_ms == ms("2025-10-20T09:20:00")
    assert calendar.outlook(ms("2025-10-20T09:25:00")).horizon_days == 36_500


@pytest.mark.fault("R7")
@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe"])
def test_days_of_23_and_25_hours_are_whole_days(zone: str) -> None:
    """R7: in a zone with summer time no date is left out and none comes twice."""
    calendar = AlwaysOpen(zone)
    begin = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone)).timestamp()
    hourly = [calendar.trading_day(round((begin + 1800 * n) * 1000)) for n in range(48 * 366)]
    days = list(dict.fromkeys(hourly))
    assert days == sorted(days)
    assert days[:366] == [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(366)]
    assert {hourly.count(day) / 2 for day in days[:365]} <= {23.0, 23.5, 24.0, 24.5, 25.0}


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25"])
def test_an_engine_s_window_keeps_its_local_hours_when_the_clocks_change(day: str) -> None:
    london = ZoneInfo("Europe/London")
    calendar = AlwaysOpen("Europe/London", "08:00-16:30")
    for text, holds in (("07:59", False), ("08:00", True), ("16:29", True), ("16:30", False)):
        at = datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=london)
        assert calendar.outlook(round(at.timestamp() * 1000)).engine_window is holds
