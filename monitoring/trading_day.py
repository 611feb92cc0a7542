"""What a trading day was: its incidents, its money, and how well it was watched, from the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from evaluator.instant import Sessions
from monitoring.alert_fold import wall_ms
from monitoring.alert_line import AlertLine, incident_of
from monitoring.money import rupees, rupees_short
from monitoring.snapshot import Snapshot

End = Literal["resolved", "closed", "open"]
"""`closed`: ended without a recovery (a new trading day, a rule removed)."""


class Exposure(msgspec.Struct, frozen=True, kw_only=True):
    """What was at stake at one moment, as last reported; None: nobody had said."""

    positions: float | None = None
    value: float | None = None
    pnl: float | None = None
    return_pct: float | None = None


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """An acknowledgement: by whom, when (POSIX ms), why."""

    by: str
    at_ms: int
    reason: str | None


class DayIncident(msgspec.Struct, kw_only=True):
    """One alert that fired, or still fired, on the day. Times are POSIX ms."""

    id: str
    rule: str
    severity: str
    message: str
    fired_ms: int
    ended_ms: int | None = None
    end: End = "open"
    suppressed_by: str | None = None
    taken: list[Taken] = []
    at_firing: Exposure | None = None
    at_end: Exposure | None = None


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of open time in which something was missing. `why` is in the facts' own words."""

    begin_ms: int
    end_ms: int
    open_seconds: float
    why: str


class Peak(msgspec.Struct, frozen=True):
    """The most that something came to, and when (POSIX ms)."""

    value: float
    at_ms: int


