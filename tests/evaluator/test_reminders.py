"""What nobody took is told again: soon at first, then ever less often."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from evaluator.acknowledgement import unacknowledge
from evaluator.reminders import due_in_ms, gap_seconds
from evaluator.rules import Rule
from monitoring.calendar import AlwaysOpen

Cast = Callable[..., Any]
R = {"name": "r", "remind_seconds": None}
GRAVE = {"severity": "CRITICAL"}


class Noon:
    """A market whose session is closed from the 100th to the 1000th second of the story."""

    def __init__(self, begin_ms: int) -> None:
        self.close_ms, self.open_again_ms = begin_ms + 100_000, begin_ms + 1_000_000

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        before = max(0, min(end_ms, self.close_ms) - start_ms)
        return before + max(0, end_ms - max(start_ms, self.open_again_ms))

    def is_open(self, wall_ms: int, clock: str) -> bool:
        return not self.close_ms <= wall_ms < self.open_again_ms

    def opened_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def next_open_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def closes_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def trading_day(self, wall_ms: int) -> str:
        return "2025-10-12"


def repeats(here: Any, until: int, seen: Any = "true", step: int = 10) -> list[float]:
    """Return the minutes at which an alert that fires at 0 is told again."""
    found = []
    for seconds in range(0, until, step):
        changes = here.see(seconds, r=seen)
        if changes.get("r", ("", ""))[1] == "repeat":
            found.append(seconds / 60)
    return found


def test_a_critical_alert_is_told_again_at_2_5_and_10_minutes_then_every_15(cast: Cast) -> None:
    assert repeats(cast(R), 3600, GRAVE) == [2, 5, 10, 25, 40, 55]


def test_a_warning_is_told_again_at_30_minutes_then_every_2_hours(cast: Cast) -> None:
    assert repeats(cast(R), 6 * 3600, step=60) == [30, 150, 270]


def test_a_rule_may_have_reminders_of_its_own_or_none(cast: Cast) -> None:
    assert repeats(cast(R | {"remind_seconds": (60,)}), 200) == [1, 2, 3]
    assert repeats(cast(R | {"remind_seconds": ()}), 7200) == []


def test_a_reminder_counts_and_has_the_words_of_now(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.see(120, r=GRAVE)
    assert here.reason("r") == "still firing after 2m; reminder 1"
    here.see(300, r=GRAVE | {"message": "worse", "context": {"a.b": 2.0}})
    assert here.reason("r") == "still firing after 5m; reminder 2"
    assert here.states["r"].message == "worse"
    assert here.states["r"].context == {"a.b": 2.0}
    assert here.states["r"].told.count == 3


def test_what_somebody_took_is_not_repeated_until_it_is_given_back(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.take("r", 1)
    assert here.see(500, r=GRAVE) == {}
    taken = here.states["r"]
    here.states["r"] = unacknowledge(taken, taken.active_at).incident
    assert here.see(501, r=GRAVE) == {"r": ("firing", "repeat")}


def test_what_is_suppressed_is_not_repeated_and_is_due_at_once_after(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.silence(10, 600, rule="r")
    here.see(10, r=GRAVE)
    assert here.see(300, r=GRAVE) == {}
    assert here.see(600, r=GRAVE) == {"r": ("firing", "repeat")}
    assert here.reason("r") == (
        "no longer silence s1 by asha: restarting; still firing after 10m; reminder 1"
    )
    assert here.see(605, r=GRAVE) == {}


def test_what_is_on_its_way_out_is_not_repeated(cast: Cast) -> None:
    here = cast(R | {"keep_firing_for_seconds": 300})
    here.see(0, r=GRAVE)
    here.see(100)
    assert here.see(200) == {}
    assert here.see(210, r=GRAVE) == {"r": ("firing", "repeat")}


def test_what_can_not_be_judged_is_repeated_with_its_last_words(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.see(100, r="unknown")
    assert here.see(120, r="unknown") == {"r": ("firing", "repeat")}
    assert here.states["r"].message == "r it is"


def test_missing_data_at_every_other_look_keeps_no_reminder_back(cast: Cast) -> None:
    here = cast(R)
    told = [
        here.see(seconds, r="unknown" if seconds % 20 else GRAVE).get("r", ("", ""))[1]
        for seconds in range(0, 130, 10)
    ]
    assert told[12] == "repeat"


def test_a_change_of_severity_begins_the_reminders_anew(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.see(600, r=GRAVE)
    assert here.states["r"].told.count == 1
    assert here.see(719, r=GRAVE) == {}
    assert here.see(720, r=GRAVE) == {"r": ("firing", "repeat")}


def test_a_lower_severity_is_told_as_a_change_and_not_as_new(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    assert here.see(60, r="true") == {"r": ("firing", "changed")}
    assert here.reason("r") == "CRITICAL became WARNING"


def test_nothing_is_repeated_while_the_rules_clock_is_closed(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.sessions = Noon(here.states["r"].active_at.wall_ms)
    assert here.see(130, r=GRAVE) == {}
    assert here.see(1019, r=GRAVE) == {}
    assert here.see(1020, r=GRAVE) == {"r": ("firing", "repeat")}


def test_the_next_reminder_can_be_asked_for(cast: Cast) -> None:
    here = cast(R | {"keep_firing_for_seconds": 60})
    rule, sessions = here.rules["r"], AlwaysOpen("Asia/Kolkata")

    def due(at: Any) -> int | None:
        return due_in_ms(rule, here.states["r"], at, sessions)

    here.see(0, r=GRAVE)
    at = here.states["r"].active_at
    assert due(at) == 120_000
    here.silence(10, 20, rule="r")
    here.see(10, r=GRAVE)
    assert due(at) is None
    here.see(20, r=GRAVE)
    assert due(at) == 120_000
    here.see(30)
    assert due(at) is None
    here.see(40, r=GRAVE)
    here.take("r", 41)
    assert due(at) is None
    quiet = Rule(name="r", severity="WARNING", when=("true",), message="m", remind_seconds=())
    assert gap_seconds(quiet, "CRITICAL", 1) is None
