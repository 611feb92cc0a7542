"""One look at a home: everything that the files say, read once, at one instant."""

from __future__ import annotations

import os
from zoneinfo import ZoneInfo

import msgspec

from evaluator.incident import Incident
from evaluator.instant import Instant
from evaluator.silence import Silence
from monitoring.alert_fold import fold
from monitoring.chain import age_seconds, is_fresh
from monitoring.config import Config
from monitoring.home import Home
from monitoring.market_override import Overrides
from monitoring.process_life import Life, Processes, life_of
from monitoring.snapshot import Snapshot, file_wall_ms, flatten
from monitoring.snapshots import SnapshotStore, SnapshotUnreadable
from monitoring.state import ProcessState
from scripts.cli import words
from scripts.cli.failure import Failure
from scripts.cli.heartbeat_peek import peek

NEVER_RAN = 3


class Look(msgspec.Struct, kw_only=True):
    """What the files of a home say. `facts` are raw values by name, the scheduler's own included.

    The ages of tick and pulse are the better of the snapshot's word and the heartbeat files'.
    """

    home: Home
    now: Instant
    config: Config
    collector: ProcessState | None
    collector_life: Life
    scheduler: ProcessState | None
    scheduler_life: Life
    notifier: ProcessState | None
    notifier_life: Life
    snapshot: Snapshot | None
    snapshot_age_seconds: float | None
    skipped: list[str]
    facts: dict[str, object]
    tick_age_seconds: float | None
    pulse_age_seconds: float | None
    incidents: list[Incident]
    alert_faults: list[str]
    overrides: Overrides = {}
    silences: list[Silence] = []
    past: dict[str, Incident] = {}

    @property
    def zone(self) -> ZoneInfo:
        """The trading timezone."""
        return words.zone(self.config.timezone)

    @property
    def fresh(self) -> bool:
        """Tell whether the newest snapshot still counts as the present."""
        return is_fresh(self.snapshot_age_seconds, self.config)

    @property
    def judged(self) -> bool:
        """Tell whether somebody judges the snapshots now."""
        return self.scheduler_life.good and self.config.enabled

    def number(self, fact: str) -> float | None:
        """Return a fact that is a number, None when it is unknown."""
        value = self.facts.get(fact)
        return value if isinstance(value, float | int) and not isinstance(value, bool) else None

    def text(self, fact: str) -> str | None:
        """Return a fact that is text, None when it is unknown."""
        value = self.facts.get(fact)
        return value if isinstance(value, str) else None

    def flag(self, fact: str) -> bool | None:
        """Return a fact that is a flag, None when it is unknown."""
        value = self.facts.get(fact)
        return value if isinstance(value, bool) else None

    def reported(self, group: str) -> bool:
        """Tell whether the engine ever reported anything in a group."""
        if self.snapshot is None:
            return False
        known = {**self.snapshot.last.get(group, {}), **getattr(self.snapshot, group, {})}
        return any(value is not None for value in known.values())


def look(home: Home, now: Instant, processes: Processes) -> Look:
    """Read a home. Raises `Failure` when nothing ever ran in it, OSError for what can't be read."""
    if not home.root.is_dir():
        raise Failure(
            f"The home {home.root} is not a folder.",
            "Set MONITOR_HOME to the monitor's home, or make one with `monitor init`.",
            code=NEVER_RAN,
        )
    collector, collector_life = life_of(home.state, "collector", now, processes)
    scheduler, scheduler_life = life_of(home.state, "scheduler", now, processes)
    notifier, notifier_life = life_of(home.state, "notifier", now, processes)
    store = SnapshotStore(home.snapshots)
    snapshot, skipped = newest_snapshot(store)
    if snapshot is None and collector_life.word == "never" and scheduler_life.word == "never":
        raise never_ran(home)
    state = collector or scheduler
    config = state.config if state is not None else Config()
    snapshot_age = age_seconds(snapshot, now)
    folded = fold(home.alerts) if home.alerts.is_dir() else None
    # the snapshot wins: the scheduler only adds what it alone knows
    facts = {**(scheduler.facts if scheduler else {}), **(flatten(snapshot) if snapshot else {})}
    seen = peek(home.heartbeat, config.engine, now.wall_ms)
    return Look(
        home=home,
        now=now,
        config=config,
        collector=collector,
        collector_life=collector_life,
        scheduler=scheduler,
        scheduler_life=scheduler_life,
        notifier=notifier,
        notifier_life=notifier_life,
        snapshot=snapshot,
        snapshot_age_seconds=snapshot_age,
        skipped=skipped,
        facts=facts,
        tick_age_seconds=_age(facts.get("heartbeat.age_seconds"), snapshot_age, seen.tick_ms, now),
        pulse_age_seconds=_age(
            facts.get("heartbeat.pulse_age_seconds"), snapshot_age, seen.line_ms, now
        ),
        incidents=sorted(folded.states.values(), key=_urgency) if folded else [],
        alert_faults=list(folded.faults) if folded else [],
        overrides=folded.market if folded else {},
        silences=sorted(folded.silences.values(), key=_end) if folded else [],
        past=folded.past if folded else {},
    )


def overrides_of(home: Home) -> Overrides:
    """Return the operator's overrides of the market that the alert log holds. Raises OSError."""
    return fold(home.alerts).market if home.alerts.is_dir() else {}


def newest_snapshot(store: SnapshotStore) -> tuple[Snapshot | None, list[str]]:
    """Return the newest snapshot that can be read, and why newer ones could not be.

    Looks at names from the end only: a day has 8,640 of them. Raises OSError.
    """
    try:
        names = sorted(os.listdir(store.folder), reverse=True)
    except FileNotFoundError:
        return None, []
    skipped: list[str] = []
    for name in names:
        if file_wall_ms(name) is not None:
            try:
                return store.read(name), skipped
            except SnapshotUnreadable as fault:
                skipped.append(str(fault))
    return None, skipped


def never_ran(home: Home) -> Failure:
    """Return the words for a home in which no process ever ran."""
    if home.settings.is_file():
        todo = f"Start collector and scheduler: `make run MONITOR_HOME={home.root}`."
    else:
        todo = "Make a home with `monitor init`, or set MONITOR_HOME to the one you have."
    return Failure(f"Nothing has ever run in the home {home.root}.", todo, code=NEVER_RAN)


def _urgency(incident: Incident) -> tuple[bool, bool, bool, int]:
    return (
        incident.status != "firing",
        incident.severity != "CRITICAL",
        incident.suppressed_by is not None,
        incident.active_at.wall_ms,
    )


def _end(silence: Silence) -> int:
    return silence.ends_ms


def _age(
    told: object, snapshot_age: float | None, seen_ms: int | None, now: Instant
) -> float | None:
    """Return the better of what a snapshot told (grown older since) and what the files show."""
    ages = []
    if isinstance(told, float | int) and snapshot_age is not None:
        ages.append(told + snapshot_age)
    if seen_ms is not None:
        ages.append((now.wall_ms - seen_ms) / 1000)
    return min(ages) if ages else None
