"""The one screen of `monitor status`, as lines."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.incident import Incident
from monitoring.advice import revive, todo
from monitoring.money import rupees, rupees_short
from scripts.cli import words
from scripts.cli.dead_rules import dead_rules, dead_words
from scripts.cli.engine_state import EngineState, engine_state, lapse_todo
from scripts.cli.look import Look
from scripts.cli.market_state import market_state
from scripts.cli.rule_faults import refused
from scripts.cli.terminal import (
    Line,
    Span,
    Style,
    Terminal,
    at_gaps,
    at_words,
    line_columns,
    spread,
    wrap,
)

MARKS: dict[str, tuple[str, Style]] = {
    "LIVE": ("● LIVE", "good"),
    "LAPSED": ("● LAPSED", "bad"),
    "STOPPED": ("○ STOPPED", "warn"),
    "UNKNOWN": ("? UNKNOWN", "bad"),
}
SPARK_COLUMNS = 12


def screen(look: Look, pnl: Sequence[float | None], terminal: Terminal) -> list[Line]:
    """Return the screen. `pnl` is the day's profit and loss so far, oldest first."""
    state = engine_state(look)
    lines = [_header(look, state, terminal), *_warnings(look, state)]
    figures = _tick_and_home(look, terminal)
    if look.snapshot is not None:
        for line in (_money(look, pnl), _holdings(look)):
            figures += wrap(at_gaps(line), terminal, indent=4)
    present = look.fresh and state.word != "LAPSED"
    lines += figures if present else [_faded(line) for line in figures]
    lines += _alerts(look, terminal)
    dead = dead_rules(look)
    if dead:
        said: Line = [Span(f"no data ever  {dead_words(dead)}", "dim")]
        lines += wrap(at_words(said), terminal, indent=4)
    return lines


def _faded(line: Line) -> Line:
    """Return the line without the colours that speak of the present."""
    return [Span(span.text, "dim") for span in line]


def _header(look: Look, state: EngineState, terminal: Terminal) -> Line:
    mark, style = MARKS[state.word]
    now = words.local(look.now.wall_ms, look.zone)
    left = [
        Span(look.config.engine, "strong"),
        Span(" "),
        Span(mark, style),
        Span(f"   {market(look)}"),
    ]
    return spread(left, [Span(f"{now:%H:%M:%S %Z}", "dim")], terminal)


def market(look: Look) -> str:
    """Return the state of the market in words: OPEN, closes 15:30 (4h48m)."""
    return market_state(look.config, look.overrides, look.now.wall_ms)


def _warnings(look: Look, state: EngineState) -> list[Line]:
    """Return what makes the rest of the screen doubtful: it stands above it, in red."""
    lines: list[Line] = []
    if not look.config.enabled:
        lines.append([Span("OFF    monitoring is switched off (enabled = false)", "bad")])
        lines.append([Span("       → set enabled = true and restart the processes")])
    if look.snapshot is not None and not look.fresh:
        taken = words.local(look.snapshot.wall_ms, look.zone)
        old = words.age(look.snapshot_age_seconds)
        said = f"STALE  the figures below are {old} old (as of {taken:%d %b %H:%M:%S})"
        lines.append([Span(said, "bad")])
    for name, life in (("collector", look.collector_life), ("scheduler", look.scheduler_life)):
        if not life.good:
            dead = {
                "never": "never ran",
                "gone": "is not running",
                "stuck": "hangs",
                "blocked": "can't write",
            }
            word = dead.get(life.word, "is a riddle")
            effect = "nothing is measured" if name == "collector" else "nothing is judged"
            lines.append([Span(f"DOWN   {name} {word}: {effect} ({life.why})", "bad")])
            lines.append([Span(f"       → {revive(life.word, life.pid)}")])
    if state.why and look.config.enabled and not (look.snapshot is not None and not look.fresh):
        style: Style = "bad" if state.word == "LAPSED" else "warn"
        lines.append([Span(f"{state.word:<6} {state.why.removeprefix('stopped ')}", style)])
        if state.word == "LAPSED":
            old = words.age(look.tick_age_seconds)
            lines.append([Span(f"       money and positions below are {old} old", "bad")])
            lines.append([Span(f"       → {lapse_todo(look)}")])
        if look.text("heartbeat.cause") == "never_started":
            lines.append([Span(f"       → start the engine: it writes to {look.home.heartbeat}")])
    degraded = [
        f"{process.process}: {said}"
        for process in (look.collector, look.scheduler)
        if process is not None
        for said in process.degraded
    ]
    faulty = refused(look.scheduler.rules_file) if look.scheduler else None
    if faulty is not None:
        lines.append([Span(f"RULES  {faulty}", "warn")])
        lines.append([Span(f"       → {todo('rules_refused')}")])
    lines += [[Span(f"DEGRADED  {said}", "warn")] for said in degraded]
    lines += [[Span(f"ALERT LOG  {fault}", "warn")] for fault in look.alert_faults[:3]]
    return lines


