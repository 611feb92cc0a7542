"""The notifier's decisions on a home, minute by minute of a story, without threads or channels.

Alert lines are written as the scheduler writes them, and what is decided goes into a real log of
deliveries, from which each restart goes on. Dice kill it between two turns, or in the middle of a
write: of that a part is on disk, and nothing was sent yet.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from evaluator.incident import Ack, Countdown, Incident, Severity, Status, Told, Transition
from evaluator.incident_id import incident_id
from evaluator.instant import Instant
from monitoring.alert_entry import Notice
from monitoring.alert_fold import fold, read
from monitoring.alert_log import AlertLog
from monitoring.config import Calendar, Channel, Config
from monitoring.home import Home
from monitoring.market_override import MarketOverride, end_of_day_ms
from monitoring.snapshot import CollectorStatus, Snapshot
from monitoring.troubles import Troubles
from notifier.deliveries import DeliveryLog, files
from notifier.escalation import Escalation
from notifier.message import News
from notifier.oncall_watch import OnCallWatch
from notifier.planning import Planner
from notifier.records import Passed, Planned
from notifier.routes import Routes

SEED = 20_261_026
IST = ZoneInfo("Asia/Kolkata")


class NoSpare:
    def release(self) -> bool:
        return False


def instant(moment: datetime) -> Instant:
    wall_ms = round(moment.timestamp() * 1000)
    return Instant(wall_ms, wall_ms * 1_000_000, "boot")


class Simulated:
    """One home and one clock; `begin` is local time in India."""

    def __init__(self, root: Path, begin: datetime, *channels: str, calendar: str = "XNSE") -> None:
        root.mkdir()
        self.home = Home(root)
        self.config = Config(
            channels={name: Channel(kind="webhook") for name in channels},
            calendar=Calendar(name=calendar),
        )  # fmt: skip
        self.moment = begin.replace(tzinfo=IST)
        self.open_positions: float | None = None
        self.expired = False
        self.up = True
        self.kills_to_one: tuple[float, float] = (0.0, 0.0)
        """How likely it is killed in a minute, and in a write."""
        self.kills = 0
        self.dice = random.Random(SEED)
        self.troubles = Troubles()
        self.own: dict[str, News] = {}
        self._alerts = self._new_log()
        self._open: dict[str, Incident] = {}
        self._written = self._taken = 0
        self._start()

    @property
    def now(self) -> Instant:
        return instant(self.moment)

    def fire(self, rule: str, severity: Severity = "CRITICAL") -> None:
        self._open[rule] = Incident(
            id=incident_id("main", rule, self.now), rule=rule, status="firing", severity=severity,
            message=f"{rule} is so", reason="condition held", context={}, day="2026-01-01",
            active_at=self.now, fired_at=self.now, held=Countdown(), told=Told(self.now, severity),
        )  # fmt: skip
        self._write(rule, "new")

    def step(self, rule: str, notify: str, **fields: Any) -> None:
        self._open[rule] = msgspec.structs.replace(self._open[rule], **fields)
        self._write(rule, notify)

    def remind(self, rule: str, count: int) -> None:
        told = Told(self.now, self._open[rule].severity, count)
        self.step(rule, "repeat", told=told)

    def ack(self, rule: str) -> None:
        self.step(rule, "acknowledged", ack=Ack("asha", self.now.wall_ms))

    def unack(self, rule: str) -> None:
        self.step(rule, "unacknowledged", ack=None)

    def ack_expires(self, rule: str) -> None:
        self.step(rule, "repeat", ack=None, told=Told(self.now, self._open[rule].severity))

    def close_the_market(self) -> None:
        """Write what `monitor market close` leads to."""
        day = f"{self.moment:%Y-%m-%d}"
        override = MarketOverride(
            id="m", action="close", date=day, from_ms=self.now.wall_ms,
            ends_ms=end_of_day_ms(day, IST),
        )  # fmt: skip
        notice = Notice(kind="market", reason="closed", market=override)
        assert self._alerts.append([notice], self.now, 1)
        self._written += 1

    def resolve(self, rule: str) -> None:
        resolved: Status = "resolved"
        self.step(rule, "resolved", status=resolved, resolved_at=self.now)

    def sees(self, rule: str) -> None:
        """Let the notifier itself see that something is so, and tell it."""
        news = News(
            incident="0199", engine="main", rule=rule, severity="CRITICAL", why="new", over=False,
            message="it is dead", reason="seen", since_ms=self.now.wall_ms, at=self.now,
        )  # fmt: skip
        self.own[rule] = news
        planned = self._planner.of_own(news, self._deliveries.state.told, self.now)
        assert planned is not None
        self._deliveries.append([planned])

    def lose_the_log(self) -> None:
        self._alerts.close()
        for file in self.home.alerts.glob("*.jsonl"):
            file.unlink()
        self._alerts = self._new_log()
        self._taken = 0  # as the follower does, which tells a new file from an old one

    def restart(self) -> None:
        self._deliveries.close()
        self._start()

    def lines(self, kind: type[Planned] | type[Passed]) -> list[str]:
        """Return what the log of deliveries holds: `Mon 26 10:00 new breaker phone mail`."""
        found = []
        for path in files(self.home.deliveries):
            for raw in path.read_bytes().splitlines():
                with contextlib.suppress(msgspec.MsgspecError):
                    found.append(msgspec.json.decode(raw, type=kind))
        return [self._shown(one) for one in found]

    @property
    def told(self) -> list[str]:
        return self.lines(Planned)

    @property
    def passed(self) -> list[str]:
        return self.lines(Passed)

    def minutes(self, count: int) -> Iterator[datetime]:
        """Yield each of so many minutes; what the story does in it is seen at its end."""
        for _ in range(count):
            yield self.moment
            if self.up:
                if self.dice.random() < self.kills_to_one[0]:
                    self.kills += 1
                    self.restart()
                self._turn()
            self.moment += timedelta(minutes=1)

    def escalated(self) -> list[str]:
        """Return the escalations without their rule: `10:02 phone mail`."""
        found = (line.split(maxsplit=4) for line in self.told)
        return [f"{one[2]} {one[4].split(maxsplit=1)[1]}" for one in found if one[3] == "escalated"]

    def end(self) -> None:
        self._alerts.close()
        self._deliveries.close()

    def _new_log(self) -> AlertLog:
        log = AlertLog(self.home.alerts, "main", "Asia/Kolkata")
        log.open(self.now)
        return log

    def _start(self) -> None:
        self._deliveries = DeliveryLog(self.home.deliveries, IST, 90, NoSpare())
        self._deliveries.open()
        mark = self._deliveries.state.mark
        self._taken = 0 if mark is None else mark.seq
        self._written = 1  # lines past the mark are read again
        folded = fold(self.home.alerts)
        routes = Routes(self.home, self.config, folded.market)
        self._planner = Planner(self.config, routes, self._newest)
        watch = OnCallWatch(self.home, self.config, self.troubles)
        self._escalation = Escalation(
            watch, folded, self._planner, lambda: routes.calendar, self._newest
        )

    def _write(self, rule: str, notify: str) -> None:
        change = Transition(self._open[rule], self.now, notify)
        assert self._alerts.append([change], self.now, 1)
        self._written += 1

    def _turn(self) -> None:
        """Do what `notifier.process` does in a turn and in a look around."""
        now, log = self.now, self._deliveries
        lines = list(read(self.home.alerts, after_seq=self._taken)) if self._written else []
        self._written = 0
        for line in lines:
            self._taken = line.seq
            passed = self._escalation.instead_of_repeat(line, log.state, now)
            record = passed or self._planner.of_line(line, log.state.told, now)
            if record is not None:
                log.hold(record)
            clocked = self._escalation.take(line, log.state, now)
            if clocked is not None:
                log.hold(clocked)
        for due in self._escalation.look(log.state, self.own, now):
            log.hold(due)
        if not log.held:
            return
        size = self._size()
        log.flush()
        if self.dice.random() < self.kills_to_one[1]:
            self.kills += 1
            os.truncate(self._newest_file(), self.dice.randint(size, self._torn(size)))
            self.restart()
            self._turn()

    def _torn(self, size: int) -> int:
        """Return up to where a write may be torn that began at a size.

        The state with which a file begins tells what the records after it tell: torn behind it
        nothing is lost, but those records are no lines that a test could read.
        """
        if size:
            return self._size()
        return self._newest_file().read_bytes().index(b"\n")

    def _newest_file(self) -> Path:
        return files(self.home.deliveries)[-1]

    def _size(self) -> int:
        """Return the size of the day's file, 0 when it has none yet."""
        name = f"{self.moment:%Y-%m-%d}.jsonl"
        path = self.home.deliveries / name
        return path.stat().st_size if path.exists() else 0

    def _shown(self, record: Planned | Passed) -> str:
        when = datetime.fromtimestamp(record.at.wall_ms / 1000, IST)
        what = f"{when:%a %d %H:%M} {record.why:9} {record.rule}"
        if isinstance(record, Planned):
            return f"{what} {' '.join(record.channels)}"
        return f"{what}: {record.reason}"

    def _newest(self) -> Snapshot | None:
        if self.open_positions is None:
            return None
        return Snapshot(
            snapshot=1, timestamp="", wall_ms=self.now.wall_ms, boottime_ns=self.now.boottime_ns,
            boot_id="boot", engine="main", reason="interval",
            positions={"count": None if self.expired else self.open_positions},
            last={"positions": {"count": self.open_positions}},
            collector=CollectorStatus(app_version="0"),
        )  # fmt: skip


Scene = dict[str, list[Callable[[], None]]]


def play(story: Simulated, scenes: Scene, until: datetime) -> None:
    """Let the scenes happen at their minutes (`Mon 26 10:00`)."""
    left = dict(scenes)
    count = round((until.replace(tzinfo=IST) - story.moment).total_seconds() / 60)
    for moment in story.minutes(count):
        for happens in left.pop(f"{moment:%a %d %H:%M}", []):
            happens()
    assert not left
