"""The fields of a `[[rule]]` table: what each may hold, and what it becomes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import get_args

from evaluator.durations import parse_seconds
from evaluator.incident import Severity
from evaluator.names import nearest
from evaluator.program import Place
from evaluator.rules import Clock, NoData

Report = Callable[[Place, str, str | None], None]
"""Takes the place in the table, the reason, and what was probably meant."""
Check = Callable[[object, Place, Report], object]
"""Returns what the value becomes; None when it is wrong, which is reported."""

LONGEST_WINDOW_SECONDS = 86_400
LONGEST_TEXT = 4_000
"""Characters: each alert carries its message, and a condition is compiled on one turn's time."""
MOST_TEXTS = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
_SEVERITIES: tuple[str, ...] = get_args(Severity)


def check_table(table: Mapping[str, object], report: Report) -> dict[str, object]:
    """Return the sound fields of a `[[rule]]` table under the names that `Rule` has for them."""
    sound: dict[str, object] = {}
    for key, value in table.items():
        if key not in FIELDS:
            report((key,), f"unknown field {key}", nearest(key, FIELDS))
            continue
        attribute, check = FIELDS[key]
        parsed = check(value, (key,), _naming(key, report))
        if parsed is not None:
            sound[attribute] = parsed
    return sound


def _naming(key: str, report: Report) -> Report:
    """Return a report that names the field: who reads a fault has not the file at hand."""

    def named(place: Place, reason: str, hint: str | None) -> None:
        report(place, f"{key} {reason}", hint)

    return named


def _name(value: object, place: Place, report: Report) -> str | None:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    report(place, "must be lower-case letters, digits and underscores", None)
    return None


def _text(value: object, place: Place, report: Report) -> str | None:
    if not isinstance(value, str) or not value.strip():
        report(place, "must be a text that is not empty", None)
        return None
    if len(value) > LONGEST_TEXT:
        report(place, f"must be at most {LONGEST_TEXT:,} characters", None)
        return None
    return value


def _flag(value: object, place: Place, report: Report) -> bool | None:
    if isinstance(value, bool):
        return value
    report(place, "must be true or false, without quotes", None)
    return None


def _texts(value: object, place: Place, report: Report) -> tuple[str, ...] | None:
    if not isinstance(value, list):
        report(place, 'must be a list of texts: ["…"]', None)
        return None
    if len(value) > MOST_TEXTS:
        report(place, f"must be at most {MOST_TEXTS} texts", None)
        return None
    # A faulty one stays as an empty text, so that the others keep their places.
    return tuple(_text(one, (*place, index), report) or "" for index, one in enumerate(value))


def _conditions(value: object, place: Place, report: Report) -> tuple[str, ...] | None:
    if value == []:
        report(place, "needs at least one condition", None)
        return None
    return _texts(value, place, report)


def _duration(value: object, place: Place, report: Report) -> int | None:
    seconds = parse_seconds(value) if isinstance(value, str) else None
    if seconds is None:
        report(place, 'must be a duration such as "30s", "1m" or "1h30m"', None)
    return seconds


def _moments(value: object, place: Place, report: Report) -> tuple[int, ...] | None:
    texts = _texts(value, place, report)
    if texts is None:
        return None
    moments: list[int] = []
    for index, text in enumerate(texts):
        seconds = _duration(text, (*place, index), report) if text else None
        if seconds is None:
            continue
        if seconds <= max(moments, default=0):
            report((*place, index), "must be later than the one before it", None)
        moments.append(seconds)
    return tuple(moments)


def _window(value: object, place: Place, report: Report) -> int | None:
    seconds = _duration(value, place, report)
    if seconds is None or 0 < seconds <= LONGEST_WINDOW_SECONDS:
        return seconds
    report(place, "must be longer than 0s and at most 1d", None)
    return None


def _severity(value: object, place: Place, report: Report) -> object:
    if not isinstance(value, dict):
        return _choice(_SEVERITIES)(value, place, report)
    if not value:
        report(place, "needs at least one severity with its condition", None)
    rows = []
    for severity, condition in value.items():
        known = _choice(_SEVERITIES)(severity, (*place, severity), report)
        text = _text(condition, (*place, severity), report)
        if known is not None and text is not None:
            rows.append((known, text))
    return tuple(rows) or None


def _choice(allowed: tuple[str, ...]) -> Check:
    def check(value: object, place: Place, report: Report) -> str | None:
        if isinstance(value, str) and value in allowed:
            return value
        meant = None
        if isinstance(value, str):
            meant = nearest(value, allowed) or nearest(value.upper(), allowed)
        report(place, f"must be one of {', '.join(allowed)}", meant)
        return None

    return check


FIELDS: dict[str, tuple[str, Check]] = {
    "name": ("name", _name),
    "severity": ("severity", _severity),
    "when": ("when", _conditions),
    "unless": ("unless", _texts),
    "clear_when": ("clear_when", _conditions),
    "for": ("for_seconds", _duration),
    "keep_firing_for": ("keep_firing_for_seconds", _duration),
    "window": ("window_seconds", _window),
    "clock": ("clock", _choice(get_args(Clock))),
    "no_data": ("no_data", _choice(get_args(NoData))),
    "seen": ("seen", _flag),
    "day": ("day", _flag),
    "message": ("message", _text),
    "resolved_message": ("resolved_message", _text),
    "onset": ("onset", _text),
    "context": ("context", _texts),
    "inhibited_by": ("inhibited_by", _texts),
    "suspect_when": ("suspect_when", _conditions),
    "remind": ("remind_seconds", _moments),
    "enabled": ("enabled", _flag),
}
"""Key in the file → attribute of `Rule`, and its check."""
