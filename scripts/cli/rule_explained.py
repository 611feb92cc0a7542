"""All that is to be said of one rule: what it is now and why, and who is told of it."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.explanation import Examined
from evaluator.incident import Incident, Scalar
from evaluator.reminders import due_in_ms, recovering
from evaluator.rules import Rule, RuleSet
from evaluator.silence import Silence, silence_over
from evaluator.suppression import CONSEQUENCES
from evaluator.turn import counted_ms
from monitoring.calendar import Calendar
from scripts.cli import words
from scripts.cli.look import Look
from scripts.cli.rule_changes_needed import changes, filled
from scripts.cli.rule_history import Past, last_incidents
from scripts.cli.rule_judged import Judged, judged
from scripts.cli.rule_table import severity_text

State = Literal[
    "clear",
    "holds",
    "pending",
    "firing",
    "no data",
    "never seen",
    "off",
    "disabled",
    "in error",
    "market closed",
]
"""`holds`: the scheduler has not written it down yet; `market closed`: its clock stands still."""


class ConditionNow(msgspec.Struct, frozen=True, kw_only=True):
    """A condition (or one operand of its outermost `||`), the same with values, and its worth."""

    role: str
    text: str
    now: str
    worth: str
    why: str
    reads: dict[str, Scalar | None]
    last: dict[str, Scalar]
    parts: list[ConditionNow]


class CountdownNow(msgspec.Struct, frozen=True, kw_only=True):
    """How far a duration has counted, on the rule's clock; `runs` False: it stands still."""

    of_seconds: float
    counted_seconds: float
    left_seconds: float
    runs: bool


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """Another rule and its alert's status (null: it has none)."""

    rule: str
    status: str | None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, as `--json` prints it. Times are POSIX ms, durations seconds.

    `live` False: the scheduler judges nothing now, `stale` says why; what is said of the alert is
    what it wrote last, the conditions are those of now. `reminder_seconds` null: none is to come,
    `reminder_why` says why. `silences` are those that cover the rule, its alert or none.
    """

    rule: str
    state: State
    severity: str
    clock: str
    for_seconds: float
    keep_firing_for_seconds: float
    no_data: str
    enabled: bool
    verdict: str | None
    why: str
    message: str
    live: bool
    stale: str
    snapshot_age_seconds: float | None
    runs: bool
    opens_ms: int | None
    conditions: list[ConditionNow]
    changes: list[str]
    wanting: list[str]
    incident: str | None
    pending_since_ms: int | None
    firing_since_ms: int | None
    held: CountdownNow | None
    clearing: CountdownNow | None
    suppressed_by: str | None
    silences: list[Silence]
    acknowledged: str | None
    reminder_seconds: float | None
    reminder_why: str
    flapping: bool
    refired: int
    inhibited_by: list[Other]
    explains: list[Other]
    consequences: list[str]
    past: list[Past]


def explained(rule: Rule, rules: RuleSet, seen: Look, sessions: Calendar) -> Explained:
    """Return all that the files say of a rule. Raises OSError when they can't be read."""
    at = seen.now
    found = judged(rule, rules, seen, sessions)
    states = {one.rule: one for one in seen.incidents}
    incident = states.get(rule.name)
    verdict = found.verdict
    why_none, seconds = _reminder(rule, incident, seen, sessions)
    listed = incident.context.get(CONSEQUENCES) if incident is not None else None
    pending = incident is not None and incident.status == "pending"
    return Explained(
        rule=rule.name,
        state=state_of(found, incident),
        severity=incident.severity if incident is not None else severity_text(rule),
        clock=rule.clock,
        for_seconds=rule.for_seconds,
        keep_firing_for_seconds=rule.keep_firing_for_seconds,
        no_data=rule.no_data,
        enabled=rule.enabled,
        verdict=verdict.truth if verdict is not None else None,
        why=verdict.why if verdict is not None else "",
        message=incident.message if incident is not None else "",
        live=seen.judged,
        stale=_stale(seen),
        snapshot_age_seconds=seen.snapshot_age_seconds,
        runs=found.runs,
        opens_ms=None if found.runs else sessions.next_open_ms(at.wall_ms),
        conditions=[_condition(one, found) for one in found.conditions],
        changes=changes(rule, found, incident),
        wanting=list(found.wanting) if verdict is not None and verdict.truth != "true" else [],
        incident=incident.id if incident is not None else None,
        pending_since_ms=incident.active_at.wall_ms if incident is not None else None,
        firing_since_ms=(
            incident.fired_at.wall_ms if incident is not None and incident.fired_at else None
        ),
        held=_countdown(rule, incident, seen, sessions) if pending else None,
        clearing=_countdown(rule, incident, seen, sessions) if not pending else None,
        suppressed_by=incident.suppressed_by if incident is not None else None,
        silences=_silences(rule, incident, seen),
        acknowledged=(
            words.taken(incident.ack, at.wall_ms, seen.zone)
            if incident is not None and incident.ack is not None
            else None
        ),
        reminder_seconds=seconds,
        reminder_why=why_none,
        flapping=incident is not None and incident.flapping,
        refired=len(incident.refired) if incident is not None else 0,
        inhibited_by=[_other(name, states) for name in rule.inhibited_by],
        explains=[_other(one.name, states) for one in rules.rules if rule.name in one.inhibited_by],
        consequences=listed.split(", ") if isinstance(listed, str) else [],
        past=last_incidents(seen.home.alerts, rule.name) if seen.home.alerts.is_dir() else [],
    )


