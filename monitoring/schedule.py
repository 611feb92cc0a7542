"""An exchange's schedule as data: regular hours, holidays and special sessions, by segment.

The files in `monitoring/schedules/` are made by `python -m scripts.nse_schedule`, reviewed and
checked in. Reading one needs msgspec alone.
"""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

FOLDER = Path(__file__).parent / "schedules"
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")

Certainty = Literal["confirmed", "likely", "assumed"]
"""`confirmed`: sources agree; `likely`: they disagree or only one says so; `assumed`: none does,
it is what was usual. Only what is not confirmed may be provisional.
"""


class Hours(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One open interval of a day, [opens, closes) as HH:MM; `phase` names what it is for."""

    opens: str
    closes: str
    phase: str = ""


class Regular(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The hours of a weekday from a date (ISO) on, until the next such rule."""

    since: str
    hours: tuple[Hours, ...]
    certainty: Certainty = "confirmed"
    provisional: bool = False
    source: str
    note: str = ""


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the exchange and its regular hours, oldest rule first."""

    name: str
    regular: tuple[Regular, ...]


class Holiday(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A date without a regular session, in every segment."""

    date: str
    name: str
    certainty: Certainty = "confirmed"
    provisional: bool = False
    source: str
    note: str = ""


class Special(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The sessions of one date instead of whatever its weekday or holiday would give."""

    date: str
    name: str
    segments: tuple[str, ...]
    hours: tuple[Hours, ...]
    certainty: Certainty = "confirmed"
    provisional: bool = False
    source: str
    note: str = ""


class Schedule(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an exchange from `begins` to `horizon` (ISO dates, both included).

    `sources` says by key where an entry is from.
    """

    exchange: str
    timezone: str
    begins: str
    horizon: str
    segments: dict[str, Segment]
    holidays: tuple[Holiday, ...]
    specials: tuple[Special, ...]
    sources: dict[str, str]


class ScheduleFault(Exception):
    """A schedule file can't be used; the message says why."""


@cache
def load_schedule(exchange: str) -> Schedule:
    """Return the checked-in schedule of an exchange. Raises ScheduleFault."""
    path = FOLDER / f"{exchange.lower()}.json"
    try:
        schedule = msgspec.json.decode(path.read_bytes(), type=Schedule)
    except FileNotFoundError:
        raise ScheduleFault(f"there is no schedule of {exchange}: {path} is missing") from None
    except (OSError, msgspec.MsgspecError) as error:
        raise ScheduleFault(f"{path} can't be read: {error}") from error
    faults = check(schedule)
    if faults:
        raise ScheduleFault(f"{path}: {'; '.join(faults)}")
    return schedule


def check(schedule: Schedule) -> list[str]:
    """Return everything that contradicts itself in a schedule."""
    faults = _period_faults(schedule)
    for name, segment in schedule.segments.items():
        dates = [rule.since for rule in segment.regular]
        if not dates or dates[0] > schedule.begins or dates != sorted(set(dates)):
            faults.append(f"{name}: regular hours must begin by {schedule.begins} and be in order")
        for rule in segment.regular:
            faults += _hours_faults(f"{name} since {rule.since}", rule.hours)
    for special in schedule.specials:
        faults += _hours_faults(f"{special.date} {special.name}", special.hours)
        unknown = set(special.segments) - set(schedule.segments)
        faults += [f"{special.date}: unknown segment {one}" for one in sorted(unknown)]
    taken = [f"{one.date} {segment}" for one in schedule.specials for segment in one.segments]
    faults += [f"{one}: two specials" for one in _twice(taken)]
    faults += [f"{one}: two holidays" for one in _twice([h.date for h in schedule.holidays])]
    entries: list[Holiday | Special | Regular] = [
        *schedule.holidays,
        *schedule.specials,
        *(rule for segment in schedule.segments.values() for rule in segment.regular),
    ]
    for entry in entries:
        where = entry.since if isinstance(entry, Regular) else entry.date
        if not all(key in schedule.sources for key in entry.source.split(", ")):
            faults.append(f"{where}: unknown source {entry.source}")
        if entry.provisional and entry.certainty == "confirmed":
            faults.append(f"{where}: confirmed, and yet provisional")
    return faults


def _period_faults(schedule: Schedule) -> list[str]:
    faults = []
    for kind, dates in (
        ("holidays", [one.date for one in schedule.holidays]),
        ("specials", [one.date for one in schedule.specials]),
    ):
        for day in dates:
            if not schedule.begins <= day <= schedule.horizon:
                faults.append(f"{day} is not between {schedule.begins} and {schedule.horizon}")
            try:
                date.fromisoformat(day)
            except ValueError:
                faults.append(f"{day} is no date")
        if dates != sorted(dates):
            faults.append(f"the {kind} are not in order")
    return faults


def _hours_faults(where: str, hours: tuple[Hours, ...]) -> list[str]:
    texts = [text for one in hours for text in (one.opens, one.closes)]
    if not texts or not all(_CLOCK.fullmatch(text) for text in texts):
        return [f"{where}: hours must be HH:MM"]
    if texts != sorted(texts) or any(one.opens == one.closes for one in hours):
        return [f"{where}: hours must follow each other"]
    return []


def _twice(found: list[str]) -> list[str]:
    return sorted({one for one in found if found.count(one) > 1})
