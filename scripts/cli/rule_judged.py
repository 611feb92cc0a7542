"""One rule judged now, from the files alone, by the code that judges in the scheduler."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.explanation import Examined
from evaluator.incident import Scalar
from evaluator.instant import elapsed_ms
from evaluator.names import base_fact
from evaluator.rules import Rule, RuleSet
from evaluator.verdict import Verdict
from monitoring.ambient import OwnHealth
from monitoring.calendar import Calendar
from monitoring.course import Course
from monitoring.snapshots import SnapshotStore
from scripts.cli.look import Look

SAID_BEFORE = "no data ever", "unknown"
OWN = "scheduler."
"""What the scheduler knows of itself: no snapshot has it."""


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """A rule at this instant. `verdict` is None for a disabled one.

    `last` are the values that were reported last of what is unknown now; `wanting` are facts that
    nobody ever reported and without which it can't hold.
    """

    verdict: Verdict | None
    conditions: tuple[Examined, ...]
    last: dict[str, Scalar]
    wanting: tuple[str, ...]
    runs: bool
    """Whether the rule's clock runs."""


def judged(rule: Rule, rules: RuleSet, seen: Look, sessions: Calendar) -> Judged:
    """Return a rule as the scheduler would judge it at the instant of the look.

    What only the scheduler knows of itself is unknown while it does not run. Raises OSError when
    the snapshots can't be read.
    """
    state, at = seen.scheduler, seen.now
    course = Course(
        rules,
        seen.config,
        sessions,
        states={incident.rule: incident for incident in seen.incidents},
        silences={one.id: one for one in seen.silences},
        past=seen.past,
        seen=state.seen if state is not None else (),
    )
    _take(course, rule, seen)
    given = {
        name: state.facts.get(name) if state is not None and seen.scheduler_life.good else None
        for name in rules.facts
        if name.startswith(OWN)
    }
    course.judge(at, _age_seconds(seen), OwnHealth(), given)
    verdict = next((one for one in course.verdicts if one.rule.name == rule.name), None)
    wanting = course.wanting.get(rule.name, ())
    if verdict is not None and verdict.never_seen and not wanting:
        why = verdict.why.replace(*SAID_BEFORE)
        verdict = msgspec.structs.replace(verdict, never_seen=False, why=why)
    conditions = tuple(_said_before(one) for one in course.examined(rule.name))
    absent = {name for one in conditions for name, value in one.reads.items() if value is None}
    return Judged(
        verdict=verdict,
        conditions=conditions,
        last=_last(absent, course.raw),
        wanting=wanting,
        runs=sessions.is_open(at.wall_ms, rule.clock),
    )


def _said_before(one: Examined) -> Examined:
    """Return a condition; what a dead scheduler can't say now was not never said."""
    absent = [name for name, value in one.reads.items() if value is None]
    own = all(name.startswith((OWN, "preflight.")) for name in absent)
    if one.worth != "never" or not own:
        return one
    return msgspec.structs.replace(one, worth="unknown", why=one.why.replace(*SAID_BEFORE))


def _take(course: Course, rule: Rule, seen: Look) -> None:
    """Let the course take the snapshots that the rule's window covers, the newest one last."""
    newest = seen.snapshot
    if newest is None:
        return
    if rule.window_seconds is not None:
        span_ms = round((rule.window_seconds + seen.config.snapshot_limit_seconds) * 1000)
        end_ms = newest.wall_ms
        for _, snapshot in SnapshotStore(seen.home.snapshots).between(end_ms - span_ms, end_ms):
            if snapshot.instant != newest.instant:
                course.take(snapshot)
    course.take(newest)


def _age_seconds(seen: Look) -> float:
    """Return how old the newest snapshot is, as the scheduler counts it."""
    if seen.snapshot is None:
        return float(seen.now.boottime_ns // 1_000_000_000)
    age_ms = elapsed_ms(seen.snapshot.instant, seen.now)
    if seen.snapshot.boot_id != seen.now.boot_id:
        age_ms = max(age_ms, seen.now.boottime_ns // 1_000_000)
    return age_ms / 1000


def _last(names: set[str], raw: Mapping[str, object]) -> dict[str, Scalar]:
    """Return what was said last of facts; raw are those of the newest snapshot, however old."""
    found: dict[str, Scalar] = {}
    for name in sorted(names):
        fact = base_fact(name)
        for known in (raw.get(name), raw.get(fact), raw.get(f"last.{fact}")):
            if isinstance(known, float | int | bool | str):
                found[name] = known
                break
    return found
