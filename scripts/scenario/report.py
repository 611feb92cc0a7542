"""What came of scenario files, as lines for a human and as a record for a program."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from evaluator.durations import in_words
from evaluator.incident import Scalar
from evaluator.message import shown
from evaluator.rules import Fault
from scripts.cli import words
from scripts.cli.terminal import Line, Span
from scripts.scenario.compare import Difference
from scripts.scenario.model import Scenario
from scripts.scenario.run import Checked, Outcome

_WIDEST = len("suppressed_by")


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """An expectation that was not met: where it stands, when, and what the rule read then."""

    rule: str
    at_seconds: float
    timestamp: str
    line: int
    column: int
    differences: list[Difference]
    facts: dict[str, Scalar | None]


class ScenarioResult(msgspec.Struct, frozen=True, kw_only=True):
    """One scenario. `refused`: what the operator asked for in it and could not be done."""

    name: str
    ok: bool
    line: int
    expectations: int
    failed: list[Failed]
    refused: list[str]


class FileResult(msgspec.Struct, frozen=True, kw_only=True):
    """One file: `faults` is why it could not be run, `scenarios` what came of those in it."""

    file: str
    verdict: Literal["ok", "failed", "faulty"]
    scenarios: list[ScenarioResult] = []
    faults: list[Fault] = []


def faulty(file: str, faults: list[Fault]) -> FileResult:
    """Return the result of a file that could not be run."""
    return FileResult(file=file, verdict="faulty", faults=faults)


def result_of(file: str, outcomes: list[Outcome]) -> FileResult:
    """Return the result of a file whose scenarios were run."""
    return FileResult(
        file=file,
        verdict="ok" if all(one.ok for one in outcomes) else "failed",
        scenarios=[_scenario(one) for one in outcomes],
    )


def _scenario(outcome: Outcome) -> ScenarioResult:
    scenario = outcome.scenario
    return ScenarioResult(
        name=scenario.name,
        ok=outcome.ok,
        line=scenario.line,
        expectations=len(outcome.checked),
        failed=[_failed(one, scenario) for one in outcome.checked if one.differences],
        refused=[
            f"line {event.line}: {event.do} at {in_words(event.at_ms / 1000)}: {why}"
            for event, why in outcome.refused
        ],
    )


def _failed(checked: Checked, scenario: Scenario) -> Failed:
    wanted = checked.expectation
    moment = datetime.fromtimestamp(checked.wall_ms / 1000, ZoneInfo(scenario.config.timezone))
    return Failed(
        rule=wanted.rule,
        at_seconds=wanted.at_ms / 1000,
        timestamp=moment.isoformat(timespec="seconds"),
        line=wanted.line,
        column=wanted.column,
        differences=list(checked.differences),
        facts=checked.seen.facts,
    )


def lines_of(result: FileResult) -> Iterator[Line]:
    """Yield the lines on one file that was run: one when all is well, else every difference."""
    count = words.count(len(result.scenarios), "scenario")
    checks = words.count(sum(one.expectations for one in result.scenarios), "expectation")
    if result.verdict == "ok":
        yield [Span("ok      ", "good"), Span(f"{result.file}  {count}, {checks}")]
        return
    bad = sum(not one.ok for one in result.scenarios)
    yield [Span("FAILED  ", "bad"), Span(f"{result.file}  {bad} of {count}")]
    for scenario in result.scenarios:
        if not scenario.ok:
            yield [Span(f'  "{scenario.name}" ', "strong"), Span(f"(line {scenario.line})", "dim")]
        for refused in scenario.refused:
            yield [Span(f"    {refused}", "bad")]
        for failed in scenario.failed:
            yield from _lines_of(failed)


def _lines_of(failed: Failed) -> Iterator[Line]:
    when = f"at {in_words(failed.at_seconds)}, {failed.timestamp[:19].replace('T', ' ')}"
    yield [Span(f"    {when}, {failed.rule} "), Span(f"(line {failed.line})", "dim")]
    for one in failed.differences:
        yield [Span(f"      {one.what:<{_WIDEST}} expected  "), Span(one.expected)]
        yield [Span(f"      {'':<{_WIDEST}} seen      "), Span(one.seen, "bad")]
    read = ", ".join(f"{name} {shown(value)}" for name, value in failed.facts.items())
    yield [Span(f"      {'read':<{_WIDEST}} {read or 'nothing'}", "dim")]
