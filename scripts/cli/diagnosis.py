"""`monitor health` as a pure function: a look at the home → findings."""

from __future__ import annotations

from evaluator.incident import Incident
from evaluator.verdict import NOT_JUDGED
from monitoring.advice import OWN_RULES, SUBJECTS, revive, todo
from monitoring.process_life import Life
from scripts.cli import words
from scripts.cli.dead_rules import dead_rules, dead_words, remedy
from scripts.cli.engine_state import engine_state, lapse_todo
from scripts.cli.findings import Finding, Level
from scripts.cli.look import Look
from scripts.cli.rule_faults import refused
from scripts.cli.subject_facts import FIGURES
from scripts.cli.telling import is_wanted, telling

GROUPS = {
    "money": ("pnl", "risk", "positions"),
    "sentiment": ("sentiment",),
    "market data": ("market_data",),
    "orders": ("orders",),
}
"""Subjects that the engine alone reports on: never reported is n/a."""


ONLY_WHEN_FIRING = ("preflight", "calendar")


def diagnose(look: Look) -> list[Finding]:
    """Return one finding a subject, in the order of the screen."""
    if not look.config.enabled:
        off = "monitoring is switched off (enabled = false): nothing is watched"
        return [Finding("UNKN", "monitor", off, "set enabled = true and restart the processes")]
    ours = ("collector", "scheduler", "rules", *ONLY_WHEN_FIRING)
    findings = [_subject(look, subject) for subject in SUBJECTS if subject not in ours]
    findings += _own_rules(look)
    findings += [
        _subject(look, subject)
        for subject in ONLY_WHEN_FIRING
        if any(i.rule in SUBJECTS[subject] for i in look.incidents)
    ]
    monitors = [_collector(look), _scheduler(look), _notifier(look), _rules(look)]
    monitors += [*_dead(look), _alert_log(look)]
    if look.fresh and look.judged:
        return findings + monitors
    return monitors + findings  # what the rest is worth depends on them, so they come first


def _subject(look: Look, subject: str) -> Finding:
    rules = SUBJECTS[subject]
    figures = FIGURES[subject](look) if subject in FIGURES else ""
    firing = _firing_of(look, subject)
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
        to_do = f"check artifacts.{missing[0]}.path: an empty file or one of the future has no age"
        return Finding("WARN", subject, figures, to_do)
    if not look.judged:
        return Finding("UNKN", subject, f"{figures or 'known'}, judged by nobody", "see scheduler")
    state = engine_state(look)
    if state.word == "LAPSED" and subject in GROUPS:
        what = f"last known {words.age(look.tick_age_seconds)} ago: {figures or 'nothing'}"
        return Finding("UNKN", subject, what, "see engine")
    if not _known(look, subject):
        if state.word == "STOPPED":
            return Finding("n/a", subject, f"engine is stopped: {figures or 'nothing known'}")
        return Finding(
            "UNKN", subject, "reported before, not any more", "see why the engine left it out"
        )
    if subject == "breeze" and (invalid := _breeze_invalid(look, figures, state.word)) is not None:
        return invalid
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
        what += "" if known is None else f"; {words.count(round(known), 'position')} open"
        lapses = (i for i in look.incidents if i.rule == "heartbeat_lapsed")
        what += next((_acked(lapse, look) for lapse in lapses), "")
        return Finding("WARN" if flat else "CRIT", "engine", what, lapse_todo(look))
    if state.word == "STOPPED" and not any(
        i.rule in SUBJECTS["engine"] and i.status == "firing" for i in look.incidents
    ):
        never = look.text("heartbeat.cause") == "never_started"
        if never:
            to_do = f"start the engine; it writes its heartbeat to {look.home.heartbeat}"
            return Finding("UNKN", "engine", state.why, to_do)
        return Finding("n/a", "engine", f"{state.why} ({figures})" if figures else state.why)
    return None


def _breeze_invalid(look: Look, figures: str, engine: str) -> Finding | None:
    """Return what is wrong with the session while no rule fires, None when it is valid."""
    status = look.text("breeze.status")
    asked = status not in {None, "off", "unknown"}
    valid = status == "authenticated" if asked else look.flag("connectivity.breeze_authenticated")
    if valid:
        return None
    if valid is None:
        level: Level = "n/a" if engine == "STOPPED" else "UNKN"
        return Finding(level, "breeze", figures, None if level == "n/a" else _ask_breeze(look))
    return Finding("WARN", "breeze", figures, todo("breeze_session_expired"))


def _ask_breeze(look: Look) -> str:
    """Return what makes an unknown session known: the collector says why it is not."""
    detail = look.text("breeze.detail")
    if detail is not None and look.text("breeze.status") == "unknown":
        return f"{detail}; let the engine report its session (`connectivity`)"
    return "see whether the engine reports it, or set breeze.app_key"


def _firing(look: Look, subject: str, firing: list[Incident]) -> Finding:
    """Put the worst incident in words, and say how many more there are."""
    first = firing[0]
    level: Level = "CRIT" if first.severity == "CRITICAL" else "WARN"
    what = first.message + _acked(first, look)
    if first.suppressed_by is not None:
        what += f" ({first.suppressed_by})"
    what += " (flapping)" if first.flapping else ""
    what += "" if first.clear is None else " (clear now, over if it stays so)"
    if len(firing) > 1:
        what += f", and {', '.join(i.rule for i in firing[1:])}"
    if not look.judged:
        what += " (nobody judges it now)"
    if subject == "money" and look.fresh:
        what += f"; {_now(look)}"  # the alert's own figures are those of its last change
    return Finding(level, subject, what, _todo(look, first))


