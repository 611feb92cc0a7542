"""Every built-in rule does what its scenarios say, and they say all that there is to say."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.rules import Rule
from scripts.scenario.calendar import Market
from scripts.scenario.library import Library
from scripts.scenario.model import Scenario, ScenarioFile
from scripts.scenario.run import Checked, Outcome, run

FOLDER = Path(__file__).parents[2] / "docs" / "rules" / "scenarios"
LIBRARY = Library()
FILES = {path.stem: LIBRARY.scenarios(path) for path in sorted(FOLDER.glob("*.toml"))}

ALWAYS_KNOWN = {"collector_stale", "preflight_no_go"}
"""The scheduler measures the age of the newest snapshot itself, and to a preflight what is unknown
is a reason not to go: they are never unknown."""
WITHOUT_SNAPSHOT = {"collector_stale", "monitor_degraded", "preflight_no_go"}
"""For these, nothing seen ever means that there was no snapshot."""


RULES = {rule.name: rule for rule in BUILTIN_RULES}
OUTCOMES: dict[tuple[str, str], Outcome] = {}


def outcome_of(file: ScenarioFile, scenario: Scenario) -> Outcome:
    """Return what comes of a scenario; it is run once for all tests."""
    name = file.file, scenario.name
    if name not in OUTCOMES:
        OUTCOMES[name] = run(scenario, file.rules)
    return OUTCOMES[name]


def each_scenario() -> list[object]:
    return [
        pytest.param(file, scenario, id=f"{stem}: {scenario.name}")
        for stem, file in FILES.items()
        for scenario in file.scenarios
    ]


def words(outcome: Outcome) -> list[str]:
    told = [why for _, why in outcome.refused]
    for one in outcome.checked:
        told += [f"at {one.expectation.at_ms / 1000} s: {what}" for what in one.differences]
    return told


@pytest.mark.parametrize(("file", "scenario"), each_scenario())
def test_the_rule_does_what_its_scenario_says(file: ScenarioFile, scenario: Scenario) -> None:
    assert words(outcome_of(file, scenario)) == []


def test_each_builtin_rule_has_its_file_and_there_is_no_other() -> None:
    assert sorted(FILES) == sorted(rule.name for rule in BUILTIN_RULES)


def aspects_of(rule: Rule) -> set[str]:
    """Return what the scenarios of a rule must show."""
    aspects = {"below", "above", "recovery", "never seen", "restart", "market closed"}
    if any(sign in condition for condition in rule.when for sign in "<>="):
        aspects.add("at")
    if rule.name not in ALWAYS_KNOWN:
        aspects.add("no data")
    if rule.day:
        aspects.add("new day")
    return aspects


@pytest.mark.parametrize("rule", BUILTIN_RULES, ids=lambda rule: rule.name)
def test_the_scenarios_show_every_aspect_that_applies(rule: Rule) -> None:
    shown = {
        aspect
        for scenario in FILES[rule.name].scenarios
        for expectation in scenario.expectations
        if expectation.rule == rule.name
        for aspect in expectation.shows
    }
    assert shown == aspects_of(rule)


@pytest.mark.parametrize(
    ("file", "scenario"), [(file, one) for file in FILES.values() for one in file.scenarios]
)
def test_an_aspect_that_is_claimed_is_really_there(file: ScenarioFile, scenario: Scenario) -> None:
    for checked in outcome_of(file, scenario).checked:
        for aspect in checked.expectation.shows:
            assert is_there(aspect, checked, scenario), aspect


def is_there(aspect: str, checked: Checked, scenario: Scenario) -> bool:
    seen = checked.seen
    rule = RULES[checked.expectation.rule]
    match aspect:
        case "below":
            return seen.state in ("none", "pending")
        case "above":
            return seen.state in ("pending", "firing")
        case "recovery":
            return seen.state == "resolved"
        case "no data":
            return seen.verdict == "unknown"
        case "never seen":
            return seen.verdict == "never seen" or rule.name in WITHOUT_SNAPSHOT
        case "restart":
            at_ms = checked.expectation.at_ms
            return any(one.do == "restart" and one.at_ms < at_ms for one in scenario.events)
        case "market closed":
            clock = "session" if rule.clock == "wall" else rule.clock
            return not Market(scenario).calendar.is_open(checked.wall_ms, clock)
        case "new day":
            return seen.told == ("new_day",)
    return aspect == "at"


def test_in_a_new_home_nothing_alarms_save_for_what_was_asked() -> None:
    file = LIBRARY.scenarios(Path(__file__).parent / "files" / "new_home.good.toml")
    lines = run(file.scenarios[0], file.rules).lines
    assert [(line.rule, line.status) for line in lines] == [
        ("engine_not_started", "pending"),
        ("engine_not_started", "firing"),
    ]
