"""From a line of the alert log, or what the notifier saw itself, to the record of what is sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from zoneinfo import ZoneInfo

import msgspec

from evaluator.incident import Incident, Scalar
from evaluator.instant import Instant
from evaluator.suppression import CONSEQUENCES
from monitoring.alert_fold import Folded, wall_ms
from monitoring.alert_line import AlertLine
from monitoring.config import Config
from monitoring.snapshot import Snapshot
from notifier.course import course_of, divide, groups_of
from notifier.ledger import Known
from notifier.message import News, advice_of, exposure_of, text_of, title_of
from notifier.others import OWN_RULES
from notifier.records import Climb, Mark, Passed, Planned
from notifier.routes import Routes

Told = Mapping[str, Known]


class Planner:
    """Makes records. `newest` reads the newest snapshot, None when there is none."""

    def __init__(
        self, config: Config, routes: Routes, newest: Callable[[], Snapshot | None]
    ) -> None:
        self._config = config
        self._routes = routes
        self._newest = newest
        self._zone = ZoneInfo(config.timezone)

    def of_line(self, line: AlertLine, told: Told, now: Instant) -> Planned | Passed | None:
        """Return what a line leads to; None: it is none that somebody might be told of."""
        self._routes.take(line)
        if line.severity is None:
            return None
        ways = self._routes.ways(line.severity, line.rule, now)
        course = course_of(line, self._config.channels, ways, told, now)
        if course is None:
            return None
        mark = Mark(line.seq, line.boottime_ns)
        over = line.status == "resolved"
        why = line.notify or ""
        if not course.channels:
            return Passed(
                at=now, mark=mark, reason=course.reason,
                incident=line.id, rule=line.rule, why=why, over=over or why == "untold",
            )  # fmt: skip
        todo, page = advice_of(line.rule)
        began = None if line.clock is None else line.clock.fired_at or line.clock.active_at
        at = Instant(wall_ms(line), line.boottime_ns, line.boot_id)
        news = News(
            incident=line.id, engine=line.engine, rule=line.rule, severity=line.severity,
            why=why, over=over, message=line.message, reason=line.reason,
            since_ms=at.wall_ms if began is None else began.wall_ms, at=at,
            context=line.context, todo=todo, page=page,
        )  # fmt: skip
        return self._planned(
            news, f"{line.seq}-{why}", course.channels, now, passed=course.passed, mark=mark
        )

    def of_own(self, news: News, told: Told, now: Instant) -> Planned | None:
        """Return what the notifier tells of its own accord; None without anybody to tell it to."""
        known = told.get(news.incident)
        ways = self._routes.ways(news.severity, news.rule, now)
        course = divide(news.severity, news.over, self._config.channels, ways, known)
        if not course.channels:
            return None
        return self._planned(news, news.why, course.channels, now, passed=course.passed)

    def of_standing(self, folded: Folded, told: Told, now: Instant) -> list[Planned | Passed]:
        """Return what is told where a log is taken up in its middle: what fires, and was told."""
        mark = Mark(folded.seq, 0 if folded.at is None else folded.at.boottime_ns)
        standing = {one.id for one in folded.states.values()}
        records: list[Planned | Passed] = [
            Passed(at=now, mark=mark, incident=id_, rule=known.rule, why="untold", over=True,
                   reason="the alert log that it stood in was lost")
            for id_, known in told.items() if id_ not in standing and known.rule not in OWN_RULES
        ]  # fmt: skip
        firing = [
            one
            for one in folded.states.values()
            if one.status == "firing" and one.told is not None and one.id not in told
        ]
        for incident in firing:
            ways = self._routes.ways(incident.severity, incident.rule, now)
            course = divide(incident.severity, False, self._config.channels, ways, None)
            if course.channels:
                news = self.standing(incident, now)
                records.append(
                    self._planned(news, "standing", course.channels, now, passed=course.passed)
                )
        reason = "the telling begins here: of what is before, that which fires"
        return [*records, Passed(at=now, mark=mark, reason=reason)]

    def of_climb(
        self, news: News, reason: str, channels: tuple[str, ...], climb: Climb, now: Instant
    ) -> Planned:
        """Return what is told of an incident that nobody took."""
        said = msgspec.structs.replace(news, why="escalated", reason=reason, at=now)
        step = f"{climb.began_seq}-escalated-{climb.seconds}s"
        planned = self._planned(said, step, channels, now, passed={})
        return msgspec.structs.replace(planned, climb=climb)

    def standing(self, incident: Incident, now: Instant) -> News:
        """Return what there is to say now of an incident that fires since a while.

        Of its context what it explains alone: the figures in it are of when it fired.
        """
        context = {name: one for name, one in incident.context.items() if name == CONSEQUENCES}
        todo, page = advice_of(incident.rule)
        began = incident.fired_at or incident.active_at
        return News(
            incident=incident.id, engine=self._config.engine, rule=incident.rule,
            severity=incident.severity, why="new", over=False, message=incident.message,
            reason="it fires since before the notifier began", since_ms=began.wall_ms, at=now,
            context=context, todo=todo, page=page,
        )  # fmt: skip

    def _planned(
        self,
        news: News,
        step: str,
        channels: tuple[str, ...],
        now: Instant,
        *,
        passed: dict[str, str],
        mark: Mark | None = None,
    ) -> Planned:
        ways = self._routes.ways(news.severity, news.rule, now)
        quiet = self._routes.quiet(now)
        return Planned(
            at=now, incident=news.incident, step=step, engine=news.engine, rule=news.rule,
            severity=news.severity, why=news.why, over=news.over, alert_at=news.at,
            title=title_of(news),
            text=text_of(news, self.exposure(now, news.context), self._zone),
            channels=channels, passed=passed, mark=mark,
            groups=groups_of(news.severity, channels, ways, quiet=quiet),
        )  # fmt: skip

    def exposure(self, now: Instant, context: Mapping[str, Scalar | None]) -> str:
        """Return the exposure as an alert's context says it, else the newest snapshot."""
        limit_seconds = self._config.snapshot_limit_seconds
        return exposure_of(context, self._newest(), now, limit_seconds, self._zone)
