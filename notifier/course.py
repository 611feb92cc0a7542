"""Whom a line of the alert log is told to, or why not: pure, from the line, the routes, and what
was told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from evaluator.durations import in_words
from evaluator.incident import TELLS, Severity
from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_line import AlertLine
from monitoring.config import Channel
from monitoring.routing import NO_ROUTE, Route, why_not
from notifier.ledger import Known


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels are told, and why the others are not; `reason`: why nobody is."""

    channels: tuple[str, ...] = ()
    passed: dict[str, str] = {}
    reason: str = ""


def course_of(
    line: AlertLine,
    channels: Mapping[str, Channel],
    ways: Mapping[str, Route | None],
    told: Mapping[str, Known],
    now: Instant,
) -> Course | None:
    """Return who is told of a line; None when it is none that somebody might be told of.

    `ways` are the channels that the routes send it to.
    """
    if line.kind != "alert" or line.severity is None or line.status == "inactive":
        return None
    if line.notify in {"suppressed", "untold"}:
        return Course(reason=line.suppressed_by or line.reason)
    if line.notify not in TELLS:
        return None
    known = told.get(line.id)
    course = divide(line.severity, line.status == "resolved", channels, ways, known)
    if line.notify != "repeat" or known is None:
        return course
    return _without_early(course, ways, known, now)


def divide(
    severity: Severity,
    over: bool,
    channels: Mapping[str, Channel],
    ways: Mapping[str, Route | None],
    known: Known | None,
) -> Course:
    """Return which channels are told of an alert, given those that know that it fires.

    Its end goes to whoever was told of it. One that became less grave does too: who was told that
    it is CRITICAL would else go on believing it.
    """
    if not channels:
        return Course(reason="no channel is set")
    chosen, passed = [], {}
    for name, channel in channels.items():
        if known is not None and name in known.channels:
            chosen.append(name)
        elif over:
            passed[name] = "was not told that it fires"
        elif (why := why_not(name, channel, severity, ways)) is not None:
            passed[name] = why
        else:
            chosen.append(name)
    if chosen:
        return Course(channels=tuple(chosen), passed=passed)
    if over:
        return Course(reason="no channel was told that it fires")
    if len(ways) < len(channels):
        return Course(reason="every channel that a route leads to is told of CRITICAL alone")
    return Course(reason="every channel is told of CRITICAL alone")


def groups_of(
    severity: Severity, channels: Iterable[str], ways: Mapping[str, Route | None], *, quiet: bool
) -> dict[str, str]:
    """Return the groups in which an alert waits, by channel; what is CRITICAL waits in none.

    What no route matched waits for the end of quiet hours alone.
    """
    groups = {}
    for name in channels if severity != "CRITICAL" else ():
        route = ways.get(name)
        if route is not None:
            groups[name] = route.words
        elif quiet:
            groups[name] = NO_ROUTE
    return groups


def _without_early(
    course: Course, ways: Mapping[str, Route | None], known: Known, now: Instant
) -> Course:
    """Return who is told again: nobody before the `repeat_interval` of his route is over."""
    passed = dict(course.passed)
    for name in course.channels:
        route, last = ways.get(name), known.last.get(name)
        seconds = None if route is None else route.repeat_interval_seconds
        if seconds is not None and last is not None and elapsed_ms(last, now) < seconds * 1000:
            passed[name] = f"was told within repeat_interval, {in_words(seconds)}"
    chosen = tuple(name for name in course.channels if name not in passed)
    if chosen or not course.channels:
        return Course(channels=chosen, passed=passed, reason=course.reason)
    return Course(reason="; ".join(f"{name} {why}" for name, why in passed.items()))
