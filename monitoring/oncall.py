"""Who is on call at a moment: people, rotations with their hand-overs, and overrides. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from monitoring.oncall_policy import Policy

Every = Literal["day", "week"]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can be told: on these channels of the settings, all of them each time."""

    name: str
    channels: tuple[str, ...]


class Rotation(msgspec.Struct, frozen=True, kw_only=True):
    """People who take turns. The turn changes at the local time `at` of `timezone`, every day or
    every week on `weekday` (0 is Monday). In the turn that `start` lies in the first of them is on
    call; before it the turns go on backwards, so that somebody always is.
    """

    name: str
    people: tuple[str, ...]
    every: Every
    at: time
    weekday: int
    timezone: str
    start: date

    def handover_ms(self, number: int) -> int:
        """Return when turn `number` begins (POSIX ms); 0 is the one that `start` lies in.

        A local time that a change of clocks skips is the one that it would have been without it;
        one that comes twice is the first.
        """
        days = number * (1 if self.every == "day" else 7)
        moment = datetime.combine(self._first + timedelta(days=days), self.at, self._zone)
        return round(moment.timestamp() * 1000)

    def turn(self, at_ms: int) -> int:
        """Return the number of the turn that a moment lies in."""
        days = (datetime.fromtimestamp(at_ms / 1000, self._zone).date() - self._first).days
        number = days if self.every == "day" else days // 7
        return number if self.handover_ms(number) <= at_ms else number - 1

    def person(self, number: int) -> str:
        """Return whose turn it is."""
        return self.people[number % len(self.people)]

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def _first(self) -> date:
        if self.every == "day":
            return self.start
        return self.start - timedelta(days=(self.start.weekday() - self.weekday) % 7)


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody else is on call in a rotation, in [from, until); of several the last one counts."""

    rotation: str
    person: str
    from_ms: int
    until_ms: int


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call in [from, until), POSIX ms; `override`: instead of whose turn it is."""

    person: str
    from_ms: int
    until_ms: int
    override: bool = False


class OnCall(msgspec.Struct, frozen=True, kw_only=True):
    """All that `oncall.toml` says."""

    people: Mapping[str, Person] = {}
    rotations: Mapping[str, Rotation] = {}
    overrides: tuple[Override, ...] = ()
    policies: tuple[Policy, ...] = ()

    @property
    def named_channels(self) -> set[str]:
        """The channels that it names: those of people, and in steps."""
        whom = {name for policy in self.policies for step in policy.steps for name in step.whom}
        of_people = {name for one in self.people.values() for name in one.channels}
        return of_people | (whom - self.people.keys() - self.rotations.keys())

    def without(self, gone: Collection[str]) -> OnCall:
        """Return it without channels that are not set any more, and without steps to nobody else.

        Turns stay as they are: who has no channel left and is on call can't be told.
        """
        people = {
            name: msgspec.structs.replace(one, channels=_left(one.channels, gone))
            for name, one in self.people.items()
        }
        mute = {*gone, *(name for name, one in people.items() if not one.channels)}
        policies = []
        for policy in self.policies:
            steps = (
                msgspec.structs.replace(step, whom=_left(step.whom, mute)) for step in policy.steps
            )
            left = tuple(step for step in steps if step.whom)
            policies.append(msgspec.structs.replace(policy, steps=left))
        return msgspec.structs.replace(self, people=people, policies=tuple(policies))

    def channels(self, whom: tuple[str, ...], at_ms: int) -> tuple[str, ...]:
        """Return the channels that people, rotations and channels by name mean at a moment."""
        found: dict[str, None] = {}
        for name in whom:
            person = self.people.get(self.person(name, at_ms))
            found |= dict.fromkeys((name,) if person is None else person.channels)
        return tuple(found)

    def person(self, name: str, at_ms: int) -> str:
        """Return who is on call in a rotation at a moment; any other name as it is."""
        if name not in self.rotations:
            return name
        return next(self.shifts(name, at_ms)).person

    def shifts(self, rotation: str, from_ms: int) -> Iterator[Shift]:
        """Yield the shifts of a rotation without end, first the one that a moment lies in."""
        turns = self.rotations[rotation]
        overrides = [one for one in self.overrides if one.rotation == rotation]
        number = turns.turn(from_ms)
        while True:
            begin, end = turns.handover_ms(number), turns.handover_ms(number + 1)
            edges = {at for one in overrides for at in (one.from_ms, one.until_ms)}
            cuts = sorted({begin, end, *(at for at in edges if begin < at < end)})
            for piece, until in pairwise(cuts):
                if until > from_ms:
                    over = [one for one in overrides if one.from_ms <= piece < one.until_ms]
                    person = over[-1].person if over else turns.person(number)
                    yield Shift(
                        person=person, from_ms=piece, until_ms=until, override=bool(over)
                    )  # fmt: skip
            number += 1


def _left(names: tuple[str, ...], gone: Collection[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in gone)
