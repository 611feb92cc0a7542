"""`monitor health` as a pure function: a look at the home → findings."""

from __future__ import annotations

from evaluator.incident import Incident
from scripts.cli import words
from scripts.cli.advice import OWN_RULES, SUBJECTS, todo
from scripts.cli.engine_state import engine_state
from scripts.cli.findings import Finding, Level
from scripts.cli.look import Look
from scripts.cli.process_life import Life
from scripts.cli.subject_facts import FIGURES

START = "start it again: `make run`, or your supervisor"
GROUPS = {
    "money": ("pnl", "risk", "positions"),
    "sentiment": ("sentiment",),
    "market data": ("market_data",),
    "orders": ("orders",),
}
"""Subjects that the engine alone reports on: never reported is n/a."""


def diagnose(look: Look) -> list[Finding]:
    """Return one finding a subject, in the order of the screen."""
    if not look.config.enabled:
        off = "monitoring is switched off (enabled = false): nothing is watched"
        return [Finding("UNKN", "monitor", off, "set enabled = true and restart the processes")]
    ours = ("collector", "scheduler", "calendar")
    findings = [_subject(look, subject) for subject in SUBJECTS if subject not in ours]
    findings += _own_rules(look)
    if any(i.rule in SUBJECTS["calendar"] for i in look.incidents):
        findings.append(_subject(look, "calendar"))
    monitors = [_collector(look), _scheduler(look), _rules(look), _alert_log(look)]
    if look.fresh and look.judged:
        return findings + monitors
    return monitors + findings  # what the rest is worth depends on them, so they come first


def _subject(look: Look, subject: str) -> Finding:
    rules = SUBJECTS[subject]
    figures = FIGURES[subject](look) if subject in FIGURES else ""
    firing = [i for i in look.incidents if i.rule in rules and i.status == "firing"]
    if subject == "engine" and (found := _engine_now(look, figures)) is not None:
        return found
    if firing:
        return _firing(look, subject, firing)
    if not _ever(look, subject, figures):
        return Finding("n/a", subject, "never reported" if subject in GROUPS else _absent(subject))
    if not look.fresh:
        last = f": last known {figures}" if figures else ""
        return Finding("UNKN", subject, f"no fresh data{last}", "see collector")
    missing = [
        name
        for name, artifact in look.config.artifacts.items()
        if artifact.path is not None and look.number(f"artifacts.{name}_age_hours") is None
    ]
    if subject == "models" and missing:
        return Finding("WARN", subject, figures, f"check artifacts.{missing[0]}.path")
    if not look.judged:
        return Finding("UNKN", subject, f"{figures or 'known'}, judged by nobody", "see scheduler")
    state = engine_state(look)
    if not _known(look, subject):
        if state.word == "STOPPED":
            return Finding("n/a", subject, f"engine is stopped: {figures or 'nothing known'}")
        return Finding(
            "UNKN", subject, "reported before, not any more", "see why the engine left it out"
        )
    pending = [i for i in look.incidents if i.rule in rules and i.status == "pending"]
    if pending:
        held = (look.now.wall_ms - pending[0].active_at.wall_ms) / 1000
        figures += f" (pending for {words.age(held)}: {pending[0].message})"
    return Finding("OK", subject, figures or "fine")


def _engine_now(look: Look, figures: str) -> Finding | None:
    """Judge the engine's life at this moment, which is later than the last evaluation."""
    state = engine_state(look)
    if state.word == "LAPSED":
        known = look.number("positions.count")
        flat = known is not None and known == 0
        what = f"no tick for {words.age(look.tick_age_seconds)}: {state.why or 'it fell silent'}"
        return Finding("WARN" if flat else "CRIT", "engine", what, todo("heartbeat_lapsed"))
    if state.word == "STOPPED" and not any(
        i.rule in SUBJECTS["engine"] and i.status == "firing" for i in look.incidents
    ):
        never = look.text("heartbeat.cause") == "never_started"
        if never:
            return Finding("UNKN", "engine", state.why, todo("engine_not_started"))
        return Finding("n/a", "engine", f"{state.why} ({figures})" if figures else state.why)
    return None


def _firing(look: Look, subject: str, firing: list[Incident]) -> Finding:
    """Put the worst incident in words, and say how many more there are."""
    first = firing[0]
    level: Level = "CRIT" if first.severity == "CRITICAL" else "WARN"
    what = first.message
    if first.ack is not None:
        what += f" ({words.taken(first.ack, look.now.wall_ms, look.zone)})"
    if first.suppressed_by is not None:
        what += f" ({first.suppressed_by})"
    if first.flapping:
        what += " (flapping)"
    if len(firing) > 1:
        what += f", and {', '.join(i.rule for i in firing[1:])}"
    if not look.judged:
        what += " (nobody judges it now)"
    return Finding(level, subject, what, todo(first.rule))


