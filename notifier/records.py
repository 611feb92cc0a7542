"""The records of the deliveries log, and the state that they add up to.

`logs/deliveries/<date>.jsonl`: what is to be sent (`planned`, with all its channels), what nobody
is told and why (`passed`), and what came of it (`sent`, `failed`, `dead`). A file begins with the
state so far (`carry`), so that older ones may be deleted.
"""

from __future__ import annotations

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms

REMEMBER_DEAD_MS = 86_400_000
"""For a day the operator is reminded that a message was given up."""
REMEMBER_ENDED_MS = 900_000
MOST_ENDED = 200
"""What is over is told again for so long, as Prometheus does it; of a storm, the last ones."""


class Mark(msgspec.Struct, frozen=True):
    """A line of the alert log: a log that was lost and begun anew has other lines by its seq."""

    seq: int
    boottime_ns: int


class Planned(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned"):
    """A message and the channels that are told; `passed` says of the others why not.

    `step` names the transition within its incident. `mark` is the line that it tells of; None for
    what the notifier saw itself. `alert_at` is when it happened, `over` that it is the end of it.
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
    timestamp: str = ""

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


class Sent(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="sent"):
    """The channel took it; after how many attempts, and how long after the alert."""

    at: Instant
    key: str
    attempts: int
    late_ms: int
    timestamp: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="failed"):
    """An attempt failed: it is made again at `again_ms` (POSIX ms)."""

    at: Instant
    key: str
    attempts: int
    reason: str
    again_ms: int
    timestamp: str = ""


class Dead(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="dead"):
    """It is given up: refused for good, or past the horizon."""

    at: Instant
    key: str
    attempts: int
    reason: str
    timestamp: str = ""


class Outstanding(msgspec.Struct, kw_only=True):
    """One delivery that is planned and neither sent nor dead; `failing`: its first failure."""

    planned: Planned
    channel: str
    attempts: int = 0
    failing: Instant | None = None
    again_ms: int | None = None
    reason: str = ""


class Known(msgspec.Struct):
    """An incident of which these channels were told that it fires; `planned` is the last word of
    it, `since` when it was first told (None: by a version that did not keep them).
    """

    rule: str
    channels: list[str]
    planned: Planned | None = None
    since: Instant | None = None


class Ended(msgspec.Struct, frozen=True):
    """An incident does not fire any more, or not with this severity: `planned` says so."""

    severity: Severity
    planned: Planned
    since: Instant
    channels: tuple[str, ...]


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was given up."""

    channel: str
    at: Instant
    title: str
    reason: str


class State(msgspec.Struct, kw_only=True):
    """All that the notifier knows. `outstanding` is by key, in the order of planning.

    `failing` says by channel why its last attempt failed; `ended` is what was over lately.
    """

    begun: bool = False
    mark: Mark | None = None
    outstanding: dict[str, Outstanding] = {}
    told: dict[str, Known] = {}
    dead: list[DeadLetter] = []
    failing: dict[str, str] = {}
    ended: list[Ended] = []

    def take(self, record: Record) -> None:
        """Take one more record in; twice the same changes nothing more."""
        match record:
            case Carry(state=state):
                for name in State.__struct_fields__:
                    setattr(self, name, getattr(state, name))
            case Planned():
                self._plan(record)
            case Passed():
                self._reach(record.mark)
                if record.over:
                    self.told.pop(record.incident, None)
            case Sent():
                one = self.outstanding.pop(record.key, None)
                if one is not None:
                    self.failing.pop(one.channel, None)
            case Failed():
                self._fail(record)
            case Dead():
                self._bury(record)

    def dead_of(self, channel: str, now: Instant) -> list[DeadLetter]:
        """Return what was given up on a channel within the last day, oldest first."""
        return [
            letter
            for letter in self.dead
            if letter.channel == channel and elapsed_ms(letter.at, now) < REMEMBER_DEAD_MS
        ]

    def _plan(self, record: Planned) -> None:
        self._reach(record.mark)
        for channel in record.channels:
            one = Outstanding(planned=record, channel=channel)
            self.outstanding[record.key(channel)] = one
        self._end(record)
        if record.over:
            self.told.pop(record.incident, None)
            return
        known = self.told.setdefault(record.incident, Known(record.rule, []))
        known.channels += [one for one in record.channels if one not in known.channels]
        known.planned, known.since = record, known.since or record.alert_at

    def _end(self, record: Planned) -> None:
        """Remember what a record ends: the incident, or that it has the severity of before."""
        known = self.told.get(record.incident)
        if known is None or known.planned is None or known.since is None:
            return
        severity = known.planned.severity
        if record.over or record.severity != severity:
            lately = [
                one
                for one in self.ended
                if elapsed_ms(one.planned.alert_at, record.alert_at) < REMEMBER_ENDED_MS
            ]
            ended = Ended(severity, record, known.since, tuple(known.channels))
            self.ended = [*lately, ended][-MOST_ENDED:]

    def _reach(self, mark: Mark | None) -> None:
        self.begun = True
        if mark is not None:
            self.mark = mark

    def _fail(self, record: Failed) -> None:
        one = self.outstanding.get(record.key)
        if one is not None:
            one.attempts, one.again_ms = record.attempts, record.again_ms
            one.failing, one.reason = one.failing or record.at, record.reason
            self.failing[one.channel] = record.reason

    def _bury(self, record: Dead) -> None:
        one = self.outstanding.pop(record.key, None)
        self.dead = [
            letter for letter in self.dead if elapsed_ms(letter.at, record.at) < REMEMBER_DEAD_MS
        ]
        if one is None:
            return
        if record.attempts > one.attempts:  # else it was not tried: its channel is not set any more
            self.failing[one.channel] = record.reason
        planned = one.planned
        self.dead.append(DeadLetter(one.channel, record.at, planned.title, record.reason))
        known = self.told.get(planned.incident)
        if planned.why == "new" and known is not None and one.channel in known.channels:
            known.channels.remove(one.channel)  # who was not told of the firing needs no end of it


class Carry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="carry"):
    """The state when a file begins."""

    at: Instant
    state: State
    timestamp: str = ""


Record = Carry | Planned | Passed | Sent | Failed | Dead
