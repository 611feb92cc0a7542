"""What `make faults` prints: every row of docs/faults.md, and whether its tests passed.

A pytest plugin (`-p tests.fault_report`). A row holds when at least one test is marked with its
id (`@pytest.mark.fault("W3")`), and all of those passed. The run fails for a row without a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROWS = Path(__file__).parents[1] / "docs" / "faults.md"
_ROW = re.compile(r"^\| (?P<id>[A-Z]\d+[a-z]?) (?P<fault>.+?) \| (?P<expected>.+) \|$")


class Row(NamedTuple):
    """One fault, and what must be seen when it strikes."""

    id: str
    fault: str
    expected: str


def rows() -> Iterator[Row]:
    """Yield the rows of docs/faults.md in their order."""
    for line in ROWS.read_text().splitlines():
        if found := _ROW.match(line):
            yield Row(*found.groups())


class Outcomes:
    """Gathers by row how its tests ended."""

    def __init__(self) -> None:
        self.rows_of: dict[str, list[str]] = {}
        self.passed: dict[str, int] = {}
        self.failed: dict[str, int] = {}
        self.skipped: dict[str, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marks = item.iter_markers("fault")
            self.rows_of[item.nodeid] = [str(row) for mark in marks for row in mark.args]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for row in self.rows_of.get(report.nodeid, []):
            if report.failed:
                self.failed[row] = self.failed.get(row, 0) + 1
            elif report.skipped:
                reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
                self.skipped[row] = str(reason).removeprefix("Skipped: ")
            elif report.when == "call":
                self.passed[row] = self.passed.get(row, 0) + 1

    def of(self, row: str) -> str:
        """Return how a row fared, in a word and a reason."""
        if row in self.failed:
            return f"FAILED ({self.failed[row]})"
        if row in self.skipped:
            return f"skipped: {self.skipped[row]}"
        return f"pass ({self.passed[row]})" if row in self.passed else "NO TEST"

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if any(self.of(row.id) == "NO TEST" for row in rows()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        ended = {row: self.of(row.id) for row in rows()}
        write("")
        for row, how in ended.items():
            write(f"{row.id:<4} {how:<12} {row.fault}", green=how[0] == "p", red=how[0] in "FN")
        held = sum(how.startswith("pass") for how in ended.values())
        rest = {
            word: sum(how.startswith(word) for how in ended.values())
            for word in ("FAILED", "NO TEST", "skipped")
        }
        others = "".join(f", {count} {word}" for word, count in rest.items() if count)
        write(f"\n{held} of {len(ended)} faults survived{others}")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Outcomes())