def _tick_line(look: Look) -> Line:
    deadline = look.number("heartbeat.deadline_seconds")
    tick = look.tick_age_seconds
    late = tick is not None and deadline is not None and tick > deadline
    style: Style = "bad" if late and look.flag("heartbeat.expected") else ""
    until = f" (deadline {words.age(deadline)})" if deadline is not None else ""
    line = [
        Span("tick "),
        Span("none yet" if tick is None else words.age(tick), style),
        Span(until),
    ]
    line += [Span("   "), *_breeze(look)]
    uptime = look.number("heartbeat.uptime_seconds")
    if uptime is not None and engine_state(look).word == "LIVE":
        line.append(Span(f"   up {words.age(uptime)}"))
    return line


def _tick_and_home(look: Look, terminal: Terminal) -> list[Line]:
    """Return the tick line; the home stands on it if it fits, else below; in full anyway."""
    tick, home = _tick_line(look), f"home {look.home.root}"
    beside = [*tick, Span("   "), Span(home, "dim")]
    if line_columns(beside) <= terminal.width:
        return [beside]
    width = terminal.width
    tick_lines = wrap(at_gaps(tick), terminal, indent=4)
    home_lines = ([Span(home[at : at + width], "dim")] for at in range(0, len(home), width))
    return [*tick_lines, *home_lines]


def _breeze(look: Look) -> Line:
    status = look.text("breeze.status")
    confirmed = look.number("breeze.status_age_seconds")
    known = confirmed is not None and look.snapshot_age_seconds is not None
    since = f" {words.age((confirmed or 0) + (look.snapshot_age_seconds or 0))}" if known else ""
    engine_says = look.flag("connectivity.breeze_authenticated")
    if status == "authenticated":
        return [Span("Breeze "), Span("ok", "good"), Span(since)]
    if status not in {None, "off", "unknown"}:
        return [Span("Breeze "), Span(str(status).replace("_", " "), "bad"), Span(since)]
    if engine_says is not None:
        said = Span("ok", "good") if engine_says else Span("not authenticated", "bad")
        return [Span("Breeze "), said, Span(" (engine's word)")]
    return [Span(f"Breeze {status or 'unknown'}", "dim")]


