"""The operator's word on the market, from the spool to the rules, over restarts and new dates."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from monitoring.alert_fold import fold, read
from monitoring.calendar import calendar_of
from monitoring.clock import SystemClock
from monitoring.config import Config
from monitoring.market_override import Action, MarketOverride, end_of_day_ms
from monitoring.spool import Request, submit

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


def test_a_session_of_its_own_hours_is_what_the_rules_see(trading: Rig) -> None:
    answer = order(trading, "open", until="11:00")
    assert answer.reason == f'{DAY}: one session, 10:00 to 11:00 by asha "glitch"'
    trading.live(10)
    assert fact(trading, "session.seconds_to_close") == 3600 - 20


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
        ("open", {}, "it must open before it closes, on one date"),
        ("open", {"until": "12:00", "day": "2025-10-18"}, "its hours are not of its date"),
        ("open", {"until": "12:00", "day": "2025-10-10"}, "2025-10-10 is past"),
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
    assert order(rig, "close", day="2025-10-12").reason == "there is no session on 2025-10-12"
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


@pytest.mark.parametrize("moment", [-(10**18), 10**18])
@pytest.mark.parametrize("action", ["open", "close", "halt", "extend", "skip"])
def test_no_number_in_a_request_can_stop_the_scheduler(
    trading: Rig, action: Action, moment: int
) -> None:
    far = MarketOverride(
        id="", action=action, date=DAY, ends_ms=moment, from_ms=moment, until_ms=moment + 1
    )
    trading.ask("far", action, action="market", market=far)
    trading.ask(
        "end", action, action="market", market=msgspec.structs.replace(far, date="9999-12-31")
    )
    trading.turn()
    trading.live(5)
    told = {line.request: line for line in trading.lines(None) if line.request}
    assert told["end"].kind == "request"
    if action != "skip":  # it needs none of these numbers
        assert told["far"].kind == "request"
    assert trading.state().facts["session.engine_window"] is True


def test_a_process_that_is_killed_after_its_answer_comes_back_with_the_override(
    daemon: Any,
) -> None:
    daemon.home.settings.write_text("interval_seconds = 1.0\nevaluate_seconds = 0.5\n")
    now_ms = SystemClock().now().wall_ms
    calendar = calendar_of(Config())
    opens_ms = calendar.next_open_ms(now_ms + 3 * 86_400_000)
    assert opens_ms is not None
    day = calendar.trading_day(opens_ms)
    skip = MarketOverride(id="", action="skip", date=day, ends_ms=end_of_day_ms(day, IST))
    request = Request(id="r1", action="market", target="skip", by="asha", at_ms=now_ms, market=skip)
    first = daemon.start()
    submit(daemon.home.spool, request)
    wait_until(lambda: fold(daemon.home.alerts).market, "the override in the log")
    first.kill()
    first.wait()
    daemon.start()
    again = msgspec.structs.replace(request, id="r2", at_ms=now_ms + 1)
    submit(daemon.home.spool, again)
    wait_until(lambda: "r2" in fold(daemon.home.alerts).requests, "the second answer")
    (answer,) = [line for line in read(daemon.home.alerts) if line.request == "r2"]
    assert answer.reason == f"there is no session on {day}"


def wait_until(holds: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"never came: {what}"
        time.sleep(0.02)


def test_a_request_that_comes_twice_is_taken_once(trading: Rig) -> None:
    override = MarketOverride(
        id="", action="halt", date=DAY, ends_ms=end_of_day_ms(DAY, IST), from_ms=ms("10:01")
    )
    for _ in range(2):
        trading.ask("same", "halt", action="market", market=override)
        trading.turn()
    assert len(trading.lines("market")) == 1
    assert msgspec.structs.asdict(trading.lines("market")[0].market)["by"] == "asha"
