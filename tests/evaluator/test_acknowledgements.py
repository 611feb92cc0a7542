"""Who takes an alert has it for a limited time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evaluator.acknowledgement import ends_ms
from evaluator.instant import Instant
from monitoring.calendar import AlwaysOpen

Cast = Callable[..., Any]
R = {"name": "r", "remind_seconds": None}
GRAVE = {"severity": "CRITICAL"}
MINUTE_MS = 60_000


class Day:
    """A market open from minute 100 to minute 200, and perhaps once more from 1000 to 1100."""

    def __init__(self, *, again: bool = True) -> None:
        self.hours = [(100, 200), *([(1000, 1100)] if again else [])]

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        raise NotImplementedError

    def is_open(self, wall_ms: int, clock: str) -> bool:
        return self.closes_at_ms(wall_ms) is not None

    def opened_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def next_open_ms(self, wall_ms: int) -> int | None:
        later = [opens for opens, _ in self.hours if opens * MINUTE_MS > wall_ms]
        return later[0] * MINUTE_MS if later else None

    def closes_at_ms(self, wall_ms: int) -> int | None:
        now = [end for begin, end in self.hours if begin <= wall_ms / MINUTE_MS < end]
        return now[0] * MINUTE_MS if now else None

    def trading_day(self, wall_ms: int) -> str:
        return "2025-10-12"


@pytest.mark.parametrize(
    ("minute", "wanted", "exposed", "ends"),
    [
        (110, None, True, 170),  # an hour while money is at risk
        (110, None, False, 200),  # else to the close
        (110, 150, True, 150),
        (110, 190, True, 190),  # who asks for longer gets it
        (110, 300, False, 200),  # but never past the session
        (170, None, True, 200),
        (50, None, True, 110),
        (50, None, False, 200),  # the market is closed: to the close of the next session
        (300, 2000, True, 1100),
        (1200, None, False, None),  # no session is known
        (1200, None, True, 1260),
    ],
)
def test_an_acknowledgement_ends(
    minute: int, wanted: int | None, exposed: bool, ends: int | None
) -> None:
    at = Instant(minute * MINUTE_MS, 0, "b")
    wanted_ms = None if wanted is None else wanted * MINUTE_MS
    found = ends_ms(wanted_ms, at, Day(), exposed=exposed)
    assert found == (None if ends is None else ends * MINUTE_MS)


def test_in_a_market_that_never_closes_it_ends_with_the_alert_or_in_an_hour() -> None:
    at, always = Instant(0, 0, "b"), AlwaysOpen("Asia/Kolkata")
    assert ends_ms(None, at, always, exposed=False) is None
    assert ends_ms(None, at, always, exposed=True) == 60 * MINUTE_MS
    assert ends_ms(7, at, always, exposed=True) == 7


def test_an_alert_whose_acknowledgement_expired_is_told_again_and_reminded_of_anew(
    cast: Cast,
) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.see(120, r=GRAVE)
    here.take("r", 130, until_seconds=1000)
    assert here.see(1000, r=GRAVE) == {"r": ("firing", "repeat")}
    assert here.reason("r").startswith("acknowledgement of asha has expired; still firing")
    assert here.see(1119, r=GRAVE) == {}
    assert here.see(1120, r=GRAVE) == {"r": ("firing", "repeat")}


def test_an_acknowledgement_that_expires_in_a_silence_is_logged_and_not_told(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.take("r", 1, until_seconds=100)
    here.silence(2, 500, rule="r")
    here.see(2, r=GRAVE)
    assert here.see(100, r=GRAVE) == {"r": ("firing", "suppressed")}
    assert here.states["r"].ack is None


def test_an_acknowledgement_that_expires_while_the_alert_is_on_its_way_out_is_not_told(
    cast: Cast,
) -> None:
    here = cast(R | {"keep_firing_for_seconds": 600})
    here.see(0, r=GRAVE)
    here.take("r", 1, until_seconds=100)
    here.see(50)
    assert here.see(100) == {"r": ("firing", "unacknowledged")}


def test_an_acknowledgement_of_a_pending_alert_expires_without_a_word_to_anybody(
    cast: Cast,
) -> None:
    here = cast(R | {"for_seconds": 300})
    here.see(0, r=GRAVE)
    here.take("r", 1, until_seconds=100)
    assert here.see(100, r=GRAVE) == {"r": ("pending", "unacknowledged")}
    assert not here.changes["r"].tells


def test_an_acknowledgement_that_expires_as_something_else_happens_is_in_the_same_line(
    cast: Cast,
) -> None:
    here = cast(R)
    here.see(0, r=GRAVE)
    here.take("r", 1, until_seconds=100)
    assert here.see(100, r="unknown") == {"r": ("firing", "repeat")}
    assert here.reason("r") == (
        "acknowledgement of asha has expired; stays firing: unknown: a.b; still firing after 1m40s"
    )


def test_who_took_an_untold_alert_is_told_of_its_end(cast: Cast) -> None:
    here = cast(R)
    here.silence(0, 100, rule="r")
    here.see(1, r=GRAVE)
    here.take("r", 2)
    assert here.see(3) == {"r": ("resolved", "resolved")}


def test_what_becomes_graver_is_told_though_somebody_took_it(cast: Cast) -> None:
    here = cast(R)
    here.see(0, r="true")
    here.take("r", 1)
    assert here.see(2, r=GRAVE) == {"r": ("firing", "changed")}
