"""Whom a line of the alert log is told to, or why not: pure, from the line and what was told."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.incident import TELLS, Severity
from monitoring.alert_line import AlertLine
from monitoring.config import Channel
from notifier.records import Known


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """Which channels are told, and why the others are not; `reason`: why nobody is."""

    channels: tuple[str, ...] = ()
    passed: dict[str, str] = {}
    reason: str = ""


def course_of(
    line: AlertLine, channels: Mapping[str, Channel], told: Mapping[str, Known]
) -> Course | None:
    """Return who is told of a line; None when it is none that somebody might be told of."""
    if line.kind != "alert" or line.severity is None or line.status == "inactive":
        return None
    if line.notify in {"suppressed", "untold"}:
        return Course(reason=line.suppressed_by or line.reason)
    if line.notify not in TELLS:
        return None
    known = told.get(line.id)
    return divide(line.severity, line.status == "resolved", channels, known)


def divide(
    severity: Severity, over: bool, channels: Mapping[str, Channel], known: Known | None
) -> Course:
    """Return which channels are told of an alert, given those that know that it fires.

    Its end goes to whoever was told of it. One that became less grave does too: who was told that
    it is CRITICAL would else go on believing it.
    """
    if not channels:
        return Course(reason="no channel is set")
    chosen, passed = [], {}
    for name, channel in channels.items():
        knows = known is not None and name in known.channels
        if knows or (not over and (severity == "CRITICAL" or channel.severity == "WARNING")):
            chosen.append(name)
        elif over:
            passed[name] = "was not told that it fires"
        else:
            passed[name] = "is told of CRITICAL alone"
    if chosen:
        return Course(channels=tuple(chosen), passed=passed)
    if over:
        return Course(reason="no channel was told that it fires")
    return Course(reason="every channel is told of CRITICAL alone")
