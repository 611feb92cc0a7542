from __future__ import annotations

import pytest

from collectors.breeze_course import Course
from collectors.breeze_probe import Answer, Status
from evaluator.instant import Instant


def at(seconds: float) -> Instant:
    ms = int(seconds * 1000)
    return Instant(1_760_000_000_000 + ms, ms * 1_000_000, "boot")


def course(spread: float = 1.0, interval: float = 120.0) -> Course:
    return Course(interval, lambda: spread)


def say(to: Course, status: Status, seconds: float, retry_after: float | None = None) -> None:
    answer = Answer(status=status, detail=f"said {status}", retry_after_seconds=retry_after)
    to.take(answer, at(seconds), at(seconds))


def wait_of(one: Course, asked: float) -> float:
    """Seconds after `asked` at which it is due again, to the second."""
    return next(wait for wait in range(10_000) if one.due(at(asked + wait)))


def test_the_first_question_is_due_at_once() -> None:
    assert course().due(at(0))


def test_a_good_session_is_asked_about_every_interval() -> None:
    one = course()
    say(one, "authenticated", 0)

    assert wait_of(one, 0) == 120


def test_failures_are_confirmed_soon_and_then_back_off_to_a_quarter_of_an_hour() -> None:
    one = course()
    now, waits = 0.0, []
    for _ in range(7):
        say(one, "unreachable", now)
        waits.append(wait_of(one, now))
        now += waits[-1]

    assert waits == [20, 120, 240, 480, 900, 900, 900]


def test_the_wait_is_spread_but_never_past_its_limit() -> None:
    one = course(spread=1.15)
    for _ in range(2):
        say(one, "unreachable", 0)
    assert wait_of(one, 0) == 138
    for _ in range(2000):  # 2 ** 2000 must not overflow
        say(one, "unreachable", 0)
    assert wait_of(one, 0) == 900


def test_a_short_interval_is_not_lengthened_by_the_confirmation() -> None:
    one = course(interval=5)
    say(one, "unreachable", 0)

    assert wait_of(one, 0) == 5


def test_success_ends_the_back_off() -> None:
    one = course()
    for _ in range(5):
        say(one, "unreachable", 0)
    say(one, "authenticated", 0)

    assert wait_of(one, 0) == 120


def test_retry_after_lengthens_the_wait_and_never_shortens_it() -> None:
    one = course()
    say(one, "rate_limited", 0, retry_after=600)
    assert wait_of(one, 0) == 600
    say(one, "rate_limited", 600, retry_after=1)
    assert wait_of(one, 600) == 120


@pytest.mark.parametrize("status", ["session_expired", "bad_app_key", "bad_session"])
def test_refusals_show_at_once_and_are_counted(status: Status) -> None:
    one = course()
    say(one, "authenticated", 0)
    say(one, status, 120)
    assert (one.status, one.denials) == (status, 1)
    say(one, status, 140)
    assert one.denials == 2


def test_silence_between_two_refusals_takes_nothing_back() -> None:
    one = course()
    say(one, "session_expired", 0)
    say(one, "unreachable", 20)
    say(one, "rate_limited", 140)
    say(one, "bad_session", 380)

    assert one.denials == 2


def test_success_clears_the_refusals() -> None:
    one = course()
    say(one, "session_expired", 0)
    say(one, "authenticated", 20)

    assert one.denials == 0


def test_a_refusal_is_an_answer_so_the_connection_is_not_lost() -> None:
    one = course()
    for seconds in (0, 20, 140):
        say(one, "session_expired", seconds)

    assert one.failing_seconds(at(200)) == 0.0


@pytest.mark.parametrize("status", ["unreachable", "unknown"])
def test_one_failed_call_is_never_a_verdict(status: Status) -> None:
    one = course()
    say(one, "authenticated", 0)
    say(one, status, 120)
    assert one.status == "authenticated"
    assert "one call failed" in one.detail
    assert one.confirmed == at(0)
    assert one.failing_seconds(at(139)) == 0.0

    say(one, status, 140)
    assert one.status == status
    assert one.since == at(140)
    assert one.failing_seconds(at(140)) == 20.0
    assert one.failing_seconds(at(200)) == 80.0


def test_without_any_good_answer_before_a_failure_shows_at_once() -> None:
    one = course()
    say(one, "unreachable", 0)

    assert one.status == "unreachable"


def test_a_limit_on_calls_is_no_success_either() -> None:
    one = course()
    say(one, "authenticated", 0)
    say(one, "rate_limited", 120)
    say(one, "rate_limited", 140)

    assert one.status == "rate_limited"
    assert one.failing_seconds(at(200)) == 80.0


def test_limits_on_calls_are_counted_for_five_minutes() -> None:
    one = course()
    for seconds in (0, 20, 140):
        say(one, "rate_limited", seconds)

    assert one.rate_limited_5m(at(299)) == 3
    assert one.rate_limited_5m(at(300)) == 2
    assert one.rate_limited_5m(at(1000)) == 0


def test_before_the_first_answer_nothing_is_known() -> None:
    one = course()

    assert one.status == "unknown"
    assert one.failing_seconds(at(0)) is None
    assert one.denials is None
    assert one.since is None


def test_since_is_when_the_status_began_not_when_it_was_confirmed() -> None:
    one = course()
    say(one, "authenticated", 0)
    say(one, "authenticated", 120)

    assert one.since == at(0)
    assert one.confirmed == at(120)


def test_a_new_session_key_forgets_refusals_and_asks_at_once() -> None:
    one = course()
    for seconds in (0, 20, 140):
        say(one, "session_expired", seconds)
    one.hurry()

    assert one.due(at(141))
    assert one.denials == 0
    say(one, "session_expired", 141)
    assert wait_of(one, 141) == 20


def test_a_new_session_key_does_not_claim_that_nothing_was_refused_before_any_answer() -> None:
    one = course()
    one.hurry()

    assert one.denials is None
