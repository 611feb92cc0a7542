"""Retries: how long between them, that a server's word counts, and when it is given up."""

from __future__ import annotations

import math
import threading
import time

import msgspec
import pytest

from evaluator.instant import Instant
from notifier.lane import BROKEN, Lane
from notifier.ledger import Outstanding
from notifier.letter import SENT, Letter, Outcome
from notifier.records import Dead, Failed, Listed, Planned, Sent
from notifier.retry import pause_seconds

HOUR = 3600


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


PLANNED = Planned(
    at=at(0), incident="i", step="1-new", engine="main", rule="r", severity="CRITICAL", why="new",
    over=False, alert_at=at(0), title="t", text="x", channels=("a",),
)  # fmt: skip


@pytest.mark.parametrize(
    ("attempts", "least", "most"),
    [(1, 0.5, 1), (2, 1, 2), (3, 2, 4), (6, 16, 32), (7, 30, 60), (5000, 30, 60)],
)
def test_the_pause_doubles_to_a_minute_and_is_spread(
    attempts: int, least: float, most: float
) -> None:
    assert pause_seconds(attempts, None, 0.0) == least
    assert least < pause_seconds(attempts, None, 0.99) < most


def test_it_is_never_before_the_time_that_was_asked_for() -> None:
    assert pause_seconds(1, 30.0, 0.0) == 30
    assert pause_seconds(20, 5.0, 0.0) == 30


class Ended:
    """Lanes ring it when an attempt has come to its end."""

    def __init__(self) -> None:
        self.rung = threading.Event()

    def __call__(self) -> None:
        self.rung.set()


class Channel:
    """A lane whose sender answers what it is told."""

    def __init__(self, answer: Outcome | Exception) -> None:
        self.answer = answer
        self.letters: list[Letter] = []
        self.ended = Ended()
        self.lane = Lane("a", self._send, wake=self.ended, chance=lambda: 0.0)

    def _send(self, letter: Letter) -> Outcome:
        self.letters.append(letter)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def attempt(self, one: Outstanding, seconds: float) -> Sent | Failed | Dead | None:
        self.lane.start("key", one, at(seconds))
        until = time.monotonic() + 30
        while self.lane.busy and time.monotonic() < until:
            record = self.lane.outcome(at(seconds))
            if record is not None:
                return record
            self.ended.rung.wait(0.01)
        return None


def test_a_failure_waits_for_its_time_and_then_is_tried_again() -> None:
    channel = Channel(Outcome("again", "HTTP 429", 30.0))
    one = Outstanding(planned=PLANNED, channel="a")
    failed = channel.attempt(one, 0)
    assert isinstance(failed, Failed)
    assert failed.again_ms == at(30).wall_ms
    assert channel.attempt(one, 29.9) is None
    assert channel.lane.seconds_left([("key", one)], at(29.5)) == 0.5
    channel.answer = SENT
    assert isinstance(channel.attempt(one, 30), Sent)
    assert [letter.key for letter in channel.letters] == ["key", "key"]


def test_after_a_restart_the_time_that_was_asked_for_still_counts() -> None:
    channel = Channel(SENT)
    one = Outstanding(planned=PLANNED, channel="a", attempts=3, again_ms=at(20).wall_ms)
    channel.lane.resume([("key", one)], at(5))
    assert channel.attempt(one, 19.9) is None
    sent = channel.attempt(one, 20)
    assert isinstance(sent, Sent)
    assert sent.attempts == 4


@pytest.mark.parametrize(("asked", "seconds"), [(True, HOUR), (False, 60)])
def test_a_clock_that_was_set_far_back_holds_nothing_up_for_longer_than_it_could_be_meant(
    asked: bool, seconds: float
) -> None:
    channel = Channel(SENT)
    one = Outstanding(
        planned=PLANNED, channel="a", attempts=3, again_ms=at(90 * HOUR).wall_ms, asked=asked
    )
    channel.lane.resume([("key", one)], at(0))
    assert channel.attempt(one, seconds - 1) is None
    assert isinstance(channel.attempt(one, seconds), Sent)


def test_a_send_that_never_ends_is_seen_to_hang_and_nothing_else_is_begun() -> None:
    asked, release = threading.Event(), threading.Event()

    def send(_: Letter) -> Outcome:
        asked.set()
        release.wait(60)
        return SENT

    lane = Lane("a", send, wake=lambda: None, chance=lambda: 0.0)
    one = Outstanding(planned=PLANNED, channel="a")
    lane.start("key", one, at(0))
    assert asked.wait(30)
    assert (lane.outcome(at(60)), lane.hangs(at(60)), lane.hangs(at(121))) == (None, False, True)
    assert lane.seconds_left([("key", one)], at(121)) == math.inf
    release.set()


def test_after_a_day_it_is_given_up_with_the_last_reason() -> None:
    channel = Channel(Outcome("again", "HTTP 500"))
    one = Outstanding(planned=PLANNED, channel="a", attempts=1000)
    assert isinstance(channel.attempt(one, 24 * HOUR), Failed)
    dead = channel.attempt(one, 24 * HOUR + 60)
    assert isinstance(dead, Dead)
    assert dead.reason == "a day of: HTTP 500"


def test_a_summary_of_old_and_new_has_a_day_of_its_own() -> None:
    listed = Listed(key="k", incident="i", rule="r", severity="CRITICAL", why="new", over=False)
    summary = msgspec.structs.replace(PLANNED, at=at(24 * HOUR), since=at(0), lists=(listed,))
    channel = Channel(Outcome("again", "HTTP 500"))
    one = Outstanding(planned=summary, channel="a")
    assert isinstance(channel.attempt(one, 25 * HOUR), Failed)
    assert isinstance(channel.attempt(one, 49 * HOUR), Dead)


def test_nothing_waits_for_an_edit_that_fails() -> None:
    edit = msgspec.structs.replace(PLANNED, why="acknowledged", step="2-acknowledged")
    end = msgspec.structs.replace(PLANNED, why="resolved", step="3-resolved", over=True)
    failing = Outstanding(planned=edit, channel="a", attempts=1)
    pending = [("edit", failing), ("end", Outstanding(planned=end, channel="a"))]
    chosen = Channel(SENT).lane.choose(pending, at(1))
    assert chosen is not None
    assert chosen[0] == "end"


def test_a_refusal_is_given_up_at_once() -> None:
    dead = Channel(Outcome("refused", "HTTP 403")).attempt(
        Outstanding(planned=PLANNED, channel="a"), 0
    )
    assert isinstance(dead, Dead)
    assert (dead.attempts, dead.reason) == (1, "HTTP 403")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_sender_that_ends_with_an_error_is_tried_again() -> None:
    failed = Channel(RuntimeError("a fault of ours")).attempt(
        Outstanding(planned=PLANNED, channel="a"), 0
    )
    assert isinstance(failed, Failed)
    assert failed.reason == BROKEN.reason
