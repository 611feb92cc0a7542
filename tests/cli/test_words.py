from __future__ import annotations

import math
from datetime import UTC
from zoneinfo import ZoneInfo

import pytest

from evaluator.message import size
from monitoring.money import rupees, rupees_short
from scripts.cli import words
from scripts.cli.amount import amount
from scripts.cli.moments import duration_ms, moment_ms

IST = ZoneInfo("Asia/Kolkata")
NOW_MS = 1_760_245_927_000  # 2025-10-12 10:42:07 IST


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0s"), (0.41, "0.4s"), (9.94, "9.9s"), (9.96, "10s"), (59.4, "59s"),
        (59.6, "1m"), (252, "4m12s"), (3600, "1h"), (5220, "1h27m"), (86_400, "1d"),
        (276_000, "3d4h"), (-3.0, "0.0s"), (None, "?"), (math.nan, "?"), (math.inf, "?"),
    ],
)  # fmt: skip
def test_an_age_has_two_units_at_most(seconds: float | None, said: str) -> None:
    assert words.age(seconds) == said


@pytest.mark.parametrize(
    ("value", "whole", "short"),
    [
        (0.0, "₹0", "₹0"), (-0.3, "₹0", "₹0"), (-18_400.0, "−₹18,400", "−₹18,400"),
        (99_999.0, "₹99,999", "₹99,999"), (99_999.7, "₹1,00,000", "₹1L"),
        (1_460_000.0, "₹14,60,000", "₹14.6L"), (9_999_999.0, "₹99,99,999", "₹1Cr"),
        (-123_456_789.0, "−₹12,34,56,789", "−₹12.3Cr"), (5e10, "₹50,00,00,00,000", "₹5,000Cr"),
    ],
)  # fmt: skip
def test_rupees_are_grouped_the_indian_way(value: float, whole: str, short: str) -> None:
    assert rupees(value) == whole
    assert rupees_short(value) == short


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0"), (-0.65, "−0.65"), (4.2, "4.2"), (150_000.0, "1,50,000"), (math.nan, "?"),
     (1.2e-7, "1.2e−07"), (3.0, "3"), (2e15, "2e+15")],
)  # fmt: skip
def test_any_figure_is_short(value: float, said: str) -> None:
    assert words.figure(value) == said


def test_zero_never_has_a_minus_sign() -> None:
    assert words.percent(-0.001) == "0.00%"


@pytest.mark.parametrize(
    ("value", "said"), [(41.2e9, "41 GB"), (1.5e9, "1.5 GB"), (2e12, "2.0 TB"), (12.0, "12 B")]
)
def test_bytes_have_the_unit_of_the_limits(value: float, said: str) -> None:
    assert size(value) == said


def test_a_sparkline_runs_from_low_to_high_and_leaves_gaps_blank() -> None:
    assert words.sparkline([0, 1, None, 7], 4) == "▁▂ █"
    assert words.sparkline([5, 5, 5], 3) == "▄▄▄"
    assert words.sparkline([], 5) == ""
    assert words.sparkline([None, math.nan], 5) == ""


def test_a_long_series_is_averaged_into_the_columns_there_are() -> None:
    assert words.sparkline(list(range(1000)), 8) == "▁▂▃▄▅▆▇█"


def test_a_moment_of_another_day_is_shown_with_its_date() -> None:
    assert words.since(NOW_MS - 7_927_000, NOW_MS, IST) == "08:30"
    assert words.since(NOW_MS - 86_400_000, NOW_MS, IST) == "11 Oct 10:42"


def test_a_timezone_that_this_machine_lacks_falls_back_to_utc() -> None:
    assert words.local(NOW_MS, words.zone("Mars/Olympus")).utcoffset() == UTC.utcoffset(None)
    assert words.parsed("yesterday") is None
    assert words.parsed("2025-10-12T10:42:07") is None


@pytest.mark.parametrize(
    ("text", "rupees"),
    [("20L", 2e6), ("1.5Cr", 1.5e7), ("20,00,000", 2e6), ("₹ 500000", 5e5), ("2_000_000", 2e6),
     ("10k", 1e4), ("0", None), ("-5", None), ("much", None), ("1e99", None), ("", None)],
)  # fmt: skip
def test_an_amount_is_read_as_it_is_spoken(text: str, rupees: float | None) -> None:
    assert amount(text) == rupees


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("1d12h", 129_600), ("1.5h", 5400), ("1w", 604_800),
     ("0s", None), ("h", None), ("5 parsecs", None), ("", None), ("-5m", None)],
)  # fmt: skip
def test_a_duration_is_read_in_units(text: str, seconds: int | None) -> None:
    assert duration_ms(text) == (None if seconds is None else seconds * 1000)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("now", "2025-10-12T10:42:07+05:30"),
        ("2h", "2025-10-12T08:42:07+05:30"),
        ("09:15", "2025-10-12T09:15:00+05:30"),
        ("9:15:30", "2025-10-12T09:15:30+05:30"),
        ("today", "2025-10-12T00:00:00+05:30"),
        ("yesterday", "2025-10-11T00:00:00+05:30"),
        ("2025-10-01", "2025-10-01T00:00:00+05:30"),
        ("2025-10-01T09:15:00Z", "2025-10-01T14:45:00+05:30"),
        ("soon", None),
        ("25:00", None),
    ],
)
def test_a_moment_is_so_long_ago_or_a_time_of_the_trading_day(text: str, iso: str | None) -> None:
    found = moment_ms(text, NOW_MS, IST)
    assert (None if found is None else words.local(found, IST).isoformat()) == iso
