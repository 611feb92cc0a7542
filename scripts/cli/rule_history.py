"""The last alerts of one rule, from the alert log: when, how long, and how they ended."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from evaluator.incident import Incident
from evaluator.instant import elapsed_ms
from monitoring.alert_fold import log_files, scan
from monitoring.alert_line import incident_of

SHOWN = 5
FILES = 100
"""No older files of the log are looked at."""


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is over. `fired` False: its condition cleared before `for` was over."""

    id: str
    began_ms: int
    lasted_seconds: float
    fired: bool
    how: Literal["resolved", "inactive"]
    reason: str
    severity: str


def last_incidents(folder: Path, rule: str) -> list[Past]:
    """Return the last alerts of a rule that are over, newest first. Raises OSError."""
    found: dict[str, Incident] = {}
    for path in reversed(log_files(folder)[-FILES:]):
        data = path.read_bytes()
        if rule.encode() not in data:
            continue
        for line in reversed(scan(data).lines):
            incident = incident_of(line) if line.rule == rule and line.kind == "alert" else None
            if incident is not None and incident.status in ("resolved", "inactive"):
                found.setdefault(incident.id, incident)
        if len(found) >= SHOWN:
            break
    ordered = sorted(found.values(), key=lambda one: one.active_at.wall_ms, reverse=True)
    return [_past(one) for one in ordered[:SHOWN]]


def _past(incident: Incident) -> Past:
    began = incident.fired_at or incident.active_at
    ended = incident.resolved_at or began
    return Past(
        id=incident.id,
        began_ms=began.wall_ms,
        lasted_seconds=elapsed_ms(began, ended) / 1000,
        fired=incident.fired_at is not None,
        how="inactive" if incident.status == "inactive" else "resolved",
        reason=incident.reason or incident.message,
        severity=incident.severity,
    )
