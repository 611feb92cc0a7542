"""What an alert is: the record that the lifecycle steps and the alert log stores."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.instant import Instant

Severity = Literal["CRITICAL", "WARNING"]
Status = Literal["pending", "firing", "resolved", "inactive"]
Scalar = float | bool | str
"""A fact's value: number, flag or text."""


class Ack(msgspec.Struct, frozen=True):
    """Somebody took the alert: who, when (POSIX ms), why, and until when (None: to its end)."""

    by: str
    at_ms: int
    reason: str | None = None
    until_ms: int | None = None


class Countdown(msgspec.Struct, frozen=True):
    """A duration that can stand still: `banked_ms` so far, running since `since` (None: paused)."""

    banked_ms: int = 0
    since: Instant | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One alert from pending to its end. `id` is a UUIDv7 made from rule and `active_at`.

    `held` counts towards `for` while pending; `clear` towards `keep_firing_for` while firing
    (None: the condition is not clear). `onset_ms`: how long it had been so at `active_at`.
    `blind`: its message says only that it can't be judged.
    """

    id: str
    rule: str
    status: Status
    severity: Severity
    message: str
    reason: str
    context: dict[str, Scalar | None]
    day: str
    active_at: Instant
    onset_ms: int = 0
    fired_at: Instant | None = None
    resolved_at: Instant | None = None
    held: Countdown = Countdown()
    clear: Countdown | None = None
    ack: Ack | None = None
    suppressed_by: str | None = None
    error: str | None = None
    blind: bool = False


States = dict[str, Incident]
"""Open incidents by rule: only pending and firing ones."""


class Transition(msgspec.Struct, frozen=True):
    """One change worth a line in the log: the incident *after* it, and whether to tell somebody.

    `notify` is the reason: new, changed, resolved, new_day, no_data, error, rule_removed, or a
    reason not to tell (pending, inactive, clearing, held, data_back, acknowledged,
    unacknowledged, suppressed).
    """

    incident: Incident
    at: Instant
    notify: str
