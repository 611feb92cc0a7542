"""The dead man's switch: a service outside is pinged while all is well, and misses it when not.

Two pings, as one alone would let a blocked messenger hide a dead monitor: `chain` (snapshots are
fresh, and somebody judges them) and `delivery` (the last attempt of every required channel was
taken). They speak Healthchecks' protocol (healthchecks.io/docs/http_api). The notifier's own loop
begins them, so that both end with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from evaluator.durations import in_words
from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.chain import age_seconds, broken_link
from monitoring.config import Channel, Config
from monitoring.settings import Settings
from monitoring.snapshot import Snapshot
from monitoring.state import read_state
from notifier.http import meaning, post, prepare
from notifier.letter import BROKEN, SENT, Outcome
from notifier.message import exposure_of

PERIOD_SECONDS = 60.0
"""Day and night; a failure is told so often too, and no more often."""


class DeadMan:
    """Pings what the settings name. `period_seconds` is another one in tests alone."""

    def __init__(
        self,
        settings: Settings,
        state_folder: Path,
        *,
        wake: Callable[[], None],
        period_seconds: float = PERIOD_SECONDS,
    ) -> None:
        self._config = settings.config
        self._state_folder = state_folder
        if settings.dead_man:
            prepare()
        self._switches = [
            Switch(name, url, wake=wake, period_seconds=period_seconds)
            for name, url in settings.dead_man.items()
        ]

    def look(
        self, now: Instant, newest: Callable[[], Snapshot | None], failing: Mapping[str, str]
    ) -> dict[str, str | None]:
        """Ping where it is time to; return what is wrong with each ping itself, None: nothing.

        `failing` says by channel why its last attempt failed.
        """
        for switch in self._switches:
            if switch.is_due(now):
                snapshot = newest()
                if switch.name == "chain":
                    collector = read_state(self._state_folder, "collector")
                    scheduler = read_state(self._state_folder, "scheduler")
                    fault = broken_link(snapshot, collector, scheduler, now)
                else:
                    fault = unreached(self._config.channels, failing)
                switch.ping(now, fault, body_of(fault, snapshot, self._config, now))
        return {f"{switch.name} ping": switch.trouble(now) for switch in self._switches}


class Switch:
    """One address that is pinged, each time in a thread that delays nobody."""

    def __init__(
        self, name: str, url: SecretStr, *, wake: Callable[[], None], period_seconds: float
    ) -> None:
        self.name = name
        self._url = url
        self._period_ms = period_seconds * 1000
        self._aside: Aside[Outcome] = Aside(f"ping-{name}", wake)
        self._pinged: Instant | None = None
        self._under_way = False
        self._outcome = SENT

    def is_due(self, now: Instant) -> bool:
        """Tell whether it is time for a ping, and none is under way."""
        self._take()
        return not self._under_way and self._waited(now)

    def ping(self, now: Instant, fault: str | None, body: str) -> None:
        """Say that all is well, or what is not; the first time, that the notifier started."""
        way = "/start" if self._pinged is None else "" if fault is None else "/fail"
        url = with_path(self._url.get_secret_value(), way)
        plain = {"Content-Type": "text/plain; charset=utf-8"}

        def send() -> Outcome:
            said = post(url, body.encode(errors="backslashreplace"), plain)
            return said if isinstance(said, Outcome) else meaning(said)

        if self._aside.begin(send):
            self._pinged, self._under_way = now, True

    def trouble(self, now: Instant) -> str | None:
        """Return why the last ping did not arrive, None when it did."""
        self._take()
        if self._under_way and self._waited(now):
            return f"the {self.name} ping hangs"
        if self._outcome.word == "sent":
            return None
        return f"the {self.name} ping does not arrive: {self._outcome.reason}"

    def _waited(self, now: Instant) -> bool:
        return self._pinged is None or elapsed_ms(self._pinged, now) >= self._period_ms

    def _take(self) -> None:
        if self._under_way and not self._aside.busy:
            self._under_way = False
            self._outcome = self._aside.take() or BROKEN


def unreached(channels: Mapping[str, Channel], failing: Mapping[str, str]) -> str | None:
    """Return which required channels are not reached and why, None when all are or may be."""
    if not channels:
        return "no channel is set: nobody is told"
    required = [name for name, channel in channels.items() if channel.required]
    return "; ".join(f"{name}: {failing[name]}" for name in required if name in failing) or None


def body_of(fault: str | None, snapshot: Snapshot | None, config: Config, now: Instant) -> str:
    """Return what a ping says: what is wrong, what is at stake, and how old the news of it is."""
    zone, limit = ZoneInfo(config.timezone), config.snapshot_limit_seconds
    age = age_seconds(snapshot, now)
    return "\n".join((
        f"{config.engine}: {fault or 'well'}",
        exposure_of({}, snapshot, now, limit, zone),
        "no snapshot" if age is None else f"snapshot {in_words(age)} old",
    ))  # fmt: skip


def with_path(url: str, more: str) -> str:
    """Return an address with more behind its path: its query stays."""
    parts = urlsplit(url)
    return parts._replace(path=parts.path.rstrip("/") + more).geturl()