def _money(look: Look, pnl: Sequence[float | None]) -> Line:
    daily, loss = look.number("pnl.daily"), look.number("risk.daily_loss_pct")
    limits = look.config.limits
    worst: Style = ""
    if loss is not None and limits.daily_loss_pct is not None and loss <= -limits.daily_loss_pct:
        worst = "bad"
    elif loss is not None and _past(loss, limits.daily_loss_warning_pct):
        worst = "warn"
    line = [Span("P&L "), Span("?" if daily is None else rupees(daily), worst or "strong")]
    if loss is not None:
        line += [Span("  "), Span(words.percent(loss), worst)]
    bars = words.sparkline(pnl, SPARK_COLUMNS)
    if bars:
        line.append(Span(f"  {bars}"))
    warn, limit = limits.daily_loss_warning_pct, limits.daily_loss_pct
    line.append(Span(f"   warn {_limit(warn)}  limit {_limit(limit)}"))
    breaker = look.flag("risk.circuit_breaker_active")
    word, style = {True: ("ON", "bad"), False: ("off", ""), None: ("?", "dim")}[breaker]
    return [*line, Span("   breaker "), Span(word, style)]  # type: ignore[arg-type] # a Style


def _past(loss: float, limit: float | None) -> bool:
    return limit is not None and loss <= -limit


def _limit(pct: float | None) -> str:
    return "none" if pct is None else words.number(-pct, 1)


def _holdings(look: Look) -> Line:
    def count(fact: str) -> str:
        value = look.number(fact)
        return "?" if value is None else words.figure(value)

    def amount(fact: str) -> str:
        value = look.number(fact)
        return "?" if value is None else rupees_short(value)

    bare = look.number("positions.without_stop")
    rejects = look.number("orders.rejected")
    return [
        Span(f"open {count('positions.count')}  {amount('positions.total_value')}"),
        Span(f"  largest {amount('risk.max_position_value')}"),
        Span(f"  without stop {count('positions.without_stop')}", "warn" if bare else ""),
        Span(f"   rejects {count('orders.rejected')}", "warn" if rejects else ""),
    ]


def _alerts(look: Look, terminal: Terminal) -> list[Line]:
    silences = [
        [Span("SILENCED  ", "warn"), Span(words.silenced(one, look.zone), "dim")]
        for one in look.silences
        if one.ends_ms > look.now.wall_ms
    ]
    if not look.incidents:
        if look.judged:
            quiet: Line = [Span("no alerts", "good"), Span(": nothing fires, nothing is pending")]
            return [quiet, *silences]
        return [[Span("no alerts known, and nobody judges now", "bad")], *silences]
    lines = [
        line for incident in look.incidents for line in incident_lines(incident, look, terminal)
    ]
    return [*lines, *silences]


def incident_lines(incident: Incident, look: Look, terminal: Terminal) -> list[Line]:
    """Return an incident as one line where it fits, else with its message on the next.

    One that nobody is told of is dim, save for its severity: a CRITICAL hides behind nothing.
    """
    style: Style = "bad" if incident.severity == "CRITICAL" else "warn"
    firing, quiet = incident.status == "firing", incident.suppressed_by is not None
    rest: Style = "dim" if quiet else ""
    head = [
        Span(f"{incident.status.upper():<8}", style if firing and not quiet else "dim"),
        Span(f"{incident.severity:<8} ", style if firing else ""),
        Span(incident.rule, "strong" if firing and not quiet else rest),
    ]
    began = incident.fired_at or incident.active_at
    since = f"  since {words.since(began.wall_ms, look.now.wall_ms, look.zone)}"
    tail = [Span(since, rest)]
    if incident.clear is not None:
        tail.append(Span("  clear now", "good"))
    if incident.flapping:
        tail.append(Span("  flapping", "warn"))
    if incident.ack is not None:
        tail.append(Span(f"  {words.taken(incident.ack, look.now.wall_ms, look.zone)}", "good"))
    if incident.suppressed_by:
        tail.append(Span(f"  {incident.suppressed_by}", "dim"))
    if incident.error:
        tail.append(Span(f"  in error: {incident.error}", "warn"))
    one = [*head, Span(f"  {incident.message}", rest), *tail]
    if line_columns(one) <= terminal.width:
        return [one]
    return [
        *wrap(at_words([*head, *tail]), terminal, indent=8),
        *wrap(at_words([Span(f"        {incident.message}", rest)]), terminal, indent=8),
    ]
