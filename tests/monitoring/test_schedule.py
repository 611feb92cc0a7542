"""The checked-in schedule of NSE says what the corrections say, and contradicts itself nowhere."""

from __future__ import annotations

import importlib.util
from datetime import date
from typing import get_args

import msgspec
import pytest

from monitoring.schedule import (
    FOLDER,
    Holiday,
    Hours,
    Regular,
    Schedule,
    ScheduleFault,
    Segment,
    Special,
    check,
    load_schedule,
)
from monitoring.settings_model import CalendarSettings
from scripts.nse_schedule.corrections import read_corrections

NSE = load_schedule("XNSE")
CORRECTIONS = read_corrections()
LIBRARIES = ("pandas_market_calendars", "holidays", "exchange_calendars")
MISSING = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]


def test_the_schedule_contradicts_itself_nowhere() -> None:
    assert check(NSE) == []


def test_every_holiday_and_special_session_of_the_corrections_is_in_it_word_for_word() -> None:
    assert set(CORRECTIONS.holiday) <= set(NSE.holidays)
    assert NSE.specials == tuple(sorted(CORRECTIONS.special, key=lambda one: one.date))


def test_every_change_of_hours_of_the_corrections_is_in_it_and_no_other() -> None:
    changes = {
        (segment, rule.since, rule.hours, rule.certainty, rule.provisional, rule.source)
        for segment, one in NSE.segments.items()
        for rule in one.regular[1:]
    }
    assert changes == {
        (one.segment, one.since, one.hours, one.certainty, one.provisional, one.source)
        for one in CORRECTIONS.regular
    }


def test_it_covers_from_2024_to_the_end_of_2026() -> None:
    assert (NSE.begins, NSE.horizon) == (CORRECTIONS.begins, CORRECTIONS.horizon)
    assert (NSE.begins, NSE.horizon) == ("2024-01-01", "2026-12-31")


def test_whatever_is_not_confirmed_says_in_words_what_is_known() -> None:
    entries = [*NSE.specials, *NSE.holidays]
    entries += [rule for segment in NSE.segments.values() for rule in segment.regular]
    doubtful = [one for one in entries if one.certainty != "confirmed"]
    assert doubtful
    assert all(one.note for one in doubtful)


def test_no_year_has_fewer_holidays_on_weekdays_than_any_year_of_nse_had() -> None:
    for year in (2024, 2025, 2026):
        weekdays = [
            one
            for one in NSE.holidays
            if one.date.startswith(str(year)) and date.fromisoformat(one.date).weekday() < 5
        ]
        assert 12 <= len(weekdays) <= 20, year


def test_the_settings_offer_the_segments_that_it_has() -> None:
    offered = get_args(CalendarSettings.model_fields["segment"].annotation)
    assert set(offered) == set(NSE.segments)


@pytest.mark.filterwarnings("default")  # of libraries that are not ours, about one another
@pytest.mark.skipif(bool(MISSING), reason=f"needs requirements/calendar.txt: no {MISSING}")
def test_the_libraries_and_the_corrections_still_make_the_same_file() -> None:
    from scripts.nse_schedule.__main__ import encoded  # noqa: PLC0415 -- what the libraries need
    from scripts.nse_schedule.build import build, differences  # noqa: PLC0415 -- as above
    from scripts.nse_schedule.libraries import ask  # noqa: PLC0415 -- as above

    known = ask(CORRECTIONS.begins, CORRECTIONS.horizon)
    assert encoded(build(known, CORRECTIONS)) == (FOLDER / "xnse.json").read_bytes()
    assert all(one.settled for one in differences(known, CORRECTIONS))


def test_a_schedule_that_is_not_there_is_named() -> None:
    with pytest.raises(ScheduleFault, match="no schedule of XMAS"):
        load_schedule("XMAS")


DAY = (Hours(opens="09:15", closes="15:30"),)
GOOD = Schedule(
    exchange="X",
    timezone="Asia/Kolkata",
    begins="2026-01-01",
    horizon="2026-12-31",
    segments={
        "CM": Segment(name="cash", regular=(Regular(since="2026-01-01", hours=DAY, source="a"),))
    },
    holidays=(Holiday(date="2026-01-26", name="Republic Day", source="a"),),
    specials=(Special(date="2026-02-01", name="S", segments=("CM",), hours=DAY, source="a"),),
    sources={"a": "somewhere"},
)
BAD = {
    "regular hours must begin": {"begins": "2025-01-01"},
    "two holidays": {"holidays": GOOD.holidays * 2},
    "2026-02-01 CM: two specials": {"specials": GOOD.specials * 2},
    "is not between": {"horizon": "2026-01-31"},
    "unknown source a": {"sources": {}},
    "unknown segment FO": {
        "specials": (msgspec.structs.replace(GOOD.specials[0], segments=("FO",)),)
    },
    "must be HH:MM": {
        "specials": (
            msgspec.structs.replace(GOOD.specials[0], hours=(Hours(opens="9:15", closes="10:00"),)),
        )
    },
    "hours must follow each other": {
        "specials": (
            msgspec.structs.replace(
                GOOD.specials[0], hours=(Hours(opens="15:30", closes="09:15"),)
            ),
        )
    },
    "confirmed, and yet provisional": {
        "holidays": (msgspec.structs.replace(GOOD.holidays[0], provisional=True),)
    },
    "is no date": {"holidays": (msgspec.structs.replace(GOOD.holidays[0], date="2026-02-30"),)},
    "the holidays are not in order": {
        "holidays": (
            msgspec.structs.replace(GOOD.holidays[0], date="2026-03-03"),
            GOOD.holidays[0],
        )
    },
}


@pytest.mark.parametrize("words", BAD)
def test_a_schedule_that_contradicts_itself_is_refused_in_words(words: str) -> None:
    assert check(GOOD) == []
    assert any(words in fault for fault in check(msgspec.structs.replace(GOOD, **BAD[words])))
