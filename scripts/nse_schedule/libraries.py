"""What the libraries know of NSE; slow, heavy, and in no process."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version

import exchange_calendars
import holidays
import pandas_market_calendars

from monitoring.schedule import Hours
from scripts.nse_schedule.known import Known

LIBRARIES = ("pandas_market_calendars", "holidays", "exchange_calendars")


def ask(begins: str, horizon: str) -> Known:
    """Return what the libraries say of the dates from `begins` to `horizon`."""
    calendar = pandas_market_calendars.get_calendar("XNSE")
    zone = "Asia/Kolkata"
    schedule = calendar.schedule(begins, horizon, tz=zone)
    sessions = {
        day.date().isoformat(): Hours(opens=f"{opens:%H:%M}", closes=f"{closes:%H:%M}")
        for day, opens, closes in schedule[["market_open", "market_close"]].itertuples()
    }
    years = range(date.fromisoformat(begins).year, date.fromisoformat(horizon).year + 1)
    named = holidays.financial_holidays("XNSE", years=years)
    bombay = exchange_calendars.get_calendar("XBOM", start=begins, end=horizon)
    return Known(
        timezone=zone,
        sessions=sessions,
        names={
            day.isoformat(): name
            for day, name in sorted(named.items())
            if begins <= day.isoformat() <= horizon
        },
        others=frozenset(day.date().isoformat() for day in bombay.sessions),
        versions={name: version(name) for name in LIBRARIES},
    )
