"""Which channels failed at their last attempt: what the delivery ping and the state file say."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from pydantic import SecretStr

from evaluator.instant import Instant
from notifier.lane import Lane
from notifier.ledger import Outstanding, Record, State
from notifier.letter import SENT, Letter, Outcome
from notifier.own_state import failing_channels
from notifier.records import Dead, Failed, Planned, Sent
from notifier.resender import Resender

Serve = Callable[..., Any]


def at(seconds: float) -> Instant:
    return Instant(1_760_245_927_000 + round(seconds * 1000), round(seconds * 1e9) + 10**15, "boot")


def planned(step: str) -> Planned:
    return Planned(
        at=at(0), incident="i", step=step, engine="main", rule="r", severity="CRITICAL", why="new",
        over=False, alert_at=at(0), title="t", text="x", channels=("phone", "am"),
    )  # fmt: skip


FIRST, SECOND = planned("1-new"), planned("2-repeat")
KEY, NEXT = FIRST.key("phone"), SECOND.key("phone")


def failing_after(*records: Record) -> dict[str, str]:
    state = State()
    for record in (FIRST, SECOND, *records):
        state.take(record)
    return failing_channels(state, [], at(10))


def test_the_last_attempt_counts_and_none_is_no_failure() -> None:
    failed = Failed(at=at(1), key=KEY, attempts=1, reason="HTTP 500", again_ms=0)
    dead = Dead(at=at(2), key=KEY, attempts=2, reason="HTTP 403")
    sent = Sent(at=at(3), key=NEXT, attempts=1, late_ms=1)
    assert failing_after() == {}
    assert failing_after(failed) == {"phone": "HTTP 500"}
    assert failing_after(failed, dead) == {"phone": "HTTP 403"}
    assert failing_after(failed, dead, sent) == {}


def test_what_was_given_up_untried_is_no_attempt() -> None:
    unset = Dead(at=at(2), key=KEY, attempts=0, reason="the channel is not set any more")
    assert failing_after(unset) == {}


def test_a_send_that_hangs_is_a_failure() -> None:
    asked, release = threading.Event(), threading.Event()

    def send(_: Letter) -> Outcome:
        asked.set()
        release.wait(60)
        return SENT

    lane = Lane("phone", send, wake=lambda: None, chance=lambda: 0.0)
    lane.start(KEY, Outstanding(planned=FIRST, channel="phone"), at(0))
    assert asked.wait(30)
    assert failing_channels(State(), [lane], at(60)) == {}
    assert "hung" in failing_channels(State(), [lane], at(121))["phone"]
    release.set()


def test_an_alertmanager_that_refuses_is_a_failure_though_nothing_is_outstanding(
    desk: Any, serve: Serve
) -> None:
    stack = serve()
    desk.channel("am", kind="alertmanager", url=stack.url)
    desk.start()
    desk.fire("disk_low")
    desk.wait(lambda: desk.records(Sent), "the alert")
    assert desk.stop() == 0
    stack.always.code = 500
    desk.start()
    desk.wait(lambda: desk.state().degraded == ["am can't be told: HTTP 500"], "the trouble")
    assert desk.state().channels["am"].outstanding == 0

    resender = Resender("am", SecretStr(stack.url), wake=lambda: None, chance=lambda: 0.0)
    state = desk.deliveries()
    now = desk.clock()
    resender.start(state, now)
    desk.wait(lambda: resender.outcome(state, now) == [] and not resender.busy, "its outcome")
    assert failing_channels(state, [resender], now) == {"am": "HTTP 500"}
