"""Reading a scenario file: all of its faults, each with its line and column, or the scenarios."""

from __future__ import annotations

import re
import tomllib
from typing import Protocol

from evaluator.rules import Fault, RuleErrors, RuleSet
from evaluator.toml_places import Path, Places, find_places
from scripts.scenario.model import Scenario, ScenarioFile
from scripts.scenario.parse_scenario import SETTING_KEYS, ScenarioReader
from scripts.scenario.table import Table

_KEYS = ("rules", "rule", "scenario", *SETTING_KEYS)
_SYNTAX = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)


class ScenarioErrors(Exception):
    """A scenario file was refused; `faults` holds everything wrong with it, in its order."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = faults


class RuleSource(Protocol):
    """Where rules come from."""

    def load(self, text: str | None, file: str) -> RuleSet:
        """Return the built-in rules with those of the text. Raises RuleErrors."""

    def text_of(self, name: str, beside: str) -> tuple[str, str]:
        """Return path and text of a rule file named in the file `beside`.

        Raises OSError, UnicodeDecodeError.
        """


def read(text: str, file: str, source: RuleSource) -> ScenarioFile:
    """Return the scenarios of a file's text; raises ScenarioErrors."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ScenarioErrors([_syntax_fault(str(error), text, file)]) from None
    reader = _FileReader(file, find_places(text), source)
    read_file = reader.file(data)
    if reader.faults:
        raise ScenarioErrors(sorted(reader.faults, key=lambda one: (one.line, one.column)))
    return read_file


class _FileReader:
    def __init__(self, file: str, places: Places, source: RuleSource) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._places = places
        self._source = source

    def file(self, data: dict[str, object]) -> ScenarioFile:
        top = Table(data, (), self._add, _KEYS)
        rules = self._rules(top)
        subject = top.text("rule")
        reader = ScenarioReader(rules, self._places, self._add)
        if subject is not None:
            reader.check_rule(top, "rule", subject)
        tables = top.tables("scenario", ("name", "events", "expect", *SETTING_KEYS))
        if not tables:
            top.fault(None, "needs at least one [[scenario]]")
        scenarios: list[Scenario] = []
        names: set[str] = set()
        for table in tables:
            scenario = reader.scenario(table, top, subject)
            if scenario.name in names:
                table.fault("name", "a scenario of this name stands above")
            names.add(scenario.name)
            scenarios.append(scenario)
        return ScenarioFile(self._file, rules, tuple(scenarios))

    def _rules(self, top: Table) -> RuleSet:
        """Return the file's rules; faulty ones are reported, and the built-in ones stand in."""
        written = top.text("rules")
        if written is None:
            return self._source.load(None, self._file)
        if "\n" in written:
            try:
                return self._source.load(written, self._file)
            except RuleErrors as errors:
                self.faults += [self._within(written, fault) for fault in errors.faults]
                return self._source.load(None, self._file)
        try:
            path, text = self._source.text_of(written, self._file)
            return self._source.load(text, path)
        except OSError as error:
            top.fault("rules", f"the rule file {written} can't be read: {error.strerror}")
        except UnicodeDecodeError:
            top.fault("rules", f"the rule file {written} is not UTF-8 text")
        except RuleErrors as errors:
            self.faults += errors.faults
        return self._source.load(None, self._file)

    def _within(self, written: str, fault: Fault) -> Fault:
        """Return a fault of rules written in the scenario file with its place in that file."""
        before = written.replace("\r\n", "\n").split("\n")[: fault.line - 1]
        index = sum(len(line) + 1 for line in before) + fault.column - 1
        line, column = self._places.line_column(self._places.character(("rules",), index))
        return Fault(self._file, line, column, fault.rule, fault.reason, fault.hint)

    def _add(self, path: Path, reason: str, hint: str | None) -> None:
        # A path may end in the index of a character within a text.
        line, column = self._places.line_column(self._index(path))
        fault = Fault(self._file, line, column, None, reason, hint)
        if fault not in self.faults:  # what the file says for all is looked at with each scenario
            self.faults.append(fault)

    def _index(self, path: Path) -> int:
        if path and isinstance(path[-1], int) and path[:-1] in self._places.strings:
            return self._places.character(path[:-1], path[-1])
        return self._places.key(path)


def _syntax_fault(message: str, text: str, file: str) -> Fault:
    match = _SYNTAX.fullmatch(message)
    reason = f"not TOML: {message if match is None else match[1]}"
    if match is not None and match[2] is not None:
        return Fault(file, int(match[2]), int(match[3]), None, reason)
    last = text.rpartition("\n")[2]
    return Fault(file, text.count("\n") + 1, len(last) + 1, None, reason)
