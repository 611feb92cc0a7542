"""A rule that fires again and again soon after its alert was over is said to flap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluator.flapping import refired, remembered

Cast = Callable[..., Any]
R = {"name": "r"}


def fire(here: Any, seconds: float, lasts: float = 10) -> Any:
    """Fire for a while, and return the incident as it fired."""
    here.see(seconds, r="true")
    incident = here.states["r"]
    here.see(seconds + lasts)
    return incident


def test_the_third_time_it_fires_again_within_the_hour_is_flapping(cast: Cast) -> None:
    here = cast(R)
    found = [fire(here, seconds) for seconds in (0, 600, 1200, 1800)]
    assert [one.flapping for one in found] == [False, False, False, True]
    assert found[-1].reason == (
        "condition held for 0s; flapping: fired again soon after its end 3 times in 1h"
    )
    assert len({one.id for one in found}) == 4


def test_fifteen_minutes_after_the_end_still_count_and_a_moment_more_does_not(cast: Cast) -> None:
    here = cast(R)
    found = [fire(here, seconds) for seconds in (0, 910, 1820, 2730)]
    assert [len(one.refired) for one in found] == [0, 1, 2, 3]
    assert found[-1].flapping
    assert fire(here, 2740 + 900.001).refired == ()


def test_what_lies_more_than_an_hour_back_does_not_count(cast: Cast) -> None:
    here = cast(R)
    for seconds in (0, 100):
        fire(here, seconds)
    fire(here, 900, lasts=2700)
    assert [len(fire(here, seconds).refired) for seconds in (3700, 3800)] == [3, 3]


def test_a_flapping_alert_is_marked_to_its_end_and_the_next_quiet_one_is_not(cast: Cast) -> None:
    here = cast(R)
    for seconds in (0, 60, 120, 180):
        fire(here, seconds)
    assert here.changes["r"].incident.flapping
    assert not fire(here, 5000).flapping


def test_nothing_is_remembered_longer_than_it_matters(cast: Cast) -> None:
    here = cast(R)
    incident = fire(here, 0)
    past = here.past["r"]
    assert refired(None, incident.active_at) == ()
    assert refired(incident, incident.active_at) == ()
    assert remembered([past, incident], past.resolved_at) == [past]
    here.see(4000, r="true")
    assert remembered([past], here.states["r"].active_at) == []
