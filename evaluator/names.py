"""The names that a rule may read, their types, and the name that was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from evaluator.facts import Fact, FactType, is_windowed, stat_type
from evaluator.stats import FLAG_STATS, NUMBER_STATS

_MADE_HERE = frozenset({"window.ticks", "window.seconds"})


def is_sampled(fact: Fact) -> bool:
    """Tell whether `window.<fact>.<stat>` is made of one value a snapshot.

    The collector's own numbers and flags are not in ticks, so nobody gathers their statistics;
    their value in each snapshot is all there is.
    """
    return fact.source == "collector" and fact.type != "text" and fact.name not in _MADE_HERE


def stats_of(fact: Fact) -> tuple[str, ...]:
    """Return the statistics that `window.<fact>.` has, none for text and for settings."""
    if not (is_windowed(fact) or is_sampled(fact)):
        return ()
    return FLAG_STATS if fact.type == "flag" else NUMBER_STATS


def readable(facts: Mapping[str, Fact]) -> dict[str, FactType]:
    """Return every name that a rule may read with its type.

    That is each fact, `last.<fact>` for what the engine reports, and `window.<fact>.<stat>`.
    """
    names: dict[str, FactType] = {}
    for fact in facts.values():
        names[fact.name] = fact.type
        if fact.source == "engine":
            names[f"last.{fact.name}"] = fact.type
        for stat in stats_of(fact):
            names[f"window.{fact.name}.{stat}"] = stat_type(stat)
    return names


def base_fact(name: str) -> str:
    """Return the fact that a readable name is about: `risk.x` for `window.risk.x.min`."""
    if name.startswith("last."):
        return name.removeprefix("last.")
    if name.startswith("window.") and name not in _MADE_HERE:
        return name.removeprefix("window.").rpartition(".")[0]
    return name


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that was probably meant, None when none is like it."""
    candidates = list(known)
    endings = [one for one in candidates if one.endswith(f".{name}")]
    close = endings or difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return min(close, key=len) if close else None