def _now(look: Look) -> str:
    lapsed = engine_state(look).word == "LAPSED"
    when = f"{words.age(look.tick_age_seconds)} ago" if lapsed else "now"
    return f"{when} {FIGURES['money'](look) or 'unknown'}"


def _acked(incident: Incident, look: Look) -> str:
    if incident.ack is None:
        return ""
    return f" ({words.taken(incident.ack, look.now.wall_ms, look.zone)})"


def _todo(look: Look, incident: Incident) -> str:
    """Return what to do: who lacks data to judge the disk by need not free any of it."""
    if incident.suppressed_by is not None and incident.suppressed_by.startswith("inhibited by "):
        return f"a consequence: see {incident.suppressed_by.removeprefix('inhibited by ')} first"
    detail = look.text("breeze.detail")
    if incident.rule == "breeze_connectivity_lost" and look.text("breeze.status") == "unknown":
        return detail or todo(incident.rule)  # no session key: the broker need not be down
    if NOT_JUDGED not in incident.message:
        return todo(incident.rule)
    return "see why it is not known: `monitor facts`" if look.fresh else "see collector"


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


def _down(name: str, life: Life) -> Finding:
    word = {
        "never": "never ran",
        "gone": "is not running",
        "stuck": "hangs",
        "blocked": "can't write",
    }.get(life.word, "")
    said = f"{word} ({life.why})" if word else life.why
    if life.age_seconds is not None:
        said += f", last heard of {words.age(life.age_seconds)} ago"
    return Finding("CRIT", name, said, revive(life.word, life.pid))


def _collector(look: Look) -> Finding:
    life = look.collector_life
    if not life.good:
        return _down("collector", life)
    age = words.age(look.snapshot_age_seconds)
    degraded = look.collector.degraded if look.collector else []
    if look.snapshot is None and degraded:
        return Finding("CRIT", "collector", "; ".join(degraded), todo("monitor_degraded"))
    if look.snapshot is None:
        return Finding("UNKN", "collector", f"{life.why}, no snapshot yet", "wait one interval")
    if not look.fresh:
        what = f"newest snapshot is {age} old, though {life.why} runs"
        return Finding("CRIT", "collector", what, "read logs/ for the reason, then restart it")
    own = look.snapshot.collector
    what = f"snapshot {age} ago, {life.why}, {own.ticks_lost} ticks lost"
    what += f", {own.lines_rejected} lines rejected"
    what += f" (kept in {look.home.quarantine})" if own.lines_rejected else ""
    said = [*degraded, *own.degraded]
    said += [f"unreadable snapshot: {reason}" for reason in look.skipped[:1]]
    if said:
        return Finding(
            "WARN", "collector", "; ".join(dict.fromkeys(said)), todo("monitor_degraded")
        )
    firing = _firing_of(look, "collector")
    return _firing(look, "collector", firing) if firing else Finding("OK", "collector", what)


def _firing_of(look: Look, subject: str) -> list[Incident]:
    """Return a subject's firing alerts, the most urgent first: that one says what to do.

    What is clear by now, and only waits to be over, comes after what still holds.
    """
    rules = SUBJECTS[subject]
    firing = (i for i in look.incidents if i.rule in rules and i.status == "firing")
    return sorted(
        firing, key=lambda i: (i.severity != "CRITICAL", i.clear is not None, rules.index(i.rule))
    )


def _scheduler(look: Look) -> Finding:
    life = look.scheduler_life
    if not life.good or look.scheduler is None:
        return _down("scheduler", life)
    failed = [name for name, job in look.scheduler.jobs.items() if job.last_failed]
    said = [*look.scheduler.degraded, *(f"job {name} failed" for name in failed)]
    firing = _firing_of(look, "scheduler")
    if said:
        return Finding("WARN", "scheduler", "; ".join(said), todo("monitor_degraded"))
    if firing:
        return _firing(look, "scheduler", firing)
    return Finding("OK", "scheduler", f"evaluated {words.age(life.age_seconds)} ago, {life.why}")


def _notifier(look: Look) -> Finding:
    if is_wanted(look) and not look.notifier_life.good:
        return _down("notifier", look.notifier_life)
    return telling(look)


def _rules(look: Look) -> Finding:
    states = look.scheduler.rules if look.scheduler else {}
    if not states:
        return Finding("n/a", "rules", "none evaluated yet")
    faulty = refused(look.scheduler.rules_file) if look.scheduler else None
    if faulty is not None:
        return Finding("WARN", "rules", faulty, todo("rules_refused"))
    firing = [i for i in look.incidents if i.rule in SUBJECTS["rules"] and i.status == "firing"]
    if firing:
        return _firing(look, "rules", firing)
    on = [state for state in states.values() if state.enabled and not state.off]
    wrong = [name for name, state in states.items() if state.enabled and state.verdict == "error"]
    if wrong:
        what = f"{len(wrong)} in error: {', '.join(wrong)} ({states[wrong[0]].why})"
        return Finding("WARN", "rules", what, "run `monitor rules check`")
    dead = sum(state.never_seen for state in on)
    unseen = f", {dead} with no data ever" if dead else ""
    return Finding("OK", "rules", f"{len(on) - dead} judged, {len(states) - len(on)} off{unseen}")


def _dead(look: Look) -> list[Finding]:
    """Name the rules that can't hold: no fault of anybody's, and never OK."""
    found = dead_rules(look)
    if not found:
        return []
    wanting = dict.fromkeys(fact for _, state in found for fact in state.wanting)
    return [Finding("n/a", "dead rules", f"no data ever: {dead_words(found)}", remedy(wanting))]


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
