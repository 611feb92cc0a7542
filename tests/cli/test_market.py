from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from monitoring.alert_log import AlertLog, Notice
from monitoring.clock import SystemClock
from monitoring.config import Calendar, Config
from monitoring.market_override import Action, MarketOverride, Overrides, end_of_day_ms
from monitoring.spool import Request, pending
from scripts.cli.market_screen import market_screen, shown
from scripts.cli.market_state import market_state
from scripts.cli.terminal import PLAIN, render

IST = ZoneInfo("Asia/Kolkata")
NSE = Config()


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=IST).timestamp() * 1000)


def word(action: Action, begin: str, until: str | None = None, **more: Any) -> Overrides:
    day = begin[:10]
    one = MarketOverride(
        id="7c9e6679a1",
        action=action,
        date=day,
        ends_ms=end_of_day_ms(day, IST),
        from_ms=ms(begin),
        until_ms=None if until is None else ms(f"{day}T{until}"),
        by="asha",
        **more,
    )
    return {one.id: one}


@pytest.mark.parametrize(
    ("moment", "said"),
    [
        ("2025-10-20T10:42:00", "OPEN, closes 15:30 (4h48m)"),
        ("2025-10-20T08:00:00", "CLOSED, opens 09:15"),
        ("2025-10-20T15:30:00", "CLOSED, opens Tue 13:45"),
        ("2025-10-21T15:00:00", "CLOSED, opens Thu 09:15 (Diwali Balipratipada)"),
        ("2025-10-24T18:00:00", "CLOSED, opens Mon 09:15"),
        ("2026-01-26T10:00:00", "CLOSED, opens Tue 09:15 (Republic Day)"),
        ("2026-11-07T10:00:00", "CLOSED, opens Sun 18:00"),
    ],
)
def test_the_header_says_whether_it_is_open_until_when_and_why_not(moment: str, said: str) -> None:
    assert market_state(NSE, {}, ms(moment)) == said


def test_the_header_says_that_it_is_halted_and_by_whose_reason() -> None:
    now_ms = ms("2025-10-20T10:50:00")
    halt = word("halt", "2025-10-20T10:30", "11:15", reason="exchange glitch")
    assert market_state(NSE, halt, now_ms) == 'HALTED until 11:15 "exchange glitch"'
    assert market_state(NSE, word("halt", "2025-10-20T10:30"), now_ms) == "HALTED"
    assert market_state(NSE, halt, ms("2025-10-20T11:15:00")).startswith("OPEN, closes 15:30")


def test_after_a_close_the_next_open_is_named() -> None:
    closed = word("close", "2025-10-20T10:30")
    assert market_state(NSE, closed, ms("2025-10-20T10:50:00")) == "CLOSED, opens Tue 13:45"


@pytest.mark.parametrize(
    ("name", "moment", "overrides"),
    [
        ("diwali", "2025-10-20T10:42:00", {}),
        ("provisional", "2026-11-05T10:42:00", {}),
        ("halted", "2026-01-14T10:50:00", word("halt", "2026-01-14T10:30", "11:15", reason="x")),
        (
            "by_word",
            "2026-11-06T10:42:00",
            word("open", "2026-11-08T18:15", "19:15", reason="circular"),
        ),
        ("past_horizon", "2027-01-25T10:00:00", {}),
    ],
)
def test_show_is_one_screen(
    golden: Callable[[str, str], None], name: str, moment: str, overrides: Overrides
) -> None:
    lines = market_screen(shown(NSE, overrides, ms(moment)))
    text = "".join(render(line, PLAIN) + "\n" for line in lines)
    golden(f"market_{name}.txt", text)


def test_show_of_a_market_that_never_closes_is_one_line() -> None:
    always = Config(calendar=Calendar(name="always"))
    (line,) = market_screen(shown(always, {}, 0))
    assert render(line, PLAIN) == "OPEN (calendar: always)   calendar always"


