from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from collectors.breeze_hours import probing_hours
from monitoring.calendar import AlwaysOpen, calendar_of
from monitoring.config import Config


@pytest.mark.parametrize(
    ("moment", "asks"),
    [
        ("2025-10-20T07:59:59", False),
        ("2025-10-20T08:00:00", True),
        ("2025-10-20T12:00:00", True),
        ("2025-10-20T15:29:59", True),
        ("2025-10-20T15:30:00", False),
        ("2025-10-21T12:30:00", True),  # 75 minutes before Muhurat
        ("2025-10-21T12:29:59", False),
        ("2025-10-22T10:00:00", False),  # a holiday
        ("2025-10-25T10:00:00", False),  # a Saturday
        ("2026-02-01T08:00:00", True),  # a Sunday with a session
    ],
)
def test_breeze_is_asked_from_eight_to_the_close_of_trading_days(moment: str, asks: bool) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    may_probe = probing_hours(calendar_of(Config()))
    assert may_probe(round(at.timestamp() * 1000)) is asks


def test_a_market_that_never_closes_is_always_asked() -> None:
    assert probing_hours(AlwaysOpen("UTC"))(0)
