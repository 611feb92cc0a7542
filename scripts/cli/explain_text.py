"""`monitor rules explain` as text: one subject a line, its name on the left."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from evaluator.durations import in_words
from scripts.cli import words
from scripts.cli.rule_changes_needed import value_text
from scripts.cli.rule_explained import ConditionNow, CountdownNow, Explained, Other, State
from scripts.cli.terminal import Line, Span, Style, Terminal, at_words, wrap

LABEL = 13
STYLES: dict[State, Style] = {
    "firing": "bad",
    "in error": "bad",
    "pending": "warn",
    "holds": "warn",
    "no data": "warn",
    "never seen": "warn",
    "clear": "good",
}
WORTHS: dict[str, tuple[str, Style]] = {
    "true": ("true", "strong"),
    "false": ("false", ""),
    "unknown": ("unknown", "warn"),
    "never": ("never seen", "warn"),
    "error": ("error", "bad"),
    "off": ("off", "dim"),
}
WORTH = 10
MEANINGS: dict[State, str] = {
    "no data": "it can't be told: facts are missing that were there before",
    "never seen": "it can't hold: nobody ever reported a fact that it needs",
    "off": "a limit that it reads is not set",
    "disabled": "enabled = false",
    "in error": "its condition can't be computed",
    "market closed": "its clock stands still",
    "holds": "the condition is true; the scheduler has not written that down yet",
}


def explain_lines(found: Explained, now_ms: int, zone: ZoneInfo, terminal: Terminal) -> list[Line]:
    """Return the lines; none is longer than the terminal, and nothing is lost."""
    lines: list[Line] = [_head(found, now_ms, zone)]
    for label, said, style in _rows(found, now_ms, zone):
        spans = [Span(f"{label:<{LABEL}}", "dim"), Span(said, style)]
        lines += wrap(at_words(spans), terminal, LABEL)
    lines.append([])
    for condition in (one for one in found.conditions if one.reads):
        lines += _condition(condition, condition.role, terminal)
    for index, said in enumerate(found.changes):
        label = "would change" if index == 0 else ""
        spans = [Span(f"{label:<{LABEL}}", "dim"), Span(said)]
        lines += wrap(at_words(spans), terminal, LABEL)
    past = list(_past(found, now_ms, zone))
    lines.append([])
    for index, said in enumerate(past or ["none in the alert log"]):
        spans = [Span(f"{'' if index else 'last alerts':<{LABEL}}", "dim"), Span(said)]
        lines += wrap(at_words(spans), terminal, LABEL)
    return lines


def _head(found: Explained, now_ms: int, zone: ZoneInfo) -> Line:
    line = [
        Span(f"{found.rule}  ", "strong"),
        Span(found.state.upper(), STYLES.get(found.state, "dim")),
    ]
    began = found.firing_since_ms or found.pending_since_ms
    if began is not None:
        for_ = words.age((now_ms - began) / 1000)
        line.append(Span(f" since {words.since(began, now_ms, zone)} ({for_})"))
    keeps = in_words(found.keep_firing_for_seconds)
    line.append(Span(f"  {found.severity}, clock {found.clock}, for {in_words(found.for_seconds)}"))
    if found.keep_firing_for_seconds:
        line.append(Span(f", keep_firing_for {keeps}"))
    return line


def _rows(found: Explained, now_ms: int, zone: ZoneInfo) -> Iterator[tuple[str, str, Style]]:
    if found.stale:
        yield (
            "STALE",
            f"{found.stale}; its alert is as it was last written, conditions as of now",
            "bad",
        )
    if found.snapshot_age_seconds is None:
        yield "snapshot", "there is none: nothing is known of the engine", "warn"
    elif found.conditions and not found.live:
        yield "snapshot", f"the newest is {words.age(found.snapshot_age_seconds)} old", "warn"
    if found.state in MEANINGS:
        yield "means", MEANINGS[found.state], ""
    if found.message:
        yield "message", found.message, ""
    if found.why:
        yield "reason", found.why, ""
    if not found.runs and found.enabled:
        opens = (
            "" if found.opens_ms is None else f" until {words.since(found.opens_ms, now_ms, zone)}"
        )
        yield "clock", f"the {found.clock} clock stands still{opens}", "warn"
    yield from _counted(found)
    yield from _told(found, now_ms, zone)
    if found.flapping:
        yield "flapping", f"fired again soon after its end {found.refired} times in an hour", "warn"
    if found.inhibited_by:
        yield "roots", _others(found.inhibited_by), "dim"
    if found.consequences:
        yield "consequences", ", ".join(found.consequences), ""
    if found.explains:
        yield "explains", _others(found.explains), "dim"


def _counted(found: Explained) -> Iterator[tuple[str, str, Style]]:
    """Yield what is left of `for` and of `keep_firing_for`."""
    if found.held is not None:
        yield "for", _countdown(found.held, "fires"), "warn"
    if found.clearing is not None:
        yield "clearing", _countdown(found.clearing, "resolves"), "good"


def _told(found: Explained, now_ms: int, zone: ZoneInfo) -> Iterator[tuple[str, str, Style]]:
    """Yield who is told of it, and who not for what reason until when."""
    if found.suppressed_by is not None:
        yield "suppressed", f"nobody is told: {found.suppressed_by}", "warn"
    for one in found.silences:
        left = words.age((one.ends_ms - now_ms) / 1000)
        yield "silenced", f"{words.silenced(one, zone)}, {left} left", "warn"
    if found.acknowledged is not None:
        yield "taken", found.acknowledged, "good"
    if found.state != "firing":
        return
    if found.reminder_seconds is not None:
        soon = words.age(found.reminder_seconds)
        yield "reminder", f"next in {soon}" if found.reminder_seconds else "due now", ""
    else:
        yield "reminder", f"none: {found.reminder_why}", ""


def _countdown(one: CountdownNow, verb: str) -> str:
    said = f"{words.age(one.counted_seconds)} of {in_words(one.of_seconds)} counted"
    if not one.runs:
        return f"{said}, standing still; {words.age(one.left_seconds)} left"
    return f"{said}, {verb} in {words.age(one.left_seconds)} if it stays so"


def _others(others: list[Other]) -> str:
    return ", ".join(
        f"{one.rule} ({one.status})" if one.status else one.rule
        for one in sorted(others, key=lambda one: one.status is None)
    )


def _condition(one: ConditionNow, role: str, terminal: Terminal) -> list[Line]:
    worth, style = WORTHS[one.worth]
    spans = [
        Span(f"{role:<{LABEL}}", "dim"),
        Span(f"{worth:<{WORTH}} ", style),
        Span(one.text),
    ]
    if not one.parts:
        spans.append(Span(f"  ← {one.now}", "strong"))
    if one.worth == "error":
        spans.append(Span(f"  ({one.why})", "bad"))
    if one.last:
        last = ", ".join(
            f"{name} was {value_text(name, value)}" for name, value in one.last.items()
        )
        spans.append(Span(f"  (last known: {last})", "dim"))
    lines = wrap(at_words(spans), terminal, LABEL + WORTH + 1)
    for part in one.parts:
        lines += _condition(part, "  or", terminal)
    return lines


def _past(found: Explained, now_ms: int, zone: ZoneInfo) -> Iterator[str]:
    for one in found.past:
        when = words.since(one.began_ms, now_ms, zone)
        lasted = in_words(one.lasted_seconds)
        if one.fired:
            yield f"{when}  {one.severity} fired for {lasted}: {one.reason}"
        else:
            yield f"{when}  was pending for {lasted}, never fired: {one.reason}"
