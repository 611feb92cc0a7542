"""The fields of the tables of `oncall.toml`: what each may hold, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import get_args
from zoneinfo import ZoneInfo

from evaluator.durations import parse_seconds
from evaluator.incident import Severity
from evaluator.names import nearest
from evaluator.toml_places import Path
from monitoring.oncall import WEEKDAYS, Every

Report = Callable[[Path, str, str | None], None]
"""Takes the place in the table, the reason, and what was probably meant."""
Check = Callable[[object, Path, Report], object]
"""Returns what the value becomes; None when it is wrong, which is reported."""

NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
NAME_WORDS = "must be 1 to 32 lower-case letters, digits or _"
LONGEST_SECONDS = 30 * 86_400
MOST_NAMES = 100
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


def check_fields(
    table: Mapping[str, object],
    fields: Mapping[str, Check],
    needed: tuple[str, ...],
    report: Report,
) -> dict[str, object]:
    """Return the sound fields of a table; reported are those that are wrong, unknown or lacking."""
    sound: dict[str, object] = {}
    for key, value in table.items():
        if key not in fields:
            report((key,), f"unknown field {key[:60]}", nearest(key, fields))
            continue
        parsed = fields[key](value, (key,), _naming(key, report))
        if parsed is not None:
            sound[key] = parsed
    for key in needed:
        if key not in table:
            report((), f"needs {key}", None)
    return sound


def _naming(key: str, report: Report) -> Report:
    def named(place: Path, reason: str, hint: str | None) -> None:
        report(place, f"{key} {reason}", hint)

    return named


def name(value: object, place: Path, report: Report) -> str | None:
    """Check a name of the operator's choice."""
    if isinstance(value, str) and NAME.fullmatch(value):
        return value
    report(place, NAME_WORDS, None)
    return None


def names(value: object, place: Path, report: Report) -> tuple[str, ...] | None:
    """Check one name, or a list of them; a faulty one stays as an empty text in its place."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list) or not value or len(value) > MOST_NAMES:
        report(place, 'must be a list of names: ["asha", "ravi"]', None)
        return None
    for index, one in enumerate(value):
        if not isinstance(one, str) or not one:
            report((*place, index), "must be a name in quotes", None)
    return tuple(one if isinstance(one, str) else "" for one in value)


def choice(allowed: tuple[str, ...]) -> Check:
    """Return the check of a word out of a few."""

    def check(value: object, place: Path, report: Report) -> str | None:
        if isinstance(value, str) and value in allowed:
            return value
        meant = None
        if isinstance(value, str):
            meant = nearest(value.upper(), allowed) or nearest(value.lower(), allowed)
        report(place, f"must be one of {', '.join(allowed)}", meant)
        return None

    return check


def weekday(value: object, place: Path, report: Report) -> int | None:
    """Check a weekday; 0 is Monday."""
    found = choice(WEEKDAYS)(value, place, report)
    return None if found is None else WEEKDAYS.index(str(found))


def clock(value: object, place: Path, report: Report) -> time | None:
    """Check a local time of day."""
    match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        report(place, 'must be a time of day in quotes: "09:00"', None)
        return None
    return time(int(match[1]), int(match[2]))


def timezone(value: object, place: Path, report: Report) -> str | None:
    """Check the name of a timezone."""
    try:
        if isinstance(value, str) and ZoneInfo(value):
            return value
    except (KeyError, ValueError, OSError):
        pass
    report(place, "is no timezone: give an IANA name such as Asia/Kolkata", None)
    return None


def day(value: object, place: Path, report: Report) -> date | None:
    """Check a date of TOML, or one in quotes."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, date) and not isinstance(value, datetime) and 1970 < value.year < 2200:
        return value
    report(place, "must be a date: 2026-11-02", None)
    return None


def moment(value: object, place: Path, report: Report) -> datetime | None:
    """Check a date with a time, of TOML or in quotes; without an offset it is a local one."""
    if isinstance(value, str) and not re.fullmatch(r"[0-9-]{0,10}", value):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime) and 1970 < value.year < 2200:
        return value
    report(place, "must be a date with a time: 2026-11-09T09:00:00", None)
    return None


def duration(value: object, place: Path, report: Report) -> int | None:
    """Check a duration above zero; in seconds."""
    seconds = parse_seconds(value) if isinstance(value, str) else None
    if seconds is None or not 0 < seconds <= LONGEST_SECONDS:
        report(place, 'must be a duration such as "30s", "2m" or "1h30m", at most 30d', None)
        return None
    return seconds


def flag(value: object, place: Path, report: Report) -> bool | None:
    """Check a yes or no."""
    if isinstance(value, bool):
        return value
    report(place, "must be true or false, without quotes", None)
    return None


def tables(value: object, place: Path, report: Report) -> list[object] | None:
    """Check tables in double brackets."""
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return value
    report(place, f"is written as [[policy.{place[-1]}]], in double brackets", None)
    return None


PERSON: dict[str, Check] = {"channels": names}
ROTATION: dict[str, Check] = {
    "name": name,
    "people": names,
    "every": choice(get_args(Every)),
    "at": clock,
    "weekday": weekday,
    "timezone": timezone,
    "start": day,
}
OVERRIDE: dict[str, Check] = {"rotation": name, "person": name, "from": moment, "to": moment}
POLICY: dict[str, Check] = {
    "severity": choice(get_args(Severity)),
    "rule": names,
    "exposed": flag,
    "step": tables,
}
STEP: dict[str, Check] = {"whom": names, "after": duration, "repeat": duration}
