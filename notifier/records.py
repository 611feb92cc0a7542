"""The records of the deliveries log; what they add up to is in `notifier.ledger`.

`logs/deliveries/<date>.jsonl`: what is to be sent (`planned`, with all its channels), what nobody
is told and why (`passed`), since when nobody took an alert (`clocked`), and what came of a message
(`sent`, `failed`, `dead`), and what people told a bot (`heard`). A file begins with the state so
far (`carry`), so that older ones may be deleted.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant

DIGEST = "digest"
SUMMARY = "summary"
"""What a message of several alerts has in the place of an incident, a rule and a reason."""

EDITS = frozenset({"acknowledged", "unacknowledged", "silenced"})
"""Why a message is edited, and no new one sent."""


class Mark(msgspec.Struct, frozen=True):
    """A line of the alert log: a log that was lost and begun anew has other lines by its seq."""

    seq: int
    boottime_ns: int


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery that a summary stands for."""

    key: str
    incident: str
    rule: str
    severity: Severity
    why: str
    over: bool


def last_words(listed: Iterable[Listed]) -> list[Listed]:
    """Return the last word of each incident that is listed."""
    return [*{one.incident: one for one in listed}.values()]


class Climb(msgspec.Struct, frozen=True):
    """A moment of the step clock that `StepClock.began_seq` names: so long after it began."""

    began_seq: int
    seconds: int


class Planned(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned"):
    """A message and the channels that are told; `passed` says of the others why not.

    `step` names the transition within its incident. `mark` is the line that it tells of; None for
    what the notifier saw itself. `alert_at` is when it happened, `over` that it is the end of it.
    `groups` are, by channel, those in which it waits; on the others it is told at once.
    A summary `lists` what it tells of. `replaces` are the deliveries whose place it takes, `since`
    when they were to be told, `flushes` the groups that were waited for.
    `instead_of` is the delivery for which a fallback channel is told, `fell_back`: one is.
    `climb` is the moment of the step clock that an escalation is for.
    """

    at: Instant
    incident: str
    step: str
    engine: str
    rule: str
    severity: Severity
    why: str
    over: bool
    alert_at: Instant
    title: str
    text: str
    channels: tuple[str, ...]
    passed: dict[str, str] = {}
    mark: Mark | None = None
    groups: dict[str, str] = {}
    lists: tuple[Listed, ...] = ()
    replaces: tuple[str, ...] = ()
    since: Instant | None = None
    flushes: tuple[str, ...] = ()
    instead_of: str = ""
    fell_back: bool = False
    climb: Climb | None = None
    timestamp: str = ""

    @property
    def due_at(self) -> Instant:
        """When it was to be told at first."""
        return self.since or self.at

    @property
    def subject(self) -> str:
        """The incident that it tells of; a summary of several is about no one of them."""
        last = last_words(self.lists)
        return last[0].incident if len(last) == 1 else self.incident

    def key(self, channel: str) -> str:
        """Return the idempotency key of one delivery."""
        return f"{self.incident}.{self.step}.{channel}"


class Passed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="passed"):
    """A line that nobody is told of, and why; without an incident: where the telling begins."""

    at: Instant
    mark: Mark
    reason: str
    incident: str = ""
    rule: str = ""
    why: str = ""
    over: bool = False
    timestamp: str = ""


class Clocked(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="clocked"):
    """The step clock of an incident begins at `began`, or stands still (None), and why.

    `began_seq` is the line of the alert log that it did so at.
    """

    at: Instant
    incident: str
    began: Instant | None
    began_seq: int
    reason: str
    mark: Mark | None = None
    timestamp: str = ""


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sent"):
    """The channel took it; after how many attempts, and how long after the alert.

    `message` is the channel's own number of it, where it has one.
    """

    at: Instant
    key: str
    attempts: int
    late_ms: int
    message: int | None = None
    timestamp: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="failed"):
    """An attempt failed: it is made again at `again_ms` (POSIX ms). `asked`: the other side named
    that time, and it holds for the whole channel.
    """

    at: Instant
    key: str
    attempts: int
    reason: str
    again_ms: int
    asked: bool = False
    timestamp: str = ""


class Dead(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="dead"):
    """It is given up: refused for good, or past the horizon."""

    at: Instant
    key: str
    attempts: int
    reason: str
    timestamp: str = ""


class Heard(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="heard"):
    """What people told the bot of a channel is dealt with, up to the update of this number."""

    at: Instant
    channel: str
    update: int
    timestamp: str = ""
