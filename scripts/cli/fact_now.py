"""Facts as they are known now: each with its value, how old that is, or why there is none."""

from __future__ import annotations

from typing import Literal

import msgspec

from evaluator.facts import Fact, is_windowed
from evaluator.incident import Scalar
from evaluator.instant import elapsed_ms
from scripts.cli import words
from scripts.cli.look import Look
from scripts.cli.terminal import Line, Span, Style, Terminal, cut

Knowledge = Literal["known", "expired", "unknown", "never seen", "off", "not looked at"]
"""`expired`: reported once, and too old to count; `unknown`: null, or of no use, or not now;
`off`: a limit that is not set.
"""
VALUE_COLUMNS = 10
NAME_COLUMNS = 33
"""A longer name pushes its own line aside, not the whole table."""


class FactNow(msgspec.Struct, frozen=True, kw_only=True):
    """One fact and its present value (null: unknown), as `--json` prints it.

    `age_seconds`: since its group was received from the engine, or it was measured; null when it
    has no age (a setting) or nobody knows.
    """

    name: str
    type: str
    unit: str
    source: str
    help: str
    value: Scalar | None
    windowed: bool
    state: Knowledge
    age_seconds: float | None = None


def fact_now(fact: Fact, seen: Look | None) -> FactNow:
    """Return a declared fact with what a look at the home says of it."""
    value = None if seen is None else _value(fact.name, seen)
    usable = value if isinstance(value, float | int | bool | str) else None
    return FactNow(
        name=fact.name,
        type=fact.type,
        unit=fact.unit,
        source=fact.source,
        help=fact.help,
        value=usable,
        windowed=is_windowed(fact),
        state="not looked at" if seen is None else _knowledge(fact, usable, seen),
        age_seconds=None if seen is None else _age(fact, usable, seen),
    )


def _value(name: str, seen: Look) -> object:
    group, _, rest = name.partition(".")
    if name in seen.facts:
        return seen.facts[name]
    if group == "limits":
        return limit(rest, seen)
    if group == "window" and seen.snapshot is not None:
        return getattr(seen.snapshot.window, rest, None)
    if name == "collector.snapshot_age_seconds":
        return seen.snapshot_age_seconds
    return None


def limit(name: str, seen: Look) -> float | None:
    """Return a limit in force by its name below `limits.`, None when it is off."""
    if name == "snapshot_age_seconds":
        return seen.config.snapshot_limit_seconds
    artifact = seen.config.artifacts.get(name.removesuffix("_age_hours"))
    if artifact is not None:
        return artifact.max_age_hours
    return getattr(seen.config.limits, name, None)


def _knowledge(fact: Fact, value: Scalar | None, seen: Look) -> Knowledge:
    if value is not None:
        return "known"
    if fact.source == "settings":
        return "off"
    if fact.source == "engine":
        if seen.facts.get(f"last.{fact.name}") is None:
            return "never seen"
        held = _group(fact.name, seen)
        expired = fact.name in held and all(one is None for one in held.values())
        return "expired" if expired else "unknown"
    # What a collector measured once and can't now is known to the scheduler alone.
    if fact.source == "collector" and seen.scheduler is not None:
        return "unknown" if fact.name in seen.scheduler.seen else "never seen"
    return "unknown"


def _age(fact: Fact, value: Scalar | None, seen: Look) -> float | None:
    if fact.source == "engine":
        if seen.snapshot is None or seen.facts.get(f"last.{fact.name}", value) is None:
            return None
        received = seen.snapshot.collector.received_at.get(fact.name.partition(".")[0])
        return None if received is None else elapsed_ms(received, seen.now) / 1000
    if value is None or fact.source == "settings":
        return None
    if fact.source == "collector":
        return seen.snapshot_age_seconds
    state = seen.scheduler
    return None if state is None else elapsed_ms(state.updated, seen.now) / 1000


def _group(name: str, seen: Look) -> dict[str, object]:
    """Return the readings of a fact's group that come from the engine: those that have a `last`."""
    group = f"{name.partition('.')[0]}."
    return {
        fact: value
        for fact, value in seen.facts.items()
        if fact.startswith(group) and f"last.{fact}" in seen.facts
    }


def fact_lines(found: list[FactNow], terminal: Terminal) -> list[Line]:
    """Return the facts as an aligned table; what it means is last, where the line may be cut."""
    wide = min(NAME_COLUMNS, max(len(fact.name) for fact in found))
    unit_wide = max(4, *(len(fact.unit) for fact in found))
    heading = f"{'fact':<{wide}}  {'now':>{VALUE_COLUMNS}} {'unit':<{unit_wide}}  "
    lines: list[Line] = [[Span(heading + "age      source     type       meaning", "dim")]]
    for fact in found:
        said, style = value_text(fact)
        if terminal.cut:
            said = cut(said, VALUE_COLUMNS)
        age = "–" if fact.age_seconds is None else words.age(fact.age_seconds)
        type_ = f"{fact.type}{' w' if fact.windowed else ''}"
        lines.append(
            [
                Span(f"{fact.name:<{wide}}  "),
                Span(f"{said:>{VALUE_COLUMNS}} ", style),
                Span(f"{fact.unit:<{unit_wide}}  ", "dim"),
                Span(f"{age:<7}  "),
                Span(f"{fact.source:<9}  {type_:<9}  ", "dim"),
                Span(fact.help),
            ]
        )
    return lines


def value_text(fact: FactNow) -> tuple[str, Style]:
    """Return a fact's value in words, or why there is none, and how to colour it."""
    if fact.value is None:
        return ("unknown" if fact.state == "not looked at" else fact.state), "dim"
    if isinstance(fact.value, bool):
        return ("yes" if fact.value else "no"), "strong"
    return (
        words.figure(fact.value) if isinstance(fact.value, float | int) else fact.value
    ), "strong"
