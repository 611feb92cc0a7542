"""What the records of the deliveries log add up to: all that the notifier knows."""

from __future__ import annotations

import msgspec

from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms
from notifier.records import (
    DIGEST,
    EDITS,
    SUMMARY,
    Clocked,
    Dead,
    Failed,
    Heard,
    Mark,
    Passed,
    Planned,
    Sent,
)

REMEMBER_DEAD_MS = 86_400_000
"""For a day the operator is reminded that a message was given up."""

MOST_DEAD = 1_000
"""Of more, the later half is remembered."""

REMEMBER_ENDED_MS = 900_000
MOST_ENDED = 200
"""What is over is told again for so long, as Prometheus does it; of a storm, the last ones."""


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


class StepClock(msgspec.Struct, kw_only=True):
    """Since when nobody took an incident that was told (None: somebody has it), and up to which
    moment after that it has climbed.
    """

    began: Instant | None
    began_seq: int
    reached_seconds: int = 0


class Known(msgspec.Struct):
    """An incident of which these channels were told that it fires, and `last` when the last time.

    `planned` is the last word of it, `since` when it was first told (None: by a version that did
    not keep them).
    """

    rule: str
    channels: list[str]
    last: dict[str, Instant] = {}
    clock: StepClock | None = None
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
    """All that the notifier knows. `outstanding` is by key, in the order of planning; `flushed`
    is by channel and group when that group was told the last time, `digest` the session (ISO
    date) that was told of last.

    `messages` has by incident and channel the numbers of the first and the newest message that
    says that it fires, where a channel numbers them.
    `failing` says by channel why its last attempt failed; `ended` is what was over lately.
    """

    begun: bool = False
    mark: Mark | None = None
    outstanding: dict[str, Outstanding] = {}
    told: dict[str, Known] = {}
    dead: list[DeadLetter] = []
    flushed: dict[str, dict[str, Instant]] = {}
    digest: str = ""
    heard: dict[str, Heard] = {}
    messages: dict[str, dict[str, list[int]]] = {}
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
                    self.messages.pop(record.incident, None)
            case Clocked():
                self._set_clock(record)
            case Sent():
                self._sent(record)
            case Heard():
                self.heard[record.channel] = record
            case Failed():
                self._fail(record)
            case Dead():
                self._bury(record)

    def about(self, one: Outstanding) -> tuple[int, ...]:
        """Return the numbers of the first and the newest message that told of the same alert."""
        return tuple(self.messages.get(one.planned.subject, {}).get(one.channel, ()))

    def dead_of(self, channel: str, now: Instant) -> list[DeadLetter]:
        """Return what was given up on a channel within the last day, oldest first."""
        return [
            letter
            for letter in self.dead
            if letter.channel == channel and elapsed_ms(letter.at, now) < REMEMBER_DEAD_MS
        ]

    def _sent(self, record: Sent) -> None:
        one = self.outstanding.pop(record.key, None)
        if one is None or one.planned.why in EDITS:
            return
        self.failing.pop(one.channel, None)
        self._forget_ended(one)
        planned = one.planned
        over = planned.over or any(listed.over for listed in planned.lists)
        alone = not over and planned.subject not in {SUMMARY, DIGEST}
        known = self.told.get(planned.subject)
        if alone and known is not None and one.channel not in known.channels:
            known.channels.append(one.channel)  # its firing was refused, and this came through
        if alone and record.message is not None:
            numbers = self.messages.setdefault(planned.subject, {})
            numbers[one.channel] = [*numbers.get(one.channel, [])[:1], record.message]

    def _forget_ended(self, one: Outstanding) -> None:
        """Forget the messages of the incidents whose end was told, or can't be."""
        ended = {listed.incident for listed in one.planned.lists if listed.over}
        for incident in ended | ({one.planned.incident} if one.planned.over else set()):
            numbers = self.messages.get(incident, {})
            numbers.pop(one.channel, None)
            if not numbers:
                self.messages.pop(incident, None)

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
        if record.why in EDITS:
            return
        if record.why == DIGEST or ((record.lists or record.replaces) and not record.instead_of):
            return  # whoever is told of an incident by a summary was noted when that was planned
        self._end(record)
        if record.over:
            self.told.pop(record.incident, None)
            return
        firing = [(one.incident, one.rule) for one in record.lists if not one.over]
        for incident, rule in firing or [(record.incident, record.rule)]:
            self._tell(incident, rule, record)

    def _tell(self, incident: str, rule: str, record: Planned) -> None:
        if (record.lists or record.instead_of) and incident not in self.told:
            return  # it is over by now
        known = self.told.setdefault(incident, Known(rule, []))
        known.channels += [one for one in record.channels if one not in known.channels]
        known.last |= dict.fromkeys(record.channels, record.at)
        if not (record.lists or record.instead_of):
            known.planned, known.since = record, known.since or record.alert_at
        clock, climb = known.clock, record.climb
        if clock is not None and climb is not None and clock.began_seq == climb.began_seq:
            clock.reached_seconds = climb.seconds

    def _set_clock(self, record: Clocked) -> None:
        self._reach(record.mark)
        known = self.told.get(record.incident)
        if known is not None:
            known.clock = StepClock(began=record.began, began_seq=record.began_seq)

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
            one.asked = record.asked
            if one.planned.why not in EDITS:
                self.failing[one.channel] = record.reason

    def _bury(self, record: Dead) -> None:
        one = self.outstanding.pop(record.key, None)
        if one is None or one.planned.why in EDITS:
            return
        if record.attempts > one.attempts:  # else it was not tried: its channel is not set any more
            self.failing[one.channel] = record.reason
        planned = one.planned
        self._forget_ended(one)
        if len(self.dead) >= MOST_DEAD:
            self.dead = [
                one for one in self.dead if elapsed_ms(one.at, record.at) < REMEMBER_DEAD_MS
            ]
            self.dead = self.dead[-MOST_DEAD // 2 :]
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


Record = Carry | Planned | Passed | Clocked | Sent | Failed | Dead | Heard
