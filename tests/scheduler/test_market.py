"""The operator's word on the market, from the spool to the rules, over restarts and new dates."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from monitoring.alert_fold import fold
from monitoring.config import Config
from monitoring.market_override import Action, MarketOverride, end_of_day_ms

Rig = Any
IST = ZoneInfo("Asia/Kolkata")
BEGIN_MS = 1_760_250_600_000  # where the rig's clock begins: Sunday, 12 October 2025, 12:00
DAY = "2025-10-13"
LOSS = {"risk__daily_loss_pct": -3.0}


@pytest.fixture
def trading(new_rig: Any) -> Rig:
    """A scheduler on Monday at 10:00, with NSE's calendar."""
    rig = new_rig(config=Config(interval_seconds=10.0, evaluate_seconds=5.0))
    rig.clock.seconds = (ms("10:00") - BEGIN_MS) / 1000
    rig.start()
    rig.live(10)
    return rig


def ms(text: str, day: str = DAY) -> int:
    return round(datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=IST).timestamp() * 1000)


def order(
    rig: Rig, action: Action, *, until: str | None = None, day: str = DAY, target: str = ""
) -> Any:
    """Ask as `monitor market` does, take a turn, and return the answer."""
    number = len(rig.lines(None))
    override = MarketOverride(
        id="",
        action=action,
        date=day,
        ends_ms=end_of_day_ms(day, IST),
        from_ms=rig.clock.now().wall_ms,
        until_ms=None if until is None else ms(until, day),
    )
    rig.ask(f"r{number}", target or action, action="market", market=override, reason="glitch")
    rig.turn()
    (answer,) = [line for line in rig.lines(None) if line.request == f"r{number}"]
    return answer


def fact(rig: Rig, name: str) -> Any:
    return rig.state().facts.get(name)


def test_a_halt_is_logged_with_who_and_why_and_in_force_at_the_next_evaluation(
    trading: Rig,
) -> None:
    answer = order(trading, "halt", until="10:45")
    assert (answer.kind, answer.rule, answer.status) == ("market", "", None)
    assert answer.reason == f'{DAY}: halted from 10:00 to 10:45 by asha "glitch"'
    trading.live(5)
    assert fact(trading, "session.open") is False
    assert fact(trading, "session.seconds_to_open") == 45 * 60 - 15


def test_a_countdown_stands_still_in_a_halt_and_goes_on_after_it(trading: Rig) -> None:
    trading.live(20, **LOSS)
    assert trading.told("slow")[-1] == ("slow", "pending")
    order(trading, "halt", until="10:03")
    trading.live(150, **LOSS)
    assert trading.told("slow")[-1] == ("slow", "pending")
    trading.live(20, **LOSS)
    assert trading.told("slow")[-1] == ("slow", "firing")


def test_a_close_puts_the_session_rules_to_sleep_for_the_day(trading: Rig) -> None:
    order(trading, "close")
    trading.live(60, **LOSS)
    assert trading.told("slow") == []
    assert fact(trading, "session.seconds_to_open") > 80_000


def test_an_extension_keeps_them_awake(trading: Rig) -> None:
    order(trading, "extend", until="17:00")
    trading.live(10)
    assert fact(trading, "session.seconds_to_close") == 7 * 3600 - 20


def test_it_survives_a_restart_without_the_state_file(trading: Rig) -> None:
    order(trading, "close")
    trading.kill(state=False)
    trading.start()
    trading.live(5)
    assert fact(trading, "session.open") is False


def test_what_is_in_force_is_carried_into_the_file_of_a_new_date(trading: Rig) -> None:
    order(trading, "skip", day="2025-10-16")
    trading.pass_seconds(86_400)
    trading.live(30, risk__circuit_breaker_active=True)
    (newest,) = fold(trading.home.alerts).holding
    assert newest == "2025-10-14.jsonl"
    carried = [line.market for line in trading.lines("carry") if line.market is not None]
    assert [one.date for one in carried] == ["2025-10-16"]
    trading.kill(state=False)
    trading.start()
    trading.pass_seconds(86_400 * 2)
    trading.live(10)
    assert fact(trading, "session.open") is False


def test_what_is_long_past_is_carried_no_further(trading: Rig) -> None:
    order(trading, "halt", until="10:10")
    trading.pass_seconds(86_400 * 10)
    trading.live(10, risk__circuit_breaker_active=True)
    assert [line for line in trading.lines("carry") if line.market is not None] == []
    trading.start()
    assert fold(trading.home.alerts).market == {}


def test_a_halt_that_is_taken_back_is_over_at_once(trading: Rig) -> None:
    order(trading, "halt")
    trading.live(5)
    answer = order(trading, "clear", target="halt")
    assert answer.reason == '1 taken back by asha "glitch"'
    trading.live(5)
    assert fact(trading, "session.open") is True
    assert fold(trading.home.alerts).market == {}


@pytest.mark.parametrize(
    ("action", "more", "why"),
    [
        ("extend", {"until": "15:30"}, "the session already ends then or later"),
        ("extend", {}, "it must say until when"),
        ("halt", {"until": "09:59"}, "the time that it should last until is over"),
        ("halt", {"day": "2025-10-14"}, "2025-10-14 is not today"),
        ("skip", {"day": "2025-10-10"}, "2025-10-10 is past"),
        ("skip", {"day": "2025-10-18"}, "there is no session on 2025-10-18"),
        ("skip", {"day": "2027-10-18"}, "is more than 400 days ahead"),
        ("clear", {"target": "halt"}, "no override in force is called 'halt'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    trading: Rig, action: Action, more: dict[str, Any], why: str
) -> None:
    answer = order(trading, action, **more)
    assert (answer.kind, answer.rule) == ("request", "market")
    assert why in answer.reason


def test_nothing_can_be_closed_on_a_day_without_a_session_or_after_it(new_rig: Any) -> None:
    rig = new_rig(config=Config())
    rig.start()
    assert order(rig, "close", day="2025-10-12").reason == "there is no session today"
    rig.clock.seconds = (ms("15:30") - BEGIN_MS) / 1000
    assert order(rig, "halt").reason == "today's session is over"


def test_a_market_that_is_always_open_has_no_sessions_to_change(rig: Rig) -> None:
    rig.start()
    assert order(rig, "close", day="2025-10-12").reason.startswith("the calendar is `always`")


def test_a_request_that_says_nothing_or_no_date_is_refused(trading: Rig) -> None:
    trading.ask("empty", "halt", action="market")
    broken = MarketOverride(id="", action="skip", date="soon", ends_ms=0)
    trading.ask("broken", "skip", action="market", market=broken)
    trading.turn()
    told = {line.request: line.reason for line in trading.lines("request")}
    assert told["empty"] == "it doesn't say what to do with the market"
    assert told["broken"] == "'soon' is no date"


def test_a_request_that_comes_twice_is_taken_once(trading: Rig) -> None:
    override = MarketOverride(
        id="", action="halt", date=DAY, ends_ms=end_of_day_ms(DAY, IST), from_ms=ms("10:01")
    )
    for _ in range(2):
        trading.ask("same", "halt", action="market", market=override)
        trading.turn()
    assert len(trading.lines("market")) == 1
    assert msgspec.structs.asdict(trading.lines("market")[0].market)["by"] == "asha"
