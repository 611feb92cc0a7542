"""Reading a rule file: all of its faults, each with its line and column, or the rules."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from evaluator.builtin import BUILTIN_RULES
from evaluator.expression import Compiler
from evaluator.fact_table import check_facts
from evaluator.facts import BUILTIN_FACTS, Fact
from evaluator.names import nearest, readable
from evaluator.program import RuleProgram, compile_rule
from evaluator.rule_fields import check_table
from evaluator.rules import Fault, Rule, RuleErrors, RuleSet
from evaluator.suppression import circle_through
from evaluator.toml_file import parse
from evaluator.toml_places import Path, Places

_REQUIRED = ("severity", "when", "message")
_TABLES = ("facts", "rule")
MOST_RULES = 1_000
MOST_FAULTS = 200
"""More would keep the scheduler, which reads the file between two evaluations, from its work."""


def read(text: str | None, file: str) -> RuleSet:
    """Return the built-in rules with those of the text; raises RuleErrors."""
    data, places = parse(text or "", file)
    reader = _Reader(file, places)
    rules = reader.rules(data)
    if reader.faults:
        raise RuleErrors(sorted(reader.faults, key=_place))
    return rules


class _Reader:
    def __init__(self, file: str, places: Places) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._places = places

    def rules(self, data: Mapping[str, object]) -> RuleSet:
        for key in data:
            if key not in _TABLES:
                self._add((key,), None, f"unknown table {key[:60]}", nearest(key, _TABLES))
        facts = self._facts(data.get("facts", {}))
        found, paths = self._tables(data.get("rule", []))
        self._check_inhibitors(found, paths)
        names = readable(facts)
        compiler = Compiler(names)
        programs: list[RuleProgram] = []
        for rule in found.values():
            program = compile_rule(rule, compiler, names)
            if isinstance(program, RuleProgram):
                programs.append(program)
                continue
            for place, problem in program:
                path = (*paths[rule.name], *place)
                at = self._places.character(path, problem.at)
                self._add_at(at, rule.name, problem.reason, problem.hint)
        enabled = tuple(program for program in programs if program.rule.enabled)
        return RuleSet(tuple(found.values()), facts, enabled, compiler)

    def _facts(self, table: object) -> dict[str, Fact]:
        known = {fact.name: fact for fact in BUILTIN_FACTS}

        def report(path: Path, reason: str, hint: str | None) -> None:
            what = ".".join(str(part) for part in path)
            named = f"{what} {reason}" if what and reason.startswith(("must", "needs")) else reason
            self._add(("facts", *path), None, named, hint)

        return known | check_facts(table, known, report)

    def _tables(self, tables: object) -> tuple[dict[str, Rule], dict[str, Path]]:
        """Return all rules by name, and where those of the file stand."""
        found = {rule.name: rule for rule in BUILTIN_RULES}
        paths: dict[str, Path] = {}
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            self._add(("rule",), None, "rules are written as [[rule]], in double brackets")
            return found, paths
        for index, table in enumerate(tables):
            path: Path = ("rule", index)
            if index >= MOST_RULES:
                self._add(path, None, f"at most {MOST_RULES} rules can stand in a file")
                break
            rule = self._rule(table, path, found)
            if rule.name in paths:
                self._add((*path, "name"), rule.name, "a rule of this name stands above")
                continue
            found[rule.name] = rule
            paths[rule.name] = path
        return found, paths

    def _rule(self, table: Mapping[str, object], path: Path, found: Mapping[str, Rule]) -> Rule:
        """Return what can be made of a table, a builtin of that name under it."""
        given = table.get("name")
        name = given if isinstance(given, str) else None

        def report(place: Path, reason: str, hint: str | None) -> None:
            self._add((*path, *place), name, reason, hint)

        fields = check_table(table, report)
        if given is None:
            report((), "needs a name", None)
        name = str(fields.setdefault("name", name or f"rule {int(path[1]) + 1}"))
        base = found.get(name)
        if base is not None and base.builtin:
            return msgspec.structs.replace(base, **fields)
        for field in _REQUIRED:
            if field not in table:
                report((), f"needs {field}", None)
        blank = Rule(name=name, severity="WARNING", when=(), message="")
        return msgspec.structs.replace(blank, **fields)

    def _check_inhibitors(self, found: Mapping[str, Rule], paths: Mapping[str, Path]) -> None:
        told: set[frozenset[str]] = set()
        for name, path in paths.items():
            for index, other in enumerate(found[name].inhibited_by):
                place = (*path, "inhibited_by", index)
                circle = circle_through(name, other, found)
                if other == name:
                    self._add(place, name, "a rule can't inhibit itself")
                elif other and other not in found:
                    self._add(place, name, f"unknown rule {other}", nearest(other, found))
                elif circle and frozenset(circle) not in told:
                    told.add(frozenset(circle))
                    way = " → ".join((*circle, name))
                    self._add(place, name, f"inhibition in a circle would silence all: {way}")

    def _add(self, path: Path, rule: str | None, reason: str, hint: str | None = None) -> None:
        self._add_at(self._places.key(path), rule, reason, hint)

    def _add_at(self, at: int, rule: str | None, reason: str, hint: str | None) -> None:
        line, column = self._places.line_column(at)
        self.faults.append(Fault(self._file, line, column, rule, reason, hint))
        if len(self.faults) >= MOST_FAULTS:
            raise RuleErrors(sorted(self.faults, key=_place))


def _place(fault: Fault) -> tuple[int, int]:
    return fault.line, fault.column
