"""Why is there no tick? Age, deadline and cause of the heartbeat, from what writers left behind.

Several writers may be known at once. Which of them count:

- A writer whose process *started after* another one's last sign of life is its successor: an
  engine that was restarted. The predecessor, dead or closed, no longer counts, save that the age
  goes on from its last tick until the successor's first one: a restart is not a tick.
- Writers that ran side by side (four engine processes) all count. The heartbeat lives as long as
  any of them ticks; `writers` tells how many still write. One of them that closed cleanly does
  not excuse the others that died.
- A successor that has not ticked yet, after a clean stop, is `never_started`: not expected, so
  nothing lapses while it loads; that it takes too long is another rule's business.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.snapshot import WriterMark

Cause = Literal[
    "ticking",
    "never_started",
    "stopped_cleanly",
    "process_gone",
    "process_frozen",
    "loop_hung",
    "machine_rebooted",
    "unknown",
]

PULSE_SECONDS = 5.0
"""How often a writer pulses, tick or no tick."""

FROZEN_SECONDS = 2.5 * PULSE_SECONDS
"""Without a pulse for this long, a process that is still there does not run."""

FRESH_SECONDS = 9.0
"""A writer heard of this recently lives, whatever its pid says: an engine in a container or on
another machine has a pid (and perhaps a boot id) that means nothing here, and its pulse may be late
by some seconds (a long call that holds the GIL). Less than GONE_DEADLINE_SECONDS, so that it delays
no alarm.
"""

GONE_DEADLINE_SECONDS = 10.0
UNDECLARED_DEADLINE_SECONDS = 90.0
JUST_PAST_SECONDS = 0.001
"""Instants have milliseconds, and an age that equals its deadline is still in time."""

LONGEST_INTERVAL_SECONDS = 86_400.0
"""An engine that declares more has declared nothing: it would never lapse."""

CLOCK_TICK_NS = 10_000_000
"""1 / USER_HZ, the unit of start times in /proc: 10 ms wherever Linux runs, time(7).
They are rounded down, and a supervisor may start an engine again sooner than that.
"""


class Process(msgspec.Struct, frozen=True):
    """A process as the kernel shows it: whether it can run (a zombie can't), when it started."""

    alive: bool
    started: int | None = None


class Processes(Protocol):
    """The process table."""

    def look(self, pid: int) -> Process | None:
        """Return the process with this pid, None when there is none."""


class Lapse(msgspec.Struct, frozen=True, kw_only=True):
    """The state of the heartbeat at one instant.

    `age_seconds` is since the last tick was received, `pulse_age_seconds` since the last sign of
    life; both None when there never was one. `due_in_seconds` is how long until this judgement
    changes if nothing new arrives, None when time alone changes nothing.
    """

    age_seconds: float | None
    pulse_age_seconds: float | None
    deadline_seconds: float
    expected: bool
    cause: Cause
    writers: int
    due_in_seconds: float | None

    @property
    def lapsed(self) -> bool:
        """Tell whether a tick is overdue."""
        return (
            self.expected
            and self.age_seconds is not None
            and self.age_seconds > self.deadline_seconds
        )


class _Seen(msgspec.Struct, frozen=True):
    """One writer at one instant. Ages in seconds, None: never."""

    mark: WriterMark
    closed: bool
    tick_age: float | None
    sign_age: float | None
    end_age: float | None
    fate: Literal["alive", "gone", "rebooted", "unknown"]


def judge(
    writers: Sequence[WriterMark],
    now: Instant,
    processes: Processes,
    default_interval: float | None,
) -> Lapse:
    """Return the age of the heartbeat, its deadline, and why there is no tick.

    `default_interval` (seconds) stands in for an interval that no header declares.
    """
    seen = [_look(mark, now, processes) for mark in writers]
    current = [one for one in seen if not any(_succeeds(other, one) for other in seen)] or seen
    unclosed = [one for one in current if not one.closed]
    ticked = [one for one in unclosed if one.tick_age is not None]
    age = _least(one.tick_age for one in (ticked or seen))
    pulse_age = _least(one.sign_age for one in current)
    interval = _interval(unclosed or current, default_interval)
    deadline = deadline_seconds(interval)
    if not ticked:
        before = [one for one in seen if one.closed or one.tick_age is not None]
        if not before:
            return _lapse("never_started", None, pulse_age, deadline, unclosed)
        previous = min(before, key=_ended)
        if previous.closed:
            successors = [one for one in unclosed if _succeeds(one, previous)]
            return _after_a_close(previous, successors, age, pulse_age, deadline)
    age = age or 0.0
    unclosed = unclosed or current
    cause, deadline = _cause(unclosed, age, deadline)
    due_in = _due_in(unclosed, age, deadline)
    return _lapse(cause, age, pulse_age, deadline, unclosed, expected=True, due_in=due_in)


def deadline_seconds(interval: float | None) -> float:
    """Return the age at which ticks of this interval (seconds; None: undeclared) are overdue."""
    return UNDECLARED_DEADLINE_SECONDS if interval is None else max(15.0, 2 * interval + 10)


def _after_a_close(
    closed: _Seen,
    successors: list[_Seen],
    age: float | None,
    pulse_age: float | None,
    deadline: float,
) -> Lapse:
    """Quiet until the promised return is overdue; without a promise, until further notice."""
    since_close = _ended(closed)
    age = since_close if age is None else max(age, since_close)
    back_within = closed.mark.back_within_seconds
    if back_within is None:
        cause: Cause = "never_started" if successors else "stopped_cleanly"
        return _lapse(cause, age, pulse_age, deadline, successors)
    overdue = since_close > back_within
    cause = _cause(successors, age, back_within)[0] if overdue and successors else "stopped_cleanly"
    due_in = None if overdue else back_within - since_close + JUST_PAST_SECONDS
    return _lapse(cause, age, pulse_age, back_within, successors, expected=overdue, due_in=due_in)


def _look(mark: WriterMark, now: Instant, processes: Processes) -> _Seen:
    closed = mark.closed is not None and (
        mark.last_tick is None or elapsed_ms(mark.closed, mark.last_tick) == 0
    )
    tick_age = _age(mark.last_tick, now)
    sign_age = _least((tick_age, _age(mark.last_pulse, now)))
    end_age = _age(mark.closed, now) if closed else sign_age
    return _Seen(mark, closed, tick_age, sign_age, end_age, _fate(mark, sign_age, now, processes))


def _fate(
    mark: WriterMark, sign_age: float | None, now: Instant, processes: Processes
) -> Literal["alive", "gone", "rebooted", "unknown"]:
    if sign_age is not None and sign_age <= FRESH_SECONDS:
        return "alive"
    if mark.boot_id is not None and mark.boot_id != now.boot_id:
        return "rebooted"
    if mark.pid is None:
        return "unknown"
    process = processes.look(mark.pid)
    if process is None or not process.alive:
        return "gone"
    if None not in (mark.pid_started, process.started) and mark.pid_started != process.started:
        return "gone"
    return "alive"


def _succeeds(later: _Seen, earlier: _Seen) -> bool:
    """Tell whether `later` is the engine that came after `earlier` had ended."""
    if later is earlier or not (earlier.closed or earlier.fate != "alive"):
        return False
    end = earlier.mark.closed if earlier.closed else _last_sign(earlier.mark)
    if end is None:  # it never said a word: anybody's who did counts, save its predecessors'
        return later.end_age is not None and not _succeeds(earlier, later)
    if later.mark.boot_id is not None and later.mark.pid_started is not None:
        if later.mark.boot_id == end.boot_id:
            return (later.mark.pid_started + 1) * CLOCK_TICK_NS > end.boottime_ns
        if later.end_age is None:
            return later.fate != "rebooted"
    return _ended(later) < _ended(earlier)


def _cause(unclosed: list[_Seen], age: float, deadline: float) -> tuple[Cause, float]:
    """Return the cause by the writer that was heard of last, and the deadline that goes with it."""
    last = min(unclosed, key=_heard)
    if last.fate == "gone":
        return "process_gone", min(deadline, GONE_DEADLINE_SECONDS)
    if last.fate == "rebooted":
        return "machine_rebooted", deadline
    late = age > deadline
    if last.fate == "unknown":
        return ("unknown" if late else "ticking"), deadline
    silent = last.sign_age is None or last.sign_age > FROZEN_SECONDS
    if silent and (late or last.mark.last_pulse is not None):
        return "process_frozen", deadline
    return ("loop_hung" if late else "ticking"), deadline


def _due_in(unclosed: list[_Seen], age: float, deadline: float) -> float | None:
    """Return seconds until the age crosses the deadline or a pid's silence gets a meaning."""
    steps = [deadline - age]
    steps += [
        step - one.sign_age
        for one in unclosed
        if one.mark.pid is not None and one.sign_age is not None
        for step in (FRESH_SECONDS, FROZEN_SECONDS)
    ]
    return _least(step + JUST_PAST_SECONDS for step in steps if step >= 0)


def _lapse(
    cause: Cause,
    age: float | None,
    pulse_age: float | None,
    deadline: float,
    unclosed: list[_Seen],
    *,
    expected: bool = False,
    due_in: float | None = None,
) -> Lapse:
    writing = sum(
        one.fate in ("alive", "unknown")
        and one.sign_age is not None
        and one.sign_age <= (FROZEN_SECONDS if one.mark.last_pulse is not None else deadline)
        for one in unclosed
    )
    return Lapse(
        age_seconds=age,
        pulse_age_seconds=pulse_age,
        deadline_seconds=deadline,
        expected=expected,
        cause=cause,
        writers=writing,
        due_in_seconds=due_in,
    )


def _age(since: Instant | None, now: Instant) -> float | None:
    """Return the age in seconds; of what was received before a reboot at least that of this boot.

    After a reboot the wall clock may be behind, and would make the dead look fresh for hours.
    """
    if since is None:
        return None
    age = elapsed_ms(since, now) / 1000
    return age if since.boot_id == now.boot_id else max(age, now.boottime_ns / 1e9)


def _least(ages: Iterable[float | None]) -> float | None:
    return min((age for age in ages if age is not None), default=None)


def _ended(one: _Seen) -> float:
    return math.inf if one.end_age is None else one.end_age


def _heard(one: _Seen) -> float:
    return math.inf if one.sign_age is None else one.sign_age


def _last_sign(mark: WriterMark) -> Instant | None:
    if mark.last_tick is None or mark.last_pulse is None:
        return mark.last_tick or mark.last_pulse
    pulsed_later = elapsed_ms(mark.last_tick, mark.last_pulse) > 0
    return mark.last_pulse if pulsed_later else mark.last_tick


def _interval(writers: list[_Seen], default: float | None) -> float | None:
    """Return the interval that the writer heard of last declares, else the default."""
    for one in sorted(writers, key=_heard):
        declared = one.mark.interval_seconds
        if declared is not None and 0 < declared <= LONGEST_INTERVAL_SECONDS:
            return declared
    return default
