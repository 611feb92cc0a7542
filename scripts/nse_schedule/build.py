"""From what libraries know and what was corrected to one schedule, and every difference."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import msgspec

from monitoring.schedule import Holiday, Hours, Regular, Schedule, Segment, Special
from scripts.nse_schedule.corrections import Corrections
from scripts.nse_schedule.known import Known

SEGMENTS = {
    "CM": "equity cash",
    "CM-CAS": "equity cash, stocks with a closing auction",
    "FO": "equity derivatives",
}
LIBRARY = "libraries"


class Difference(msgspec.Struct, frozen=True):
    """One date on which sources differ, in what, and how it was settled (None: it wasn't)."""

    date: str
    what: str
    settled: str | None


def build(known: Known, corrections: Corrections) -> Schedule:
    """Return the schedule: holidays of the libraries, and every correction over them."""
    usual = _usual(known)
    corrected = {one.date: one for one in corrections.holiday}
    specials = {one.date for one in corrections.special}
    holidays = [
        corrected.get(day)
        or Holiday(
            date=day,
            name=known.names.get(day, ""),
            source="holidays" if day in known.sessions else LIBRARY,
        )
        for day in _weekdays(corrections)
        if day not in known.sessions or day in corrected or day in known.names
    ]
    listed = {one.date for one in holidays}
    weekend = [
        Holiday(date=day, name=name, source="holidays")
        for day, name in known.names.items()
        if day in specials and day not in listed
    ]
    return Schedule(
        exchange="XNSE",
        timezone=known.timezone,
        begins=corrections.begins,
        horizon=corrections.horizon,
        segments={
            key: Segment(name=name, regular=_regular(key, usual, corrections))
            for key, name in SEGMENTS.items()
        },
        holidays=tuple(sorted([*holidays, *weekend], key=_date)),
        specials=tuple(sorted(corrections.special, key=_date)),
        sources={
            LIBRARY: "pandas_market_calendars (XNSE) and holidays (XNSE) agree",
            "holidays": "holidays (XNSE) lists the day; a special session is held on it",
            "regular": "regular hours of pandas_market_calendars (XNSE)",
        }
        | corrections.sources,
    )


def differences(known: Known, corrections: Corrections) -> list[Difference]:
    """Return, by date, whatever the libraries and the corrections don't all say alike."""
    usual = _usual(known)
    holidays = {one.date: one for one in corrections.holiday}
    specials = {one.date: one for one in corrections.special}

    def settled(day: str) -> str | None:
        entry = specials.get(day) or holidays.get(day)
        return None if entry is None else f"{_said(entry)} ({entry.certainty})"

    found = []
    for day in _weekdays(corrections):
        hours, name = known.sessions.get(day), known.names.get(day)
        if hours is None and name is None:
            found.append(Difference(day, "a holiday that `holidays` lacks", settled(day)))
        if hours is not None and name is not None:
            what = f"{name} in `holidays`, a session {_span(hours)} in pandas_market_calendars"
            found.append(Difference(day, what, settled(day)))
        elif hours is not None and hours != usual:
            what = f"unusual hours {_span(hours)} in pandas_market_calendars"
            found.append(Difference(day, what, settled(day)))
        if (hours is not None) != (day in known.others):
            what = "closed in exchange_calendars (XBOM)" if hours else "open in exchange_calendars"
            found.append(Difference(day, what, settled(day)))
    for day, special in specials.items():
        hours = known.sessions.get(day)
        if hours is None:
            found.append(Difference(day, "a session that no library has", settled(day)))
        elif special.hours != (hours,):
            what = f"other hours than pandas_market_calendars' {_span(hours)}"
            found.append(Difference(day, what, settled(day)))
    for change in corrections.regular:
        hours_ = ", ".join(_span(one) for one in change.hours)
        found.append(
            Difference(
                change.since,
                f"{change.segment}: new regular hours that no library has",
                f"{hours_} ({change.certainty})",
            )
        )
    return sorted(found, key=lambda one: (one.date, one.what))


def _usual(known: Known) -> Hours:
    return Counter(known.sessions.values()).most_common(1)[0][0]


def _regular(segment: str, usual: Hours, corrections: Corrections) -> tuple[Regular, ...]:
    first = Regular(since=corrections.begins, hours=(usual,), source="regular")
    changes = [
        Regular(
            since=one.since,
            hours=one.hours,
            certainty=one.certainty,
            provisional=one.provisional,
            source=one.source,
            note=one.note,
        )
        for one in corrections.regular
        if one.segment == segment
    ]
    return (first, *sorted(changes, key=lambda rule: rule.since))


def _weekdays(corrections: Corrections) -> Iterator[str]:
    day = date.fromisoformat(corrections.begins)
    while day.isoformat() <= corrections.horizon:
        if day.weekday() < 5:
            yield day.isoformat()
        day += timedelta(days=1)


def _said(entry: Holiday | Special) -> str:
    if isinstance(entry, Holiday):
        return f"closed: {entry.name}"
    return f"{entry.name}: {', '.join(_span(one) for one in entry.hours)}"


def _span(hours: Hours) -> str:
    return f"{hours.opens}-{hours.closes}"


def _date(entry: Holiday | Special) -> str:
    return entry.date
