"""The routing in force: `notify.toml` as it changes, and whether the market is open."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from evaluator.incident import Severity
from evaluator.instant import Instant, elapsed_ms
from monitoring.alert_line import AlertLine
from monitoring.calendar import Calendar, calendar_of
from monitoring.config import Config
from monitoring.file_mark import Mark, mark_of
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.market_override import Overrides, take
from monitoring.notify_file import read
from monitoring.routing import Route, Routing, Subject
from notifier.in_force import keep, kept

QUIET_MS = 1_000
"""A file counts when nobody has touched it for so long: an editor may be in the middle of it."""


class Routes:
    """Holds the routing and the calendar. `trouble` says in words what is wrong with the file.

    A faulty file leaves the routing from before in force, also over a restart: it is kept in the
    state folder. Without one from before everybody is told. Raises ScheduleFault.
    """

    def __init__(self, home: Home, config: Config, overrides: Overrides) -> None:
        self._path = home.notify
        self._config = config
        self._overrides = dict(overrides)
        self._zone = ZoneInfo(config.timezone)
        self._mark: Mark = mark_of(self._path)
        self._since: Instant | None = None
        self.routing = Routing()
        self.trouble: str | None = None
        self.calendar: Calendar = calendar_of(config, self._overrides)
        self._in_force = home.routes_in_force
        self._read()
        if self.trouble is not None:
            self.routing = self._kept()

    def look(self, now: Instant) -> None:
        """Take the file over, if it changed and was left alone since."""
        mark = mark_of(self._path)
        if mark != self._mark:
            self._mark, self._since = mark, now
        elif self._since is not None and elapsed_ms(self._since, now) >= QUIET_MS:
            self._since = None
            self._read()

    def take(self, line: AlertLine) -> None:
        """Take the operator's word on the market, if a line is one."""
        if line.market is not None:
            take(self._overrides, line.market)
            self.calendar = calendar_of(self._config, self._overrides)

    def ways(self, severity: Severity, rule: str, now: Instant) -> Mapping[str, Route | None]:
        """Return the channels that an alert is for now, each with its route."""
        is_open = self.calendar.is_open(now.wall_ms, "session")
        subject = Subject(severity, rule, self._config.engine, is_open)
        return self.routing.ways(subject, self._config.channels)

    def quiet(self, now: Instant) -> bool:
        """Tell whether these are quiet hours."""
        return self.routing.quiet(now.wall_ms, self._zone)

    def _read(self) -> None:
        found = read(self._path, self._config.channels)
        if isinstance(found, Routing):
            if found != self.routing:
                monitoring_log.info("notify.toml: {} routes are in force", len(found.routes))
            self.routing, self.trouble = found, None
            keep(self._in_force, self.routing, "the routes")
            return
        first, *others = found.faults
        more = f" (and {len(others)} more)" if others else ""
        self.trouble = f"not taken over: {first}{more}; the routes from before are in force"

    def _kept(self) -> Routing:
        """Return the routing that was in force when this process last ran, if its channels are
        still set: routes to nowhere would lose alerts.
        """
        found = kept(self._in_force, Routing)
        known = self._config.channels.keys()
        return found if found is not None and found.channels <= known else Routing()
