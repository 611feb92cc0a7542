"""What an alert is: the record that the lifecycle steps and the alert log stores."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

from evaluator.instant import Instant, WallMs, Whole64

Severity = Literal["CRITICAL", "WARNING"]
Status = Literal["pending", "firing", "resolved", "inactive"]
Scalar = float | bool | str
"""A fact's value: number, flag or text."""


class Ack(msgspec.Struct, frozen=True):
    """Somebody took the alert: who, when (POSIX ms), why, and until when (None: to its end)."""

    by: str
    at_ms: WallMs
    reason: str | None = None
    until_ms: WallMs | None = None


class Countdown(msgspec.Struct, frozen=True):
    """A duration that can stand still: `banked_ms` so far, running since `since` (None: paused)."""

    banked_ms: Whole64 = 0
    since: Instant | None = None


class Told(msgspec.Struct, frozen=True):
    """Somebody was told that the incident fires: when the last time, and at which severity.

    `count` is how often since it was new, changed severity or lost its acknowledgement: every one
    after the first is a reminder.
    """

    at: Instant
    severity: Severity
    count: Whole64 = 1


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One alert from pending to its end. `id` is a UUIDv7 made from rule and `active_at`.

    `held` counts towards `for` while pending; `clear` towards `keep_firing_for` while firing
    (None: the condition is not clear). `onset_ms`: how long it had been so at `active_at`.
    `blind`: its message says only that it can't be judged. `told` None: nobody knows that it fires.
    `suppressed_by` says in words why nobody is to be told. `refired` are the instants of the last
    hour at which the rule fired soon after it was over, `flapping` that they are too many.
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
    told: Told | None = None
    suppressed_by: str | None = None
    error: str | None = None
    blind: bool = False
    refired: tuple[Instant, ...] = ()
    flapping: bool = False


States = dict[str, Incident]
"""Open incidents by rule: only pending and firing ones."""


Notify = Literal[
    "new",
    "changed",
    "repeat",
    "resolved",
    "new_day",
    "rule_removed",
    "suppressed",
    "unsuppressed",
    "untold",
    "pending",
    "inactive",
    "clearing",
    "held",
    "no_data",
    "data_back",
    "error",
    "explains",
    "acknowledged",
    "unacknowledged",
]
"""Why somebody is told, or why not. The first six are told; `suppressed` has its reason in
`suppressed_by`, `untold` is the end of what nobody was told of, `explains` is news of a root
alert's consequences, and the rest are steps that concern nobody.
"""

TELLS: frozenset[str] = frozenset(get_args(Notify)[:6])


class Transition(msgspec.Struct, frozen=True):
    """One change worth a line in the log: the incident *after* it, and why somebody is told of it
    or not (`Notify`).
    """

    incident: Incident
    at: Instant
    notify: str

    @property
    def tells(self) -> bool:
        """Tell whether somebody is to be told of it."""
        return self.notify in TELLS and self.incident.status != "inactive"
