"""May trading begin? What is checked before the open, on facts alone.

The scheduler asks it for the rule `preflight_no_go`, `monitor preflight` for the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from evaluator.instant import Sessions
from monitoring.config import Config

Verdict = Literal["go", "caution", "no_go", "n/a"]
"""`caution` is for a human to know and keeps nothing from going; `n/a`: not used here."""

WATCHED_SECONDS = 2700
"""From so long before the open on, the scheduler looks: the rule's first warning."""
ENGINE_SECONDS = 300
"""An engine may be started as late as this before the open without an alarm."""
CLOCK_SECONDS = 5.0
"""A clock further off than this dates orders and bars wrongly; a Date header has whole seconds."""
HORIZON_DAYS = 30

LOGIN = "log in and run `monitor breeze login`"
_REFUSED = {
    "session_expired": ("the session has expired", LOGIN),
    "bad_session": ("the session key is none that Breeze knows", LOGIN),
    "bad_app_key": ("Breeze does not know the app key", "check breeze.app_key in the settings"),
    "rate_limited": ("Breeze takes no more calls", "let the engine call less often"),
    "unreachable": ("Breeze does not answer", "try the broker's own app"),
    "unknown": ("nobody knows whether there is a session", LOGIN),
}
"""What stands against trading by `breeze.status`, and what to do."""

_SNAPSHOT_BYTES = 8_000
_TICK_BYTES = 1_000
_DAY_SECONDS = 86_400
_USUAL_TICK_SECONDS = 1.0

OF_SNAPSHOTS = (
    "heartbeat.age_seconds",
    "heartbeat.deadline_seconds",
    "heartbeat.cause",
    "breeze.status",
    "breeze.key_left_seconds",
    "breeze.clock_ahead_seconds",
    "connectivity.breeze_authenticated",
    "collector.disk_free_bytes",
    "collector.inodes_free_pct",
)
"""What is looked at in snapshots, beside the age of each watched artifact."""

Facts = Mapping[str, object]


class Check(msgspec.Struct, frozen=True):
    """One thing looked at. `todo` is there for all that is not go or n/a."""

    subject: str
    verdict: Verdict
    what: str
    todo: str | None = None


def checks(facts: Facts, config: Config, seconds_to_close: float | None) -> list[Check]:
    """Return what facts say of Breeze, models, clock, disk, calendar, rules, limits and engine.

    `seconds_to_close` is to the end of the session that is open or next (None: it never ends).
    What a fact should say and does not is no reason to go.
    """
    return [
        _engine(facts),
        _breeze(facts, seconds_to_close),
        *_models(facts, config, seconds_to_close),
        _limits(config),
        _rules(facts),
        _clock(facts),
        _disk(facts, config),
        _calendar(facts, config),
        _collector(facts),
    ]


def no_go(found: list[Check], seconds_to_open: float) -> list[Check]:
    """Return what is worth an alarm so long before the open."""
    return [
        check
        for check in found
        if check.verdict == "no_go"
        and (check.subject != "engine" or seconds_to_open <= ENGINE_SECONDS)
    ]


def preflight_facts(
    facts: Facts, config: Config, seconds_to_close: float | None
) -> dict[str, object]:
    """Return the `preflight.*` facts: none while the market is open or the open is far."""
    to_open = seconds_to_watch(facts)
    if to_open is None:
        return {}
    found = no_go(checks(facts, config, seconds_to_close), to_open)
    return {
        "preflight.no_go": float(len(found)),
        "preflight.reasons": "; ".join(f"{check.subject}: {check.what}" for check in found),
    }


def seconds_to_watch(facts: Facts) -> float | None:
    """Return the time to the open while the scheduler looks, by `session.*`; None: it doesn't."""
    to_open = _number(facts, "session.seconds_to_open")
    if to_open is None or facts.get("session.open") is True or to_open > WATCHED_SECONDS:
        return None
    return to_open


START = "start the engine"


def _engine(facts: Facts) -> Check:
    age = _number(facts, "heartbeat.age_seconds")
    deadline = _number(facts, "heartbeat.deadline_seconds")
    if age is not None and deadline is not None and age <= deadline:
        return Check("engine", "go", f"ticks, the last {age:.1f} s ago")
    cause = facts.get("heartbeat.cause")
    said = f"does not tick ({str(cause).replace('_', ' ')})" if cause else "never ticked"
    there = cause in ("process_frozen", "loop_hung")
    todo = "end the old process, which may wake up; then start the engine" if there else START
    return Check("engine", "no_go", said, todo)


def _breeze(facts: Facts, needed: float | None) -> Check:
    status = facts.get("breeze.status")
    engine_says = facts.get("connectivity.breeze_authenticated")
    if status in (None, "off"):
        if engine_says is None:
            return Check("breeze", "n/a", "not configured, and the engine reports no broker")
        if engine_says is True:
            return Check("breeze", "go", "the engine has a session")
        return Check("breeze", "no_go", "the engine has no session", LOGIN)
    if status != "authenticated":
        said, todo = _REFUSED.get(str(status), (f"status is {status}", LOGIN))
        return Check("breeze", "no_go", said, todo)
    left = _number(facts, "breeze.key_left_seconds")
    if left is not None and needed is not None and left < needed:
        said = f"session key dies in {_hours(left)}, the close is in {_hours(needed)}"
        return Check("breeze", "no_go", said, LOGIN)
    through = "" if left is None or needed is None else ", through the close"
    return Check("breeze", "go", f"session valid{through}")