def test_show_as_json_has_every_day_with_its_hours_and_its_name(monitor) -> None:
    done = monitor("market", "show", "--json")
    found = json.loads(done.stdout)
    assert (found["calendar"], found["segment"]) == ("XNSE", "CM")
    assert sum(bool(day["sessions"]) for day in found["days"][1:]) == 5
    assert found["overrides"] == []


@pytest.fixture
def scheduler(now_house) -> Iterator[Any]:
    """Takes every request about the market, as the scheduler does; what came is in `asked`."""
    house, over = now_house, threading.Event()
    house.asked = []

    def serve() -> None:
        while not over.is_set():
            for path, request in pending(house.home.spool):
                assert isinstance(request, Request)
                house.asked.append(request)
                log = AlertLog(house.home.alerts, "main", "Asia/Kolkata")
                now = SystemClock().now()
                log.open(now)
                kind = "request" if request.reason == "no" else "market"
                notice = Notice(kind=kind, reason=f"{request.target} it is", market=request.market)
                assert log.append([notice], now, 1, request.id)
                log.close()
                path.unlink()
            time.sleep(0.005)

    thread = threading.Thread(target=serve)
    thread.start()
    yield house
    over.set()
    thread.join()


def test_a_change_is_asked_for_with_who_and_why_and_done_when_the_log_says_so(
    scheduler, monitor
) -> None:
    done = monitor("market", "halt", "--for", "45m", "--reason", "glitch", "--by", "asha")
    assert (done.returncode, done.stdout) == (0, "done: halt it is\n")
    (request,) = scheduler.asked
    halt = request.market
    assert (request.by, request.reason, halt.action) == ("asha", "glitch", "halt")
    assert halt.until_ms - halt.from_ms == 45 * 60_000
    assert halt.ends_ms == end_of_day_ms(halt.date, IST)


@pytest.mark.parametrize(
    ("command", "action", "target"),
    [
        ("close", "close", "close"),
        ("close --until 23:59", "close", "close"),
        ("extend 17:00", "extend", "extend"),
        ("halt --until 23:59", "halt", "halt"),
        ("skip 2026-10-21", "skip", "skip"),
        ("skip tomorrow", "skip", "skip"),
        ("clear 7c9e", "clear", "7c9e"),
        ("open 18:15-19:15 --on 2026-11-08", "open", "open"),
        ("open 18:15-19:15", "open", "open"),
    ],
)
def test_each_command_asks_for_its_own_change(
    scheduler, monitor, command: str, action: str, target: str
) -> None:
    done = monitor("market", *command.split(), "--json")
    assert json.loads(done.stdout)["outcome"] == "done"
    (request,) = scheduler.asked
    assert (request.action, request.market.action, request.target) == ("market", action, target)


def test_a_refusal_is_said_in_words_with_its_exit_code(scheduler, monitor) -> None:
    done = monitor("market", "skip", "today", "--reason", "no")
    assert (done.returncode, done.stdout) == (1, "refused: skip it is\n")


def test_without_a_scheduler_it_waits_in_the_spool(now_house, monitor) -> None:
    done = monitor("market", "close")
    assert done.returncode == 3
    assert done.stdout.startswith("queued: the scheduler isn't running")
    assert len(pending(now_house.home.spool)) == 1


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("extend 5pm", "'5pm' is no time of day: write 15:45."),
        ("skip 21.10.2026", "'21.10.2026' is no date: write 2026-10-21, today or tomorrow."),
        ("open 19:15-18:15", "18:15 is not after 19:15."),
        ("open noon", "'noon' are no hours: write 18:15-19:15."),
        ("halt --for 1h --until 12:00", "Give --for or --until, not both."),
    ],
)
def test_what_can_not_be_understood_is_refused_in_words(
    now_house, monitor, command: str, words: str
) -> None:
    done = monitor("market", *command.split())
    assert done.returncode == 2
    assert words in done.stderr


def test_a_market_that_never_closes_has_nothing_to_change(now_house, monitor) -> None:
    now_house.process("scheduler")  # whose calendar is `always`
    done = monitor("market", "close")
    assert done.returncode == 1
    assert "it has no sessions to change" in done.stderr
