"""One line of the alert log: an incident after a transition, and where in the log it stands."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from evaluator.incident import Ack, Countdown, Incident, Scalar, Severity, Status, Told
from evaluator.instant import Instant, Whole64
from evaluator.silence import Silence
from monitoring.market_override import MarketOverride

Kind = Literal[
    "alert",
    "carry",
    "carry_end",
    "silence",
    "rule_error",
    "reload",
    "request",
    "healed",
    "market",
]
"""`carry_end` closes a block of carry lines, `healed` says that the bytes before it were torn."""

SilenceStatus = Literal["active", "expired", "ended"]
"""`ended`: by somebody, before its time."""

Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""Past it is no line of ours, and nothing could be appended after it."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """The exact instants and countdowns of an incident."""

    day: str
    active_at: Instant
    fired_at: Instant | None = None
    resolved_at: Instant | None = None
    held: Countdown = Countdown()
    clear: Countdown | None = None
    ack: Ack | None = None
    error: str | None = None
    onset_ms: Whole64 = 0
    blind: bool = False
    told: Told | msgspec.UnsetType | None = msgspec.UNSET
    refired: tuple[Instant, ...] = ()
    flapping: bool = False


class AlertLine(msgspec.Struct, kw_only=True, omit_defaults=False):
    """A line of `logs/alerts/<date>.jsonl`. Times are ISO 8601 with offset.

    `clock` holds what a restart needs to go on to the millisecond; humans read the rest.
    `market` is an override of the sessions, of a `market` line or one that carries it.
    `request` is the id of the operator's request that caused the line, if one did. `silence` is
    what a line of kind silence, or the carry line of one, is about.
    """

    id: str
    seq: Seq
    kind: Kind
    timestamp: str
    engine: str
    severity: Severity | None
    rule: str
    status: Status | SilenceStatus | None
    reason: str
    message: str
    context: dict[str, Scalar | None]
    acknowledged: bool
    suppressed_by: str | None
    active_at: str | None
    fired_at: str | None
    resolved_at: str | None
    snapshot: Whole64
    boot_id: str
    boottime_ns: Whole64
    notify: str | None = None
    clock: Clock | None = None
    request: str | None = None
    market: MarketOverride | None = None
    silence: Silence | None = None


def incident_of(line: AlertLine) -> Incident | None:
    """Return the incident that an `alert` or `carry` line holds, None for other lines."""
    if line.clock is None or line.severity is None:
        return None
    match line.status:
        case "pending" | "firing" | "resolved" | "inactive" as status:
            pass
        case _:
            return None
    return Incident(
        id=line.id,
        rule=line.rule,
        status=status,
        severity=line.severity,
        message=line.message,
        reason=line.reason,
        context=line.context,
        day=line.clock.day,
        active_at=line.clock.active_at,
        onset_ms=line.clock.onset_ms,
        fired_at=line.clock.fired_at,
        resolved_at=line.clock.resolved_at,
        held=line.clock.held,
        clear=line.clock.clear,
        ack=line.clock.ack,
        told=_told(line.clock, line.severity),
        suppressed_by=line.suppressed_by,
        error=line.clock.error,
        blind=line.clock.blind,
        refired=line.clock.refired,
        flapping=line.clock.flapping,
    )


def _told(clock: Clock, severity: Severity) -> Told | None:
    """Return who was told; a version that didn't write it told of everything when it fired."""
    if not isinstance(clock.told, msgspec.UnsetType):
        return clock.told
    return Told(clock.fired_at, severity) if clock.fired_at is not None else None
