"""The `[facts]` table: what the operator's own engine reports in `custom`, and more artifacts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import cast, get_args

from evaluator.facts import Fact, FactType
from evaluator.names import nearest

Report = Callable[[tuple[str | int, ...], str, str | None], None]

MOST_FACTS = 500
"""As many as a snapshot keeps of `custom`; each is nine names that a rule may read."""
LONGEST_NAME, LONGEST_TEXT = 100, 1_000
_CUSTOM = re.compile(r"custom\.[A-Za-z_][A-Za-z0-9_]*")
_ARTIFACT = re.compile(r"artifacts\.([A-Za-z_][A-Za-z0-9_]*_age_hours)")
_RESERVED = frozenset({"in", "true", "false", "null"})
_KEYS = ("type", "unit", "help")


def check_facts(table: object, known: Mapping[str, Fact], report: Report) -> dict[str, Fact]:
    """Return the facts that a `[facts]` table declares, by name.

    An artifact's age comes with its `limits.<name>_age_hours`. Paths that are reported are
    relative to the table.
    """
    facts: dict[str, Fact] = {}
    if not isinstance(table, dict):
        report((), "must be a table: [facts]", None)
        return facts
    for path, name, spec in _entries(table):
        if len(facts) >= MOST_FACTS:
            report(path, f"at most {MOST_FACTS} facts can be declared", None)
            break
        artifact = _ARTIFACT.fullmatch(name)
        if name in known:
            report(path, f"{name} is a built-in fact", None)
        elif artifact is None and not _CUSTOM.fullmatch(name):
            report(path, "only custom.<name> and artifacts.<name>_age_hours can be declared", None)
        elif len(name.partition(".")[2]) > LONGEST_NAME:
            report(path, f"a name has at most {LONGEST_NAME} characters", None)
        elif name.rpartition(".")[2] in _RESERVED:
            report(path, f"{name} is a word of the condition language", None)
        else:
            facts[name] = _fact(name, spec, path, report)
            if artifact is not None:
                limit = f"limits.{artifact[1]}"
                facts[limit] = Fact(limit, "number", "h", "settings", f"greatest {name}")
    return facts


def _entries(table: dict[str, object]) -> Iterator[tuple[tuple[str, ...], str, object]]:
    """Yield path, name and value; an unquoted `custom.x = …` makes TOML nest a table."""
    for key, value in table.items():
        if key in ("custom", "artifacts") and isinstance(value, dict):
            for field, spec in value.items():
                yield (key, field), f"{key}.{field}", spec
        else:
            yield (key,), key, value


def _fact(name: str, spec: object, path: tuple[str, ...], report: Report) -> Fact:
    """Return the fact; a faulty one as a number, so that its uses are not faults as well."""
    type_, unit, help_ = "number", "", ""
    artifact = name.startswith("artifacts.")
    if not isinstance(spec, dict):
        report(path, 'must be a table such as { type = "number", unit = "bps" }', None)
        spec = {"type": type_}
    for key, value in spec.items():
        if key not in _KEYS:
            report((*path, key), f"unknown field {key}", nearest(key, _KEYS))
        elif not isinstance(value, str):
            report((*path, key), "must be a text", None)
        elif len(value) > LONGEST_TEXT:
            report((*path, key), f"must be at most {LONGEST_TEXT:,} characters", None)
    given = spec.get("type")
    types = ("number",) if artifact else get_args(FactType)
    if given is None:
        report(path, f"needs a type: {', '.join(types)}", None)
    elif isinstance(given, str) and given not in types:
        report((*path, "type"), f"must be one of {', '.join(types)}", nearest(given, types))
    elif isinstance(given, str):
        type_ = given
    unit, help_ = str(spec.get("unit", unit)), str(spec.get("help", help_))
    return Fact(name, cast("FactType", type_), unit, "collector" if artifact else "engine", help_)
