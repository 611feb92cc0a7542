"""The line a minute after the open that all is well, for who asked for one (`all_well`).

It is judged on what the scheduler says of itself, so the session is the one that it goes by. A
notifier that is started anew within that minute may send it again, with the same key.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from zoneinfo import ZoneInfo

from evaluator.incident import Incident
from evaluator.instant import Instant
from monitoring.alert_fold import fold
from monitoring.config import Config
from monitoring.home import Home
from monitoring.process_life import Processes, life_of
from monitoring.state import ProcessState
from notifier.message import exposure_of
from notifier.records import Planned

RULE = "all_well"
FROM_SECONDS, UNTIL_SECONDS = 60.0, 120.0
"""After the open. What is not well by then has its alerts, and the line does not come."""


class AllWell:
    """Looks every second; plans one message a trading day."""

    def __init__(self, home: Home, config: Config, processes: Processes) -> None:
        self._home = home
        self._config = config
        self._processes = processes
        self._zone = ZoneInfo(config.timezone)
        self._done = ""

    def look(self, now: Instant) -> Planned | None:
        """Return the message, when its time has come and all is well."""
        # Who is told of CRITICAL alone is not woken to hear that all is well.
        known = self._config.channels
        channels = tuple(n for n in self._config.messengers if known[n].severity == "WARNING")
        if not self._config.all_well or not channels:
            return None
        state, life = life_of(self._home.state, "scheduler", now, self._processes)
        if state is None or not life.good or not _is_time(state):
            return None
        incident = f"{RULE}.{datetime.fromtimestamp(now.wall_ms / 1000, self._zone).date()}"
        if incident == self._done:
            return None
        _, collector = life_of(self._home.state, "collector", now, self._processes)
        try:
            said = well(state, fold(self._home.alerts).states.values()) if collector.good else None
        except OSError:  # said where its lines are read
            said = None
        if said is None:
            return None
        self._done = incident
        exposure = exposure_of(state.facts, None, now, 0.0, self._zone)
        return Planned(
            at=now, incident=incident, step=RULE, engine=self._config.engine, rule=RULE,
            severity="WARNING", why=RULE, over=True, alert_at=now,
            title=f"All is well ({self._config.engine})", text=f"{said}\n{exposure}",
            channels=channels,
        )  # fmt: skip


def well(state: ProcessState, incidents: Iterable[Incident]) -> str | None:
    """Return in words that all is well, None when it is not."""
    age, deadline = (
        _number(state, "heartbeat.age_seconds"),
        _number(state, "heartbeat.deadline_seconds"),
    )
    firing = [one for one in incidents if one.status == "firing"]
    grave = any(one.severity == "CRITICAL" for one in firing)
    if age is None or deadline is None or age > deadline or grave:
        return None
    fires = ", ".join(sorted(one.rule for one in firing)) or "nothing"
    return (
        f"the engine ticks, the last {age:.1f} s ago; collector and scheduler run\nfires: {fires}"
    )


def _is_time(state: ProcessState) -> bool:
    since_open = _number(state, "session.seconds_since_open")
    is_open = state.facts.get("session.open") is True
    return is_open and since_open is not None and FROM_SECONDS <= since_open < UNTIL_SECONDS


def _number(state: ProcessState, fact: str) -> float | None:
    value = state.facts.get(fact)
    return None if isinstance(value, bool) or not isinstance(value, int | float) else float(value)
