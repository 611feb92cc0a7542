"""Which channels an alert goes to, and what of it may wait: `notify.toml` as it is in force.

Pure. The terms are Alertmanager's (prometheus.io/docs/alerting/latest/configuration).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from fnmatch import fnmatchcase
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Severity
from monitoring.config import Channel

GROUP_WAIT_SECONDS = 30
GROUP_INTERVAL_SECONDS = 300
"""Alertmanager's defaults."""
NO_ROUTE = ""
"""The group of what no route matched, and quiet hours hold."""

When = Literal["session", "night"]


class Subject(msgspec.Struct, frozen=True):
    """What is to be told: `open`, the market is."""

    severity: Severity
    rule: str
    engine: str
    open: bool


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One [[route]]: what it matches, and where that goes. `continues`: those after it count too.

    `repeat_interval_seconds` None: reminders come as the rule has them.
    """

    channels: tuple[str, ...]
    severity: Severity | None = None
    rule: str = "*"
    engine: str = "*"
    when: When | None = None
    continues: bool = False
    group_wait_seconds: int = GROUP_WAIT_SECONDS
    group_interval_seconds: int = GROUP_INTERVAL_SECONDS
    repeat_interval_seconds: int | None = None

    @property
    def words(self) -> str:
        """What it matches: also the name of its group, which an edit elsewhere does not change."""
        parts = [
            self.severity or "",
            f"rule {self.rule}" if self.rule != "*" else "",
            f"engine {self.engine}" if self.engine != "*" else "",
            self.when or "",
        ]
        return ", ".join(part for part in parts if part) or "everything"

    def mismatch(self, subject: Subject) -> str | None:
        """Return why it does not match, None: it does."""
        if self.severity not in (None, subject.severity):
            return f"it is {subject.severity}"
        if not fnmatchcase(subject.rule, self.rule):
            return f"the rule is {subject.rule}"
        if not fnmatchcase(subject.engine, self.engine):
            return f"the engine is {subject.engine}"
        if self.when is not None and (self.when == "session") != subject.open:
            return f"it is {'session' if subject.open else 'night'}"
        return None


class QuietHours(msgspec.Struct, frozen=True):
    """From when to when what is not CRITICAL waits; over midnight when `until` is the earlier."""

    since: time
    until: time

    def hold(self, wall_ms: int, zone: ZoneInfo) -> bool:
        """Tell whether a moment (POSIX ms) lies in them."""
        moment = datetime.fromtimestamp(wall_ms / 1000, zone).time()
        if self.since < self.until:
            return self.since <= moment < self.until
        return moment >= self.since or moment < self.until

    @property
    def words(self) -> str:
        """From when to when."""
        return f"{self.since:%H:%M} to {self.until:%H:%M}"


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """All of `notify.toml`. `fallback` is by channel, `digest` the channels that want one."""

    routes: tuple[Route, ...] = ()
    quiet_hours: QuietHours | None = None
    fallback: dict[str, str] = {}
    digest: tuple[str, ...] = ()

    @property
    def channels(self) -> set[str]:
        """The channels that it names."""
        routed = {name for route in self.routes for name in route.channels}
        return routed | {*self.fallback, *self.fallback.values(), *self.digest}

    def ways(self, subject: Subject, channels: Iterable[str]) -> dict[str, Route | None]:
        """Return the channels that something is sent to, each with the first route to it.

        What no route matches goes to all of them (None): nothing is lost for want of a route.
        """
        found: dict[str, Route | None] = {}
        for route in self.routes:
            if route.mismatch(subject) is None:
                for name in route.channels:
                    found.setdefault(name, route)
                if not route.continues:
                    break
        return found or dict.fromkeys(channels)

    def quiet(self, wall_ms: int, zone: ZoneInfo) -> bool:
        """Tell whether it is quiet now."""
        return self.quiet_hours is not None and self.quiet_hours.hold(wall_ms, zone)

    def group(self, name: str, channel: str) -> Route | None:
        """Return a channel's route whose group has a name, None when there is none any more."""
        found = (one for one in self.routes if one.words == name and channel in one.channels)
        return next(found, None)


def why_not(
    name: str, channel: Channel, severity: Severity, ways: Mapping[str, Route | None]
) -> str | None:
    """Return why a channel is not told that something fires, None: it is."""
    if name not in ways:
        return "no route leads there"
    if severity != "CRITICAL" and channel.severity == "CRITICAL":
        return "is told of CRITICAL alone"
    return None


def described(route: Route) -> str:
    """Return a route in words, on one line."""
    told = f"{route.words} → {', '.join(route.channels)}"
    wait, interval = in_words(route.group_wait_seconds), in_words(route.group_interval_seconds)
    if route.severity != "CRITICAL":
        told += f"; WARNING grouped: {wait} for the first, then every {interval}"
    if route.repeat_interval_seconds is not None:
        told += f"; reminders at most every {in_words(route.repeat_interval_seconds)}"
    return told + ("; and on to the next" if route.continues else "")