def _ever(look: Look, subject: str, figures: str) -> bool:
    if subject in GROUPS:
        return any(look.reported(group) for group in GROUPS[subject])
    if subject == "breeze":
        configured = look.text("breeze.status") not in {None, "off"}
        return configured or look.reported("connectivity")
    return bool(figures)


def _known(look: Look, subject: str) -> bool:
    if subject not in GROUPS:
        return True
    groups = GROUPS[subject]
    return any(
        value is not None
        for group in groups
        for value in getattr(look.snapshot, group, {}).values()
    )


def _absent(subject: str) -> str:
    return {
        "models": "none watched",
        "breeze": "not configured, and the engine reports no broker",
        "network": "not looked at",
        "disk": "not measured",
    }.get(subject, "nothing known")


def _own_rules(look: Look) -> list[Finding]:
    builtin = {rule for rules in SUBJECTS.values() for rule in rules}
    firing = [i for i in look.incidents if i.rule not in builtin and i.status == "firing"]
    return [_firing(look, OWN_RULES, firing)] if firing else []


def _dead(name: str, life: Life) -> Finding:
    word = {"never": "never ran", "gone": "is not running", "stuck": "hangs"}.get(life.word, "")
    said = f"{word} ({life.why})" if word else life.why
    if life.age_seconds is not None:
        said += f", last heard of {words.age(life.age_seconds)} ago"
    return Finding("CRIT", name, said, START)


def _collector(look: Look) -> Finding:
    life = look.collector_life
    if not life.good:
        return _dead("collector", life)
    age = words.age(look.snapshot_age_seconds)
    if look.snapshot is None:
        return Finding("UNKN", "collector", f"{life.why}, no snapshot yet", "wait one interval")
    if not look.fresh:
        what = f"newest snapshot is {age} old, though {life.why} runs"
        return Finding("CRIT", "collector", what, "read logs/ for the reason, then restart it")
    own = look.snapshot.collector
    what = f"snapshot {age} ago, {life.why}, {own.ticks_lost} ticks lost"
    what += f", {own.lines_rejected} lines rejected"
    said = [*(look.collector.degraded if look.collector else []), *own.degraded]
    said += [f"unreadable snapshot: {reason}" for reason in look.skipped[:1]]
    if said:
        return Finding(
            "WARN", "collector", "; ".join(dict.fromkeys(said)), todo("monitor_degraded")
        )
    return Finding("OK", "collector", what)


def _scheduler(look: Look) -> Finding:
    life = look.scheduler_life
    if not life.good or look.scheduler is None:
        return _dead("scheduler", life)
    failed = [name for name, job in look.scheduler.jobs.items() if job.last_failed]
    said = [*look.scheduler.degraded, *(f"job {name} failed" for name in failed)]
    firing = [
        i
        for i in look.incidents
        if i.rule in (*SUBJECTS["scheduler"], *SUBJECTS["collector"]) and i.status == "firing"
    ]
    if said:
        return Finding("WARN", "scheduler", "; ".join(said), todo("monitor_degraded"))
    if firing:
        return _firing(look, "scheduler", firing)
    return Finding("OK", "scheduler", f"evaluated {words.age(life.age_seconds)} ago, {life.why}")


def _rules(look: Look) -> Finding:
    states = look.scheduler.rules if look.scheduler else {}
    if not states:
        return Finding("n/a", "rules", "none evaluated yet")
    on = [state for state in states.values() if state.enabled and not state.off]
    wrong = [name for name, state in states.items() if state.enabled and state.verdict == "error"]
    if wrong:
        what = f"{len(wrong)} in error: {', '.join(wrong)} ({states[wrong[0]].why})"
        return Finding("WARN", "rules", what, "run `monitor rules check`")
    unseen = sum(state.never_seen for state in on)
    return Finding(
        "OK", "rules", f"{len(on)} on, {len(states) - len(on)} off, {unseen} without data so far"
    )


def _alert_log(look: Look) -> Finding:
    if look.alert_faults:
        more = f" (and {len(look.alert_faults) - 1} more)" if len(look.alert_faults) > 1 else ""
        return Finding(
            "WARN", "alert log", f"{look.alert_faults[0]}{more}", f"look at {look.home.alerts}"
        )
    firing = sum(incident.status == "firing" for incident in look.incidents)
    pending = len(look.incidents) - firing
    what = f"{firing} firing, {pending} pending"
    inhibited = sum(incident.suppressed_by is not None for incident in look.incidents)
    what += f", {inhibited} of them told to nobody" if inhibited else ""
    now = [one for one in look.silences if one.ends_ms > look.now.wall_ms]
    what += "".join(f"; silenced: {words.silenced(one, look.zone)}" for one in now)
    return Finding("OK", "alert log", what)
