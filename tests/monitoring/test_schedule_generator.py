"""What the generator makes of libraries that disagree, on libraries that are made up here."""

from __future__ import annotations

import msgspec

from monitoring.schedule import Holiday, Hours, Special, check
from scripts.nse_schedule.__main__ import encoded, report
from scripts.nse_schedule.build import build, differences
from scripts.nse_schedule.corrections import Corrections, NewHours
from scripts.nse_schedule.known import Known

USUAL = Hours(opens="09:15", closes="15:30")
EVENING = Hours(opens="18:00", closes="19:00")
WEEK = ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08", "2026-01-09")
KNOWN = Known(
    timezone="Asia/Kolkata",
    sessions=dict.fromkeys(WEEK, USUAL),
    names={},
    others=frozenset(WEEK),
    versions={"pandas_market_calendars": "5.5.0"},
)
NOTHING = Corrections(begins="2026-01-05", horizon="2026-01-11", sources={"a": "a circular"})


def without(day: str) -> Known:
    sessions = {one: hours for one, hours in KNOWN.sessions.items() if one != day}
    return msgspec.structs.replace(KNOWN, sessions=sessions, others=KNOWN.others - {day})


def said(known: Known, corrections: Corrections = NOTHING) -> list[tuple[str, str, str | None]]:
    return [(one.date, one.what, one.settled) for one in differences(known, corrections)]


def special(day: str, *hours: Hours) -> Corrections:
    one = Special(date=day, name="Muhurat", segments=("CM",), hours=hours, source="a")
    return msgspec.structs.replace(NOTHING, special=(one,))


def test_where_all_agree_there_is_no_difference() -> None:
    assert said(KNOWN) == []
    agreed = msgspec.structs.replace(without(WEEK[2]), names={WEEK[2]: "Holi"})
    assert said(agreed) == []
    (holiday,) = build(agreed, NOTHING).holidays
    assert (holiday.date, holiday.name, holiday.source) == (WEEK[2], "Holi", "libraries")


def test_a_holiday_that_only_one_has_is_open_until_a_correction_settles_it() -> None:
    known = without(WEEK[2])
    assert said(known) == [(WEEK[2], "a holiday that `holidays` lacks", None)]
    entry = Holiday(date=WEEK[2], name="Election", source="a")
    corrections = msgspec.structs.replace(NOTHING, holiday=(entry,))
    assert said(known, corrections)[0][2] == "closed: Election (confirmed)"
    assert build(known, corrections).holidays == (entry,)


def test_a_session_on_a_day_that_the_other_calls_a_holiday_is_open_too() -> None:
    known = msgspec.structs.replace(KNOWN, names={WEEK[1]: "Diwali"})
    what = "Diwali in `holidays`, a session 09:15-15:30 in pandas_market_calendars"
    assert said(known) == [(WEEK[1], what, None)]


def test_unusual_hours_and_a_third_library_that_differs_are_open_too() -> None:
    sessions = {**KNOWN.sessions, WEEK[3]: EVENING}
    known = msgspec.structs.replace(KNOWN, sessions=sessions, others=KNOWN.others - {WEEK[0]})
    assert said(known) == [
        (WEEK[0], "closed in exchange_calendars (XBOM)", None),
        (WEEK[3], "unusual hours 18:00-19:00 in pandas_market_calendars", None),
    ]


def test_a_weekend_session_and_other_hours_are_told_as_differences_that_are_settled() -> None:
    sunday = said(KNOWN, special("2026-01-11", EVENING))
    settled = "Muhurat: 18:00-19:00 (confirmed)"
    assert sunday == [("2026-01-11", "a session that no library has", settled)]
    other = said(KNOWN, special(WEEK[0], EVENING))
    what = "other hours than pandas_market_calendars' 09:15-15:30"
    assert other == [(WEEK[0], what, settled)]


def test_new_hours_hold_for_their_segment_alone() -> None:
    change = NewHours(segment="FO", since=WEEK[2], hours=(EVENING,), source="a")
    corrections = msgspec.structs.replace(NOTHING, regular=(change,))
    schedule = build(KNOWN, corrections)
    assert check(schedule) == []
    assert [rule.since for rule in schedule.segments["FO"].regular] == [WEEK[0], WEEK[2]]
    assert len(schedule.segments["CM"].regular) == 1
    (difference,) = said(KNOWN, corrections)
    assert difference[1] == "FO: new regular hours that no library has"


def test_the_same_input_gives_the_same_bytes_and_a_page_of_differences() -> None:
    corrections = special("2026-01-11", EVENING)
    assert encoded(build(KNOWN, corrections)) == encoded(build(KNOWN, corrections))
    page = report(differences(KNOWN, corrections), KNOWN.versions)
    assert "with pandas_market_calendars 5.5.0." in page
    assert "| 2026-01-11 | a session that no library has | Muhurat: 18:00-19:00" in page