def _models(facts: Facts, config: Config, needed: float | None) -> list[Check]:
    """Return a check for each watched model, one that is n/a when none is."""
    found = []
    for name, artifact in config.artifacts.items():
        age = _number(facts, f"artifacts.{name}_age_hours")
        if artifact.path is None and age is None:
            continue
        limit = artifact.max_age_hours
        retrain = f"retrain it, or raise artifacts.{name}.max_age_hours"
        if age is None:
            todo = f"check artifacts.{name}.path ({artifact.path})"
            found.append(Check(name, "no_go", "is not there", todo))
        elif age > limit:
            found.append(Check(name, "no_go", f"{age:.1f} h old, limit {limit:g} h", retrain))
        elif age + (needed or 0.0) / 3600 > limit:
            said = f"{age:.1f} h old, past the limit of {limit:g} h before the close"
            found.append(Check(name, "caution", said, retrain))
        else:
            found.append(Check(name, "go", f"{age:.1f} h old, limit {limit:g} h"))
    return found or [Check("models", "n/a", "none watched")]


def _limits(config: Config) -> Check:
    limit = config.limits.daily_loss_pct
    if limit is None:
        return Check("limits", "no_go", "no daily loss limit", "set limits.daily_loss_pct")
    if not {"limits", "limits.daily_loss_pct"} & set(config.chosen):
        said = f"daily loss limit {limit:g} % is the default, not yours"
        return Check("limits", "caution", said, "set limits.daily_loss_pct, to this or another")
    return Check("limits", "go", f"daily loss limit {limit:g} %")


def _rules(facts: Facts) -> Check:
    faults = _number(facts, "scheduler.rule_faults")
    if faults:
        said = f"{faults:.0f} fault(s) in rules.toml: it is not in force"
        return Check("rules", "no_go", said, "run `monitor rules check` and mend it")
    return Check("rules", "go", "in force")


def _clock(facts: Facts) -> Check:
    ahead = _number(facts, "breeze.clock_ahead_seconds")
    if ahead is None:
        return Check("clock", "n/a", "no server has told its time")
    if abs(ahead) <= CLOCK_SECONDS:
        return Check("clock", "go", f"within {CLOCK_SECONDS:g} s of Breeze's server")
    way = "ahead of" if ahead > 0 else "behind"
    said = f"{abs(ahead):.0f} s {way} Breeze's server"
    return Check("clock", "no_go", said, "set this machine's clock (chronyc makestep)")


def _disk(facts: Facts, config: Config) -> Check:
    free = _number(facts, "collector.disk_free_bytes")
    inodes = _number(facts, "collector.inodes_free_pct")
    limits = config.limits
    if free is None:
        return Check("disk", "no_go", "nobody knows what is free", "see why the collector can't")
    left = free - day_bytes(config)
    said = f"{free / 1e9:.1f} GB free, a day needs {day_bytes(config) / 1e9:.1f} GB"
    todo = "free space on the home's disk"
    if inodes is not None and inodes < limits.inodes_critical_pct:
        return Check("disk", "no_go", f"{inodes:.0f} % of inodes free", todo)
    if left < limits.disk_critical_bytes:
        return Check("disk", "no_go", said, todo)
    if left < limits.disk_warning_bytes:
        return Check("disk", "caution", said, todo)
    return Check("disk", "go", said)


def day_bytes(config: Config) -> float:
    """Return the bytes that a day of snapshots and heartbeat lines takes, generously counted."""
    tick_seconds = config.heartbeat_interval_seconds or _USUAL_TICK_SECONDS
    snapshots = _DAY_SECONDS / config.interval_seconds * _SNAPSHOT_BYTES
    return snapshots + _DAY_SECONDS / tick_seconds * _TICK_BYTES


def _calendar(facts: Facts, config: Config) -> Check:
    if config.calendar.name == "always":
        return Check("calendar", "n/a", "always open")
    horizon = _number(facts, "calendar.horizon_days")
    doubtful = _number(facts, "calendar.provisional_within_days")
    circular = "check the session against the exchange's circular"
    if horizon is None or horizon < 1:
        return Check("calendar", "no_go", "the schedule has ended", "install a newer Tickbeat")
    if doubtful is not None and doubtful < 1:
        return Check("calendar", "caution", "the next session is provisional", circular)
    if horizon < HORIZON_DAYS:
        said = f"the schedule ends in {horizon:.0f} days"
        return Check("calendar", "caution", said, "install a newer Tickbeat")
    return Check("calendar", "go", f"known for {horizon:.0f} days")


def _collector(facts: Facts) -> Check:
    age = _number(facts, "collector.snapshot_age_seconds")
    limit = _number(facts, "limits.snapshot_age_seconds")
    if age is None or limit is None or age > limit:
        said = "no snapshot" if age is None else f"newest snapshot is {age:.0f} s old"
        return Check("collector", "no_go", said, "start it: `make run`, or your supervisor")
    return Check("collector", "go", f"snapshot {age:.1f} s ago")


def seconds_to_close(wall_ms: int, sessions: Sessions) -> float | None:
    """Return the time to the end of the session that is open, or else next; None: it has none."""
    opens_ms = wall_ms if sessions.is_open(wall_ms, "session") else sessions.next_open_ms(wall_ms)
    closes_ms = None if opens_ms is None else sessions.closes_at_ms(opens_ms)
    return None if closes_ms is None else (closes_ms - wall_ms) / 1000


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h"


def _number(facts: Facts, name: str) -> float | None:
    value = facts.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