def state_of(found: Judged, incident: Incident | None) -> State:
    """Return what a rule is now, in a word; an open alert comes before all that is read now."""
    verdict = found.verdict
    if verdict is None:
        return "disabled"
    if incident is not None:
        return "firing" if incident.status == "firing" else "pending"
    if verdict.truth == "error":
        return "in error"
    if verdict.off and verdict.why.startswith("limit not set"):
        return "off"
    if found.wanting and verdict.truth != "true" and not verdict.off:
        return "never seen"
    if not found.runs or verdict.off:
        return "market closed"
    if verdict.truth == "unknown":
        return "no data"
    return "holds" if verdict.truth == "true" else "clear"


def _stale(seen: Look) -> str:
    if not seen.config.enabled:
        return "the monitor is switched off (enabled = false)"
    if seen.scheduler_life.word == "never":
        return "the scheduler never ran here"
    if not seen.scheduler_life.good:
        old = seen.scheduler_life.age_seconds
        ago = "" if old is None else f", last heard {words.age(old)} ago"
        return f"the scheduler judges nothing now ({seen.scheduler_life.why}{ago})"
    return ""


def _condition(one: Examined, found: Judged) -> ConditionNow:
    return ConditionNow(
        role=one.role,
        text=one.text,
        now=filled(one.text, one.reads),
        worth=one.worth,
        why=one.why,
        reads=one.reads,
        last={name: found.last[name] for name in one.reads if name in found.last},
        parts=[_condition(part, found) for part in one.parts],
    )


def _countdown(
    rule: Rule, incident: Incident | None, seen: Look, sessions: Calendar
) -> CountdownNow | None:
    if incident is None:
        return None
    pending = incident.status == "pending"
    counted = incident.held if pending else incident.clear
    if counted is None:
        return None
    whole = rule.for_seconds if pending else rule.keep_firing_for_seconds
    so_far = counted_ms(counted, seen.now, rule.clock, sessions) / 1000
    return CountdownNow(
        of_seconds=whole,
        counted_seconds=so_far,
        left_seconds=max(0.0, whole - so_far),
        runs=counted.since is not None and sessions.is_open(seen.now.wall_ms, rule.clock),
    )


def _silences(rule: Rule, incident: Incident | None, seen: Look) -> list[Silence]:
    """Return the silences over the alert or, while there is none, over any of the rule."""
    now_ms = seen.now.wall_ms
    if incident is not None:
        found = silence_over(incident, seen.silences, now_ms)
        return [] if found is None else [found]
    grades = severity_text(rule).split("/")
    return [
        one
        for one in seen.silences
        if one.starts_ms <= now_ms < one.ends_ms
        and one.incident is None
        and one.rule in (None, rule.name)
        and (one.severity is None or one.severity in grades)
    ]


def _reminder(
    rule: Rule, incident: Incident | None, seen: Look, sessions: Calendar
) -> tuple[str, float | None]:
    if incident is None or incident.status != "firing":
        return "nothing fires", None
    due = due_in_ms(rule, incident, seen.now, sessions)
    if due is not None:
        return "", max(0, due) / 1000
    if incident.ack is not None:
        return "it is acknowledged", None
    if incident.suppressed_by is not None:
        return f"it is suppressed: {incident.suppressed_by}", None
    if incident.told is None:
        return "nobody was told yet", None
    if recovering(incident):
        return "it is clear, and only keep_firing_for is waited for", None
    return "the rule wants none (remind = [])", None


def _other(name: str, states: dict[str, Incident]) -> Other:
    incident = states.get(name)
    return Other(rule=name, status=None if incident is None else incident.status)
