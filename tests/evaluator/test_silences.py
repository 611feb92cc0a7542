"""A silence keeps what it covers from being told, never from being so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evaluator.silence import Silence, expired, silence_over

Cast = Callable[..., Any]
R = {"name": "r"}


def test_a_silenced_alert_fires_and_is_logged_with_who_silenced_it_and_why(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 100, rule="r")
    assert here.see(1, r="true") == {"r": ("firing", "suppressed")}
    assert here.states["r"].suppressed_by == "silence s1 by asha: restarting"
    assert here.reason("r") == "condition held for 0s; silence s1 by asha: restarting"
    assert here.see(2, r="true") == {}


def test_what_still_fires_when_its_silence_is_over_is_told_then_as_new(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 100, rule="r")
    here.see(1, r="true")
    assert here.see(99.999, r="true") == {}
    assert here.see(100, r="true") == {"r": ("firing", "new")}
    assert here.states["r"].suppressed_by is None
    assert here.reason("r") == "no longer silence s1 by asha: restarting"


def test_what_ends_in_silence_and_was_never_told_is_not_told_resolved(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 100, rule="r")
    here.see(1, r="true")
    assert here.see(2) == {"r": ("resolved", "untold")}
    assert not here.changes["r"].tells
    assert here.reason("r").endswith("; nobody was told of it")


def test_what_was_told_firing_is_told_resolved_whatever_was_silenced_since(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.silence(1, 100, rule="r")
    assert here.see(1, r="true") == {"r": ("firing", "suppressed")}
    assert here.see(2) == {"r": ("resolved", "resolved")}
    assert here.changes["r"].tells
    assert here.changes["r"].incident.suppressed_by is None


def test_what_was_told_before_its_silence_is_not_told_again_when_that_ends(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.silence(1, 100, rule="r")
    here.see(1, r="true")
    assert here.see(100, r="true") == {"r": ("firing", "unsuppressed")}
    assert not here.changes["r"].tells


def test_what_became_graver_in_silence_is_told_as_changed_when_that_ends(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.silence(1, 100, rule="r")
    here.see(1, r="true")
    assert here.see(2, r={"severity": "CRITICAL"}) == {"r": ("firing", "suppressed")}
    assert here.see(100, r={"severity": "CRITICAL"}) == {"r": ("firing", "changed")}


def test_nothing_is_told_as_new_while_it_is_known_to_be_on_its_way_out(cast: Cast) -> None:
    here = cast(R | {"keep_firing_for_seconds": 60})
    here.silence(0, 100, rule="r")
    here.see(1, r="true")
    assert here.see(90) == {"r": ("firing", "clearing")}
    assert here.see(100) == {"r": ("firing", "unsuppressed")}
    assert here.see(120, r="true") == {"r": ("firing", "new")}


def test_several_silences_at_once_each_hold_for_what_they_cover(cast: Cast) -> None:
    here = cast(R, {"name": "other"})
    here.silence(0, 100, rule="r")
    here.silence(0, 50, severity="CRITICAL")
    seen = {"r": "true", "other": {"severity": "CRITICAL"}}
    assert here.see(1, **seen) == {"r": ("firing", "suppressed"), "other": ("firing", "suppressed")}
    assert here.see(50, **seen) == {"other": ("firing", "new")}


def test_a_silence_that_begins_later_does_not_reach_back(cast: Cast) -> None:
    here = cast(R)
    here.silence(10, 100, rule="r")
    assert here.see(9, r="true") == {"r": ("firing", "new")}


def test_a_silence_of_one_incident_does_not_cover_the_next_one_of_its_rule(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.silence(1, 1000, incident=here.states["r"].id)
    assert here.see(1, r="true") == {"r": ("firing", "suppressed")}
    here.see(2)
    assert here.see(3, r="true") == {"r": ("firing", "new")}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"rule": "r"}, "r"),
        ({"severity": "WARNING"}, "every WARNING"),
        ({"rule": "r", "severity": "CRITICAL"}, "every CRITICAL r"),
        ({"incident": "0199"}, "incident 0199"),
        ({}, "nothing"),
    ],
)
def test_a_silence_says_in_words_what_it_covers(fields: dict[str, Any], words: str) -> None:
    one = Silence(id="s", by="asha", starts_ms=0, ends_ms=1, **fields)
    assert one.target == words
    assert one.words == "silence s by asha"


def test_a_silence_of_nothing_covers_nothing(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 100)
    assert here.see(1, r="true") == {"r": ("firing", "new")}


def test_of_two_silences_the_one_that_lasts_longest_is_named(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 50, rule="r")
    here.silence(0, 100, severity="WARNING")
    here.see(1, r="true")
    assert here.states["r"].suppressed_by.startswith("silence s2")
    assert silence_over(here.states["r"], [], 0) is None


def test_silences_are_over_at_the_millisecond_of_their_end_and_in_its_order() -> None:
    late, soon = (Silence(id=str(end), by="a", starts_ms=0, ends_ms=end) for end in (20, 10))
    assert expired([late, soon], 9) == []
    assert expired([late, soon], 10) == [soon]
    assert expired([late, soon], 99) == [soon, late]
