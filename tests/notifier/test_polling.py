"""Asking for updates: which are confirmed, how soon again, and what is no update."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from evaluator.instant import Instant
from notifier.bot_api import Bot, GetUpdates
from notifier.letter import SENT
from notifier.polling import POLL_SECONDS, Polling
from notifier.records import Heard
from tests.bot_api_server import BotApiServer, Refused

TOKEN = "123456:CANARY-token"
HOUR = 3600


def at(seconds: float) -> Instant:
    return Instant(1_760_250_600_000 + round(seconds * 1000), round((10**6 + seconds) * 1e9), "b")


@pytest.fixture
def server() -> Iterator[BotApiServer]:
    one = BotApiServer(TOKEN)
    yield one
    one.end()


class Asking:
    """Asks at a time, and waits for the answer."""

    def __init__(self, server: BotApiServer) -> None:
        self._woken = threading.Event()
        bot = Bot(server.url, TOKEN)
        self.polling = Polling("phone", bot, wake=self._woken.set, chance=lambda: 0.0)

    def ask(self, seconds: float, heard: Heard | None = None) -> list[int]:
        """Return the numbers of what came."""
        self._woken.clear()
        self.polling.begin(heard, at(seconds))
        assert self._woken.wait(30)
        return [update.update_id for update in self.polling.updates(at(seconds))]


@pytest.fixture
def asking(server: BotApiServer) -> Asking:
    return Asking(server)


def test_what_was_heard_is_confirmed_by_the_next_poll(server: BotApiServer, asking: Asking) -> None:
    first, second = (server.update(message={}) for _ in range(2))
    assert asking.ask(0) == [first, second]
    assert asking.ask(1, Heard(at=at(0), channel="phone", update=first)) == [second]
    assert server.waiting() == [second]
    asked = server.called("getUpdates")
    assert [one.get("offset") for one in asked] == [None, first + 1]
    assert asked[0]["timeout"] == POLL_SECONDS


def test_after_a_day_without_a_word_numbers_may_begin_anew_below_the_last(
    server: BotApiServer, asking: Asking
) -> None:
    low = server.update(message={})
    heard = Heard(at=at(0), channel="phone", update=low + 1_000_000)
    assert asking.ask(24 * HOUR + 1, heard) == [low]
    assert "offset" not in server.called("getUpdates")[-1]


def test_what_comes_first_or_after_an_outage_may_be_old(
    server: BotApiServer, asking: Asking
) -> None:
    fresh = []
    for seconds in (0, 60, 119, 200):
        server.update(message={})
        asking.ask(seconds)
        fresh.append(asking.polling.fresh)
    assert fresh == [False, False, True, False]


def test_what_is_refused_is_asked_again_no_sooner_than_it_says(
    server: BotApiServer, asking: Asking
) -> None:
    words = "Too Many Requests: retry after 30"
    server.refusals["getUpdates"] = [Refused(429, words, retry_after=30)]
    assert asking.ask(0) == []
    assert asking.polling.trouble == f"phone can't hear: Telegram says: {words} (HTTP 429)"
    assert asking.polling.seconds_left(at(1)) == 29
    asking.polling.begin(None, at(29))
    assert len(server.called("getUpdates")) == 1
    number = server.update(message={})
    assert asking.ask(30) == [number]
    assert asking.polling.trouble is None


def test_another_who_polls_is_said_in_telegrams_words(server: BotApiServer, asking: Asking) -> None:
    other = Bot(server.url, TOKEN)
    asking.polling.begin(None, at(0))
    deadline = time.monotonic() + 30
    while asking.polling.trouble is None:
        assert time.monotonic() < deadline
        assert other.call(GetUpdates(timeout=0)).outcome is SENT
        asking.polling.updates(at(1))
    words = (
        "terminated by other getUpdates request; make sure that only one bot instance is running"
    )
    assert words in asking.polling.trouble
    number = server.update(message={})
    assert asking.ask(60) == [number]
    assert asking.polling.trouble is None


def test_a_server_that_does_not_wait_is_asked_once_a_second(
    server: BotApiServer, asking: Asking
) -> None:
    server.ending = True  # its polls end at once
    assert asking.ask(0) == []
    assert asking.polling.seconds_left(at(0.2)) == pytest.approx(0.8)


def test_what_can_not_be_understood_is_passed_over_and_confirmed(
    server: BotApiServer, asking: Asking
) -> None:
    numbers = [
        server.update(message="no message"),
        server.update(callback_query={"id": 5}),
        server.update(message={"message_id": 1, "chat": {"id": 2}, "text": ["no text"]}),
        server.update(message={"message_id": 1, "chat": {"id": 2}, "text": "/help"}),
    ]
    assert asking.ask(0) == numbers


def test_a_poll_that_never_ends_is_said(server: BotApiServer, asking: Asking) -> None:
    asking.polling.begin(None, at(0))
    assert asking.polling.updates(at(100)) == []
    assert asking.polling.trouble is None
    asking.polling.updates(at(121))
    assert asking.polling.trouble == "phone: asking for updates has hung for minutes"
