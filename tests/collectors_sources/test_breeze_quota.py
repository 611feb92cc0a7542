from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from collectors.breeze_quota import Quota
from evaluator.instant import Instant

MIDNIGHT_MS = 1_760_034_600_000  # 10 October 2025, 00:00 in Kolkata


def at(seconds: float) -> Instant:
    """A moment some seconds after local midnight."""
    ms = int(seconds * 1000)
    return Instant(MIDNIGHT_MS + ms, 10**15 + ms * 1_000_000, "boot")


def quota(per_day: int = 5000) -> Quota:
    return Quota(per_day, ZoneInfo("Asia/Kolkata"))


def test_probes_are_counted_anew_at_local_midnight() -> None:
    one = quota()
    one.add_probe(at(-10))
    one.add_probe(at(-1))
    assert one.probes_today(at(-0.001)) == 2
    assert one.probes_today(at(0)) == 0


def test_the_count_goes_on_after_a_restart_on_the_same_day_only() -> None:
    one = quota()
    one.resume(7, at(-100))
    assert one.probes_today(at(-50)) == 7
    one.resume(7, at(-100))
    assert one.probes_today(at(50)) == 0


def test_an_engine_that_says_nothing_leaves_the_quota_unknown() -> None:
    one = quota()

    assert one.left_seconds(at(0), None) is None
    assert one.left_seconds(at(0), float("nan")) is None


def test_the_quota_lasts_as_long_as_the_present_rate_lets_it() -> None:
    one = quota()
    assert one.left_seconds(at(3600), 1000) is None  # no rate yet
    assert one.left_seconds(at(3630), 1030) is None
    assert one.left_seconds(at(3700), 1100) == pytest.approx(3900)  # 1 call/s, 3,900 left


def test_our_own_probes_count_too() -> None:
    one = quota(per_day=100)
    for _ in range(40):
        one.add_probe(at(0))
    one.left_seconds(at(0), 50)

    assert one.left_seconds(at(100), 50) == 86_400  # nobody calls: it lasts the day
    one.add_probe(at(100))
    one.left_seconds(at(110), 50)
    assert one.left_seconds(at(200), 58) == pytest.approx(1 / (9 / 200))


def test_a_quota_that_is_used_up_has_no_time_left_at_once() -> None:
    assert quota().left_seconds(at(0), 5000) == 0.0
    assert quota().left_seconds(at(0), 9999) == 0.0


def test_an_engine_that_was_restarted_counts_on() -> None:
    one = quota(per_day=1000)
    one.left_seconds(at(0), 900)
    one.left_seconds(at(60), 960)
    assert one.left_seconds(at(61), 1) == pytest.approx(39 / (61 / 61))
    assert one.left_seconds(at(62), 41) == 0.0


def test_the_rate_is_that_of_the_last_ten_minutes() -> None:
    one = quota()
    for seconds in range(0, 600, 10):
        one.left_seconds(at(seconds), seconds)  # 1 call/s
    for seconds in range(600, 1300, 10):
        left = one.left_seconds(at(seconds), 600)

    assert left == 86_400


def test_a_new_day_is_a_new_quota() -> None:
    one = quota()
    assert one.left_seconds(at(-100), 5000) == 0.0
    one.left_seconds(at(10), 0)
    assert one.left_seconds(at(110), 100) == pytest.approx(4900)
