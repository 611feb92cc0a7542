"""The operator's word over the sessions: what it changes, in which order, and until when."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from monitoring.calendar import TradingCalendar, calendar_of
from monitoring.config import Config
from monitoring.market_override import (
    Action,
    MarketOverride,
    Overrides,
    end_of_day_ms,
    in_force,
    kept,
    take,
)
from monitoring.market_words import said

IST = ZoneInfo("Asia/Kolkata")
DAY = "2025-10-20"


def ms(text: str, day: str = DAY) -> int:
    return round(datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=IST).timestamp() * 1000)


def word(
    action: Action, begin: str = "10:00", until: str | None = None, day: str = DAY, id_: str = "a"
) -> MarketOverride:
    return MarketOverride(
        id=id_,
        action=action,
        date=day,
        ends_ms=end_of_day_ms(day, IST),
        from_ms=ms(begin, day),
        until_ms=None if until is None else ms(until, day),
    )


def calendar(*overrides: MarketOverride) -> TradingCalendar:
    known: Overrides = {}
    for number, one in enumerate(overrides):
        known[f"{number}"] = one
    made = calendar_of(Config(), known)
    assert isinstance(made, TradingCalendar)
    return made


def open_minutes(one: TradingCalendar, clock: str = "session", day: str = DAY) -> float:
    return one.open_ms(ms("00:00", day), ms("23:59", day), clock) / 60_000


def test_a_close_ends_the_session_at_once_and_the_next_opens_as_usual() -> None:
    closed = calendar(word("close", "14:00"))
    assert closed.is_open(ms("13:59:59.999"), "session")
    assert not closed.is_open(ms("14:00"), "session")
    assert not closed.is_open(ms("14:00"), "preopen")
    assert closed.next_open_ms(ms("14:00")) == ms("13:45", "2025-10-21")


def test_a_close_until_a_time_opens_again_and_counts_as_an_open() -> None:
    closed = calendar(word("close", "10:00", "12:00"))
    assert closed.next_open_ms(ms("10:30")) == ms("12:00")
    assert closed.opened_at_ms(ms("12:00")) == ms("12:00")
    assert open_minutes(closed) == 375 - 120


def test_an_extension_moves_the_close_and_nothing_else() -> None:
    extended = calendar(word("extend", until="17:00"))
    assert extended.closes_at_ms(ms("15:00")) == ms("17:00")
    assert extended.opened_at_ms(ms("16:59")) == ms("09:15")
    assert open_minutes(extended, "preopen") == 90 + 465
    assert open_minutes(extended, day="2025-10-23") == 375


def test_a_halt_stops_the_session_clock_alone() -> None:
    halted = calendar(word("halt", "10:30", "11:15"))
    assert open_minutes(halted) == 375 - 45
    assert open_minutes(halted, "preopen") == 90 + 375
    assert not halted.is_open(ms("11:14:59.999"), "session")
    assert halted.opened_at_ms(ms("11:15")) == ms("11:15")
    halt = halted.halt_at(ms("11:00"))
    assert halt is not None
    assert halt.until_ms == ms("11:15")
    assert halted.halt_at(ms("11:15")) is None


def test_a_halt_without_an_end_lasts_to_the_end_of_its_day() -> None:
    halted = calendar(word("halt", "10:30"))
    assert open_minutes(halted) == 75
    assert halted.next_open_ms(ms("10:30")) == ms("13:45", "2025-10-21")
    assert halted.halt_at(ms("15:31")) is None  # there would be no session either


def test_a_skipped_date_has_no_session_and_no_preopen() -> None:
    skipped = calendar(word("skip", "00:00", day="2025-10-23"))
    assert open_minutes(skipped, day="2025-10-23") == 0
    assert open_minutes(skipped, "preopen", day="2025-10-23") == 0
    assert skipped.next_open_ms(ms("15:00", "2025-10-21")) == ms("09:15", "2025-10-24")


def test_a_date_can_be_given_a_session_of_other_hours_or_at_all() -> None:
    muhurat = calendar(word("open", "18:15", "19:15", day="2026-11-08"))
    assert open_minutes(muhurat, day="2026-11-08") == 60
    assert muhurat.opened_at_ms(ms("18:30", "2026-11-08")) == ms("18:15", "2026-11-08")
    saturday = calendar(word("open", "09:15", "15:30", day="2025-10-25"))
    assert open_minutes(saturday, day="2025-10-25") == 375
    assert open_minutes(saturday, "preopen", day="2025-10-25") == 465


def test_whoever_gives_a_provisional_date_its_hours_is_not_asked_about_it_again() -> None:
    at = ms("10:00", "2026-11-07")
    assert calendar().outlook(at).provisional_within_days < 3
    opened = calendar(word("open", "18:15", "19:15", day="2026-11-08"))
    assert opened.outlook(at).provisional_within_days == 36_500
    assert calendar(word("skip", day="2026-11-08")).outlook(at).provisional_within_days == 36_500


def test_of_opening_and_skipping_the_last_word_counts() -> None:
    opened, skipped = word("open", "10:00", "11:00"), word("skip")
    assert open_minutes(calendar(opened, skipped)) == 0
    assert open_minutes(calendar(skipped, opened)) == 60


@pytest.mark.parametrize("order", [1, -1])
def test_what_is_closed_stays_closed_whatever_is_extended(order: int) -> None:
    words = [word("close", "14:00"), word("extend", "14:05", until="17:00")][::order]
    assert open_minutes(calendar(*words)) == 285


def test_a_halt_in_one_of_two_sessions_leaves_the_other_alone() -> None:
    halted = calendar(word("halt", "09:30", "09:40", day="2024-03-02"))
    assert open_minutes(halted, day="2024-03-02") == 45 - 10 + 60


def test_what_is_taken_back_changes_nothing_any_more() -> None:
    known: Overrides = {}
    take(known, word("halt", id_="h1"))
    take(known, word("skip", id_="s1"))
    clear = MarketOverride(id="c", action="clear", date=DAY, ends_ms=0, clears=("h1", "gone"))
    take(known, clear)
    assert list(known) == ["s1"]


def test_an_override_is_in_force_until_its_end_and_known_for_a_week_more() -> None:
    halt, skip = word("halt", "10:30", "11:15", id_="h"), word("skip", id_="s")
    assert in_force([halt, skip], ms("11:00")) == [halt, skip]
    assert in_force([halt, skip], ms("11:15")) == [skip]
    assert in_force([halt, skip], ms("00:00", "2025-10-21")) == []
    assert kept([halt, skip], ms("23:59", "2025-10-27")) == [halt, skip]
    assert kept([halt, skip], ms("00:00", "2025-10-28")) == []


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (word("close", "14:00"), "2025-10-20: closed from 14:00 on by somebody"),
        (word("close", "14:00", "15:00"), "2025-10-20: closed from 14:00 to 15:00 by somebody"),
        (word("halt", "10:30", "11:15"), "2025-10-20: halted from 10:30 to 11:15 by somebody"),
        (word("extend", until="17:00"), "2025-10-20: open until 17:00 by somebody"),
        (word("open", "18:15", "19:15"), "2025-10-20: one session, 18:15 to 19:15 by somebody"),
        (word("skip"), "2025-10-20: no session by somebody"),
    ],
)
def test_an_override_is_said_in_words(override: MarketOverride, words: str) -> None:
    assert said(override, IST) == words
