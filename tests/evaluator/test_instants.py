"""How long it was between two moments."""

from __future__ import annotations

from evaluator.instant import Instant, elapsed_ms, session_elapsed_ms
from evaluator.windows import sample
from monitoring.calendar import AlwaysOpen


def test_within_a_boot_the_wall_clock_does_not_count() -> None:
    assert elapsed_ms(Instant(0, 0, "a"), Instant(-5_000, 2_500_000_000, "a")) == 2500
    assert elapsed_ms(Instant(0, 9, "a"), Instant(5_000, 3, "a")) == 0


def test_over_a_reboot_only_the_wall_clock_is_left_and_never_goes_back() -> None:
    assert elapsed_ms(Instant(1_000, 10**12, "a"), Instant(4_000, 0, "b")) == 3000
    assert elapsed_ms(Instant(4_000, 0, "a"), Instant(1_000, 10**12, "b")) == 0


def test_open_time_is_counted_back_from_the_end() -> None:
    sessions = AlwaysOpen("Asia/Kolkata")
    start, end = Instant(0, 0, "a"), Instant(90_000_000, 7_000_000_000, "a")
    assert session_elapsed_ms(start, end, "session", sessions) == 7000


def test_a_text_has_no_statistics() -> None:
    assert sample("NSE", None) is None
