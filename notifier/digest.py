"""The digest of a session: once, after its close, to the channels that want one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from evaluator.instant import Instant
from monitoring.alert_fold import read
from monitoring.calendar import Calendar, TradingCalendar
from monitoring.config import Config
from monitoring.home import Home
from monitoring.snapshot import file_wall_ms
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable
from monitoring.trading_day import DayIncident, Exposure, exposure_at, incidents_of, stake
from notifier.ledger import DeadLetter, State
from notifier.message import bounded
from notifier.records import DIGEST, Planned

AFTER_MS = 5 * 60_000
"""After the close: what it ends is told first."""
WITHIN_MS = 12 * 3_600_000
"""Later than that after the close nobody wants it: a notifier that was down, a digest that was
switched on today.
"""
LOOK_MS = 15_000
DETAILED = 8
LONGEST_LINE = 160
LONGEST_COUNTS = 1000


class Session(msgspec.Struct, frozen=True):
    """A session that is over: its date (ISO), and that day's beginning (POSIX ms)."""

    day: str
    begin_ms: int


class Digest:
    """Makes the digest of one home when it is due. What was told is in the log's state."""

    def __init__(self, home: Home, config: Config) -> None:
        self._home = home
        self._engine = config.engine
        self._zone = ZoneInfo(config.timezone)
        self._looked_ms = 0

    def look(
        self, channels: tuple[str, ...], calendar: Calendar, state: State, now: Instant
    ) -> Planned | None:
        """Return the digest, if one is due. Raises OSError when the alert log can't be read."""
        if not channels or abs(now.wall_ms - self._looked_ms) < LOOK_MS:
            return None
        self._looked_ms = now.wall_ms
        session = session_over(calendar, now.wall_ms, self._zone)
        if session is None or session.day <= state.digest:
            return None
        lines = read(self._home.alerts, session.begin_ms)
        incidents = incidents_of(lines, session.begin_ms, now.wall_ms + 1)
        incidents.sort(key=lambda one: one.severity)  # CRITICAL first, else as they came
        self._note_stakes(incidents[:DETAILED])
        given_up = [one for one in state.dead if one.at.wall_ms >= session.begin_ms]
        text = text_of(incidents, given_up, self._zone)
        moment = date.fromisoformat(session.day)
        return Planned(
            at=now, incident=DIGEST, step=session.day, engine=self._engine, rule=DIGEST,
            severity="WARNING", why=DIGEST, over=True, alert_at=now,
            title=f"DIGEST {moment.day} {moment:%b} ({self._engine})",
            text=f"{text}\nmore: `monitor report --session {session.day}`", channels=channels,
        )  # fmt: skip

    def _note_stakes(self, incidents: Iterable[DayIncident]) -> None:
        """Note what was at stake when these fired and ended, by the last snapshot before it."""
        store = SnapshotStore(self._home.snapshots)
        names = store.names_after(None)
        moments = [file_wall_ms(name) or 0 for name in names]

        def at(wall_ms: int) -> Exposure | None:
            index = bisect_right(moments, wall_ms)
            try:
                return exposure_at(store.read(names[index - 1])) if index else None
            except SnapshotUnreadable:
                return None

        for one in incidents:
            one.at_firing = at(one.fired_ms)
            one.at_end = None if one.ended_ms is None else at(one.ended_ms)


def session_over(calendar: Calendar, now_ms: int, zone: ZoneInfo) -> Session | None:
    """Return the session that closed lately. Where nothing ever closes, midnight ends a day."""
    today = datetime.fromtimestamp(now_ms / 1000, zone).date()
    for day in (today, today - timedelta(days=1)):
        begin_ms, end_ms = _midnight_ms(day, zone), _midnight_ms(day + timedelta(days=1), zone)
        if isinstance(calendar, TradingCalendar):
            spans = calendar.sessions_on(day.isoformat())
            if not spans:
                continue
            end_ms = spans[-1][1]
        if AFTER_MS <= now_ms - end_ms <= WITHIN_MS:
            return Session(day.isoformat(), begin_ms)
    return None


def text_of(
    incidents: Sequence[DayIncident], given_up: Sequence[DeadLetter], zone: ZoneInfo
) -> str:
    """Return the digest: the first alerts with their times and stakes, of the others the counts."""
    if not incidents:
        lines = ["no alert fired"]
    else:
        still = sum(one.end == "open" for one in incidents)
        critical = sum(one.severity == "CRITICAL" for one in incidents)
        counts = {"CRITICAL": critical, "WARNING": len(incidents) - critical, "still firing": still}
        lines = [", ".join(f"{count} {word}" for word, count in counts.items() if count)]
    for one in incidents[:DETAILED]:
        lines += _told(one, zone)
    if len(incidents) > DETAILED:
        lines.append(bounded(f"and {_counted(incidents[DETAILED:])}", LONGEST_COUNTS))
    for channel in dict.fromkeys(one.channel for one in given_up):
        letters = [one for one in given_up if one.channel == channel]
        lines.append(f"not delivered on {channel}: {len(letters)} ({letters[-1].reason[:100]})")
    return "\n".join(lines)


def _told(one: DayIncident, zone: ZoneInfo) -> list[str]:
    when = f"{_clock(one.fired_ms, zone)}"
    taken = "nobody took it"
    if one.taken:
        first = one.taken[0]
        taken = f"{first.by} took it after {_lasted(one.fired_ms, first.at_ms)}"
    if one.ended_ms is None:
        became = "still firing"
    else:
        became = f"{one.end} after {_lasted(one.fired_ms, one.ended_ms)}"
    if one.suppressed_by is not None:
        taken = one.suppressed_by
    stakes = f"  {stake(one.at_firing)}"
    if one.ended_ms is not None:
        stakes += f" → {stake(one.at_end)}"
    return [bounded(f"{when} {one.severity} {one.rule}: {became}, {taken}", LONGEST_LINE), stakes]


def _counted(incidents: Sequence[DayIncident]) -> str:
    rules: dict[str, int] = {}
    for one in incidents:
        rules[one.rule] = rules.get(one.rule, 0) + 1
    named = (f"{rule} ×{count}" if count > 1 else rule for rule, count in rules.items())
    return f"{len(incidents)} more: {', '.join(named)}"


def _lasted(begin_ms: int, end_ms: int) -> str:
    return in_words(max(0, end_ms - begin_ms) / 1000)


def _clock(wall_ms: int, zone: ZoneInfo) -> str:
    return f"{datetime.fromtimestamp(wall_ms / 1000, zone):%H:%M}"


def _midnight_ms(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