class Day(msgspec.Struct, kw_only=True):
    """What the snapshots of a day say. Seconds are open ones: of the trading session."""

    begin_ms: int
    end_ms: int
    open_seconds: float
    watched_seconds: float = 0.0
    snapshots: int = 0
    ticks: int = 0
    ticks_lost: float = 0.0
    closing: Exposure | None = None
    worst_return_pct: Peak | None = None
    largest_value: Peak | None = None
    worst_latency_ms: Peak | None = None
    breeze_seconds: dict[str, float] = {}
    heartbeat_gaps: list[Stretch] = []
    unwatched: list[Stretch] = []


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The page, as `--json` prints it. `session` is the date (ISO), `over`: it has ended."""

    engine: str
    home: str
    session: str
    timezone: str
    over: bool
    day: Day
    incidents: list[DayIncident]


def incidents_of(lines: Iterable[AlertLine], begin_ms: int, end_ms: int) -> list[DayIncident]:
    """Return the incidents that fired within [begin, end) or were firing at its beginning.

    `lines` are those of that time, carry lines among them, in their order.
    """
    found: dict[str, DayIncident] = {}
    for line in lines:
        incident = incident_of(line)
        if incident is None or incident.fired_at is None or not begin_ms <= wall_ms(line) < end_ms:
            continue
        one = found.get(incident.id)
        if one is None:
            one = found[incident.id] = DayIncident(
                id=incident.id,
                rule=incident.rule,
                severity=incident.severity,
                message=incident.message,
                fired_ms=incident.fired_at.wall_ms,
            )
        if incident.status == "firing":
            one.message = incident.message
            if incident.severity == "CRITICAL":
                one.severity = "CRITICAL"  # what it was at its worst
        else:
            one.ended_ms = wall_ms(line)
            one.end = "resolved" if line.notify == "resolved" else "closed"
        one.suppressed_by = incident.suppressed_by
        ack = incident.ack
        if ack is not None and all(ack.at_ms != taken.at_ms for taken in one.taken):
            one.taken.append(Taken(by=ack.by, at_ms=ack.at_ms, reason=ack.reason))
    return sorted(found.values(), key=lambda one: one.fired_ms)


def day_of(
    snapshots: Iterable[Snapshot],
    sessions: Sessions,
    begin_ms: int,
    end_ms: int,
    *,
    longest_ms: int,
    incidents: list[DayIncident],
) -> Day:
    """Return what the snapshots of [begin, end) say, and note the exposure of each incident.

    Two snapshots further apart than `longest_ms` had nobody watching between them.
    """
    day = Day(
        begin_ms=begin_ms,
        end_ms=end_ms,
        open_seconds=sessions.open_ms(begin_ms, end_ms, "session") / 1000,
    )
    gaps = _Stretches(sessions)
    moments = _moments(incidents)
    due = next(moments, None)
    before: Snapshot | None = None
    first_lost: int | None = None
    for snapshot in snapshots:
        while due is not None and due[0] < snapshot.wall_ms:
            due[1](None if before is None else exposure_at(before))
            due = next(moments, None)
        if before is not None:
            _pass(day, before, snapshot, sessions, longest_ms)
        _count(day, snapshot)
        gaps.see(snapshot)
        first_lost = snapshot.collector.ticks_lost if first_lost is None else first_lost
        day.ticks_lost = max(0, snapshot.collector.ticks_lost - first_lost)
        before = snapshot
    while due is not None:
        due[1](None if before is None else exposure_at(before))
        due = next(moments, None)
    if before is not None:
        day.closing = exposure_at(before)
        gaps.end(before.wall_ms)
    day.heartbeat_gaps = gaps.found
    return day


def _moments(
    incidents: list[DayIncident],
) -> Iterator[tuple[int, Callable[[Exposure | None], None]]]:
    """Yield in order of time what is to be told the exposure of which moment (POSIX ms)."""

    def setter(incident: DayIncident, field: str) -> Callable[[Exposure | None], None]:
        return lambda exposure: setattr(incident, field, exposure)

    moments = [(one.fired_ms, setter(one, "at_firing")) for one in incidents]
    moments += [
        (one.ended_ms, setter(one, "at_end")) for one in incidents if one.ended_ms is not None
    ]
    yield from sorted(moments, key=lambda moment: moment[0])


def stake(exposure: Exposure | None) -> str:
    """Return an exposure in words."""
    if exposure is None or exposure.positions is None:
        return "positions unknown"
    value = "" if exposure.value is None else f" worth {rupees_short(exposure.value)}"
    pnl = "" if exposure.pnl is None else f", P&L {rupees(exposure.pnl)}"
    return f"{exposure.positions:.0f} open{value}{pnl}"


def exposure_at(snapshot: Snapshot) -> Exposure:
    """Return what was last reported; what is too old to be a fact still tells what was open."""

    def last(group: str, field: str) -> float | None:
        now = getattr(snapshot, group).get(field)
        return _number(snapshot.last.get(group, {}).get(field) if now is None else now)

    return Exposure(
        positions=last("positions", "count"),
        value=last("positions", "total_value"),
        pnl=last("pnl", "daily"),
        return_pct=last("risk", "daily_loss_pct"),
    )


def _pass(day: Day, before: Snapshot, after: Snapshot, sessions: Sessions, longest_ms: int) -> None:
    """Credit the time between two snapshots to what the first of them said."""
    begin_ms, end_ms = before.wall_ms, after.wall_ms
    seconds = sessions.open_ms(begin_ms, max(begin_ms, end_ms), "session") / 1000
    if not seconds:
        return
    if end_ms - begin_ms > longest_ms:
        day.unwatched.append(
            Stretch(begin_ms=begin_ms, end_ms=end_ms, open_seconds=seconds, why="no snapshots")
        )
        return
    day.watched_seconds += seconds
    status = before.breeze.status
    day.breeze_seconds[status] = day.breeze_seconds.get(status, 0.0) + seconds


def _count(day: Day, snapshot: Snapshot) -> None:
    at_ms = snapshot.wall_ms
    stats = snapshot.window.stats
    day.snapshots += 1
    day.ticks += snapshot.window.ticks
    loss, value = stats.get("risk.daily_loss_pct"), stats.get("positions.total_value")
    latency = stats.get("performance.tick_latency_ms")
    if loss is not None and loss.min is not None:
        worst = day.worst_return_pct
        if worst is None or loss.min < worst.value:
            day.worst_return_pct = Peak(loss.min, at_ms)
    day.largest_value = _higher(day.largest_value, None if value is None else value.max, at_ms)
    day.worst_latency_ms = _higher(
        day.worst_latency_ms, None if latency is None else latency.max, at_ms
    )


def _higher(known: Peak | None, value: float | None, at_ms: int) -> Peak | None:
    if value is None or (known is not None and known.value >= value):
        return known
    return Peak(value, at_ms)


class _Stretches:
    """Finds the stretches without a tick: from the last tick to the one that ended it."""

    def __init__(self, sessions: Sessions) -> None:
        self.found: list[Stretch] = []
        self._sessions = sessions
        self._begun_ms: int | None = None
        self._why = ""

    def see(self, snapshot: Snapshot) -> None:
        heartbeat = snapshot.heartbeat
        age = _number(heartbeat.get("age_seconds"))
        deadline = _number(heartbeat.get("deadline_seconds"))
        lapsed = age is not None and deadline is not None and age > deadline
        if lapsed and heartbeat.get("expected") is True:
            if self._begun_ms is None:
                self._begun_ms = snapshot.wall_ms - round(1000 * (age or 0.0))
            self._why = str(heartbeat.get("cause") or "unknown")
        elif self._begun_ms is not None:
            ended_ms = snapshot.wall_ms if lapsed or age is None else snapshot.wall_ms - age * 1000
            self.end(round(ended_ms))

    def end(self, at_ms: int) -> None:
        """End the stretch that is open, if one is."""
        begun_ms, self._begun_ms = self._begun_ms, None
        if begun_ms is None:
            return
        seconds = self._sessions.open_ms(begun_ms, max(begun_ms, at_ms), "session") / 1000
        if seconds > 0:
            self.found.append(
                Stretch(begin_ms=begun_ms, end_ms=at_ms, open_seconds=seconds, why=self._why)
            )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
