"""The records of the deliveries log, and the state that they add up to.

`logs/deliveries/<date>.jsonl`: what is to be sent (`planned`, with all its channels), what nobody
is told and why (`passed`), and what came of it (`sent`, `failed`, `dead`). A file begins with the
state so far (`carry`), so that older ones may be deleted.
"""

from __future__ import annotations

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms

DIGEST = "digest"
SUMMARY = "summary"
"""What a message of several alerts has in the place of an incident, a rule and a reason."""

REMEMBER_DEAD_MS = 86_400_000
"""For a day the operator is reminded that a message was given up."""


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


class Planned(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="planned"):
    """A message and the channels that are told; `passed` says of the others why not.

    `step` names the transition within its incident. `mark` is the line that it tells of; None for
    what the notifier saw itself. `alert_at` is when it happened, `over` that it is the end of it.
    `groups` are, by channel, those in which it waits; on the others it is told at once.
    A summary `lists` what it tells of. `replaces` are the deliveries whose place it takes, `since`
    when they were to be told, `flushes` the groups that were waited for.
    `instead_of` is the delivery for which a fallback channel is told, `fell_back`: one is.
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
    timestamp: str = ""

    @property
    def due_at(self) -> Instant:
        """When it was to be told at first."""
        return self.since or self.at

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


class Outstanding(msgspec.Struct, kw_only=True):
    """One delivery that is planned and neither sent nor dead; `failing`: its first failure.

    `group` is the one in which it waits, None: it is told at once. `fell_back`: a fallback channel
    is told of it too.
    """

    planned: Planned
    channel: str
    attempts: int = 0
    failing: Instant | None = None
    again_ms: int | None = None
    reason: str = ""
    group: str | None = None
    asked: bool = False
    fell_back: bool = False

    @property
    def settled(self) -> bool:
        """Tell whether no fallback channel is to be told of it any more."""
        return self.fell_back or self.planned.instead_of != ""

    @property
    def incidents(self) -> set[str]:
        """The incidents that it tells of."""
        return {one.incident for one in self.planned.lists} or {self.planned.incident}


class Known(msgspec.Struct):
    """An incident of which these channels were told that it fires, and when the last time."""

    rule: str
    channels: list[str]
    last: dict[str, Instant] = {}


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that was given up."""

    channel: str
    at: Instant
    title: str
    reason: str


class State(msgspec.Struct, kw_only=True):
    """All that the notifier knows. `outstanding` is by key, in the order of planning; `flushed`
    is by channel and group when that group was told the last time, `digest` the session (ISO
    date) that was told of last.
    """

    begun: bool = False
    mark: Mark | None = None
    outstanding: dict[str, Outstanding] = {}
    told: dict[str, Known] = {}
    dead: list[DeadLetter] = []
    flushed: dict[str, dict[str, Instant]] = {}
    digest: str = ""

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
                self.outstanding.pop(record.key, None)
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
        if record.instead_of in self.outstanding:
            self.outstanding[record.instead_of].fell_back = True
        if record.why == DIGEST and not record.instead_of:
            self.digest = record.step
        for channel in record.channels:
            key = record.key(channel)
            for replaced in record.replaces:
                if replaced != key:  # one that was waited for keeps its place and its key
                    self.outstanding.pop(replaced, None)
            for group in record.flushes:
                self.flushed.setdefault(channel, {})[group] = record.at
            self.outstanding[key] = Outstanding(
                planned=record, channel=channel, group=record.groups.get(channel),
                fell_back=record.fell_back,
            )  # fmt: skip
        if record.why == DIGEST or ((record.lists or record.replaces) and not record.instead_of):
            return  # whoever is told of an incident by a summary was noted when that was planned
        if record.over:
            self.told.pop(record.incident, None)
            return
        firing = [(one.incident, one.rule) for one in record.lists if not one.over]
        for incident, rule in firing or [(record.incident, record.rule)]:
            self._tell(incident, rule, record)

    def _tell(self, incident: str, rule: str, record: Planned) -> None:
        if record.lists and incident not in self.told:
            return  # it is over by now
        known = self.told.setdefault(incident, Known(rule, []))
        known.channels += [one for one in record.channels if one not in known.channels]
        known.last |= dict.fromkeys(record.channels, record.at)

    def _reach(self, mark: Mark | None) -> None:
        self.begun = True
        if mark is not None:
            self.mark = mark

    def _fail(self, record: Failed) -> None:
        one = self.outstanding.get(record.key)
        if one is not None:
            one.attempts, one.again_ms = record.attempts, record.again_ms
            one.failing, one.reason = one.failing or record.at, record.reason
            one.asked = record.asked

    def _bury(self, record: Dead) -> None:
        one = self.outstanding.pop(record.key, None)
        self.dead = [
            letter for letter in self.dead if elapsed_ms(letter.at, record.at) < REMEMBER_DEAD_MS
        ]
        if one is None:
            return
        planned = one.planned
        self.dead.append(DeadLetter(one.channel, record.at, planned.title, record.reason))
        firing = {one.incident for one in planned.lists if one.why == "new"}
        for incident in firing | ({planned.incident} if planned.why == "new" else set()):
            known = self.told.get(incident)
            if known is not None and one.channel in known.channels:
                # Who was not told of the firing needs no end of it.
                known.channels.remove(one.channel)


class Carry(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="carry"):
    """The state when a file begins."""

    at: Instant
    state: State
    timestamp: str = ""


Record = Carry | Planned | Passed | Sent | Failed | Dead
