"""Who is on call, as a tired human reads it, and as `--json` prints it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby, islice, takewhile
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from monitoring.oncall import OnCall, Shift
from monitoring.oncall_policy import Policy, Step
from scripts.cli.terminal import Line, Span

WEEK_MS = 7 * 86_400_000
LONGEST_LOOK = 400
"""Shifts that are looked at for the next one with somebody else."""


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """Who is on call in a rotation. Times are ISO 8601; `until` None: nobody else is to come."""

    rotation: str
    person: str
    channels: tuple[str, ...]
    override: bool
    since: str
    until: str | None
    next: str | None
    timezone: str


class Rung(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a policy in words."""

    after: str
    whom: tuple[str, ...]
    repeat: str | None


class Climbing(msgspec.Struct, frozen=True, kw_only=True):
    """One policy in words."""

    policy: str
    severity: str | None
    rules: tuple[str, ...]
    exposed: bool
    steps: list[Rung]


class Now(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `now`."""

    duties: list[Duty]
    policies: list[Climbing]


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """One shift of `week`."""

    rotation: str
    person: str
    override: bool
    since: str
    until: str
    timezone: str


def now_of(found: OnCall, default: tuple[Policy, ...], now_ms: int) -> Now:
    """Return who is on call now, and how alerts climb."""
    return Now(
        duties=[_duty(found, name, now_ms) for name in found.rotations],
        policies=[_climbing(one) for one in found.policies or default],
    )


def week_of(found: OnCall, now_ms: int) -> list[Listed]:
    """Return the shifts of the next seven days, by rotation."""
    listed = []
    for name, rotation in found.rotations.items():
        zone = ZoneInfo(rotation.timezone)
        listed += [
            Listed(
                rotation=name, person=one.person, override=one.override,
                since=_iso(one.from_ms, zone), until=_iso(one.until_ms, zone),
                timezone=rotation.timezone,
            )
            for one in _merged(found.shifts(name, now_ms), now_ms + WEEK_MS)
        ]  # fmt: skip
    return listed


def now_screen(shown: Now) -> list[Line]:
    """Return the lines of `now`."""
    width = max((len(one.rotation) for one in shown.duties), default=0)
    lines: list[Line] = []
    for one in shown.duties:
        until = f" until {_said(one.until, one.timezone)}, then {one.next}" if one.until else ""
        mark = " (override)" if one.override else ""
        lines.append(
            [
                Span(f"{one.rotation:{width}}  "),
                Span(one.person, "strong"),
                Span(f"{mark}{until}   on {', '.join(one.channels)}"),
            ]
        )
    if not shown.policies:
        return [*lines, [Span("No channel is set: nobody is told. docs/notifications.md")]]
    for policy in shown.policies:
        what = f"{policy.severity or 'every'} alert{'' if policy.severity else ' (any severity)'}"
        what += f" of {', '.join(policy.rules)}" if policy.rules else ""
        what += " while positions are open or unknown" if policy.exposed else ""
        lines.append([Span(f"{policy.policy}: {what} that nobody takes")])
        lines += [
            [Span(f"  after {step.after:>5}  "), Span(", ".join(step.whom), "strong"),
             Span(f", and every {step.repeat} after that" if step.repeat else "")]
            for step in policy.steps
        ]  # fmt: skip
    return lines


def week_screen(shown: list[Listed]) -> list[Line]:
    """Return the lines of `week`."""
    rotation = max(len(one.rotation) for one in shown)
    person = max(len(one.person) for one in shown)
    return [
        [
            Span(f"{one.rotation:{rotation}}  {period(one)}  "),
            Span(f"{one.person:{person}}", "strong"),
            Span("  override" if one.override else ""),
        ]
        for one in shown
    ]


def alone(path: Path) -> list[Line]:
    """Return what to write where there is no rotation."""
    return [
        [Span("No rotation is written: this is for one person alone.")],
        [Span(f"→ for several people write {path}: docs/notifications.md has one to copy")],
    ]


def period(shift: Listed) -> str:
    """Return from when to when, in words: Mon 9 Nov 09:00 IST – Tue 10 Nov 09:00 IST."""
    return f"{_said(shift.since, shift.timezone)} – {_said(shift.until, shift.timezone)}"


def _duty(found: OnCall, rotation: str, now_ms: int) -> Duty:
    zone = ZoneInfo(found.rotations[rotation].timezone)
    shifts = islice(found.shifts(rotation, now_ms), LONGEST_LOOK)
    first = next(shifts)
    then = next((one for one in shifts if one.person != first.person), None)
    return Duty(
        rotation=rotation,
        person=first.person,
        channels=found.people[first.person].channels,
        override=first.override,
        since=_iso(first.from_ms, zone),
        until=None if then is None else _iso(then.from_ms, zone),
        next=None if then is None else then.person,
        timezone=found.rotations[rotation].timezone,
    )


def _merged(shifts: Iterator[Shift], until_ms: int) -> Iterator[Shift]:
    """Yield the shifts that begin before a moment, those of one person in a row as one."""
    coming = takewhile(lambda one: one.from_ms < until_ms, shifts)
    for _, group in groupby(coming, key=_who):
        first, *more = group
        yield msgspec.structs.replace(first, until_ms=(more or [first])[-1].until_ms)


def _who(shift: Shift) -> tuple[str, bool]:
    return shift.person, shift.override


def _climbing(policy: Policy) -> Climbing:
    return Climbing(
        policy=policy.name,
        severity=policy.severity,
        rules=policy.rules,
        exposed=policy.exposed,
        steps=[_rung(step) for step in policy.steps],
    )


def _rung(step: Step) -> Rung:
    repeat = None if step.repeat_seconds is None else in_words(step.repeat_seconds)
    return Rung(after=in_words(step.after_seconds), whom=step.whom, repeat=repeat)


def _iso(wall_ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, zone).isoformat(timespec="seconds")


def _said(moment: str, timezone: str) -> str:
    """Return an ISO time as Mon 9 Nov 09:00 IST."""
    then = datetime.fromisoformat(moment).astimezone(ZoneInfo(timezone))
    return f"{then:%a} {then.day} {then:%b %H:%M %Z}"
