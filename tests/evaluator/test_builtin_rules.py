"""Every built-in rule through a story: never seen, below, at, above, no data, recovery."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evaluator.builtin import BUILTIN_RULES
from evaluator.durations import parse_seconds

STORIES = sorted((Path(__file__).parent / "stories").glob("*.toml"))


def moments(file: Path) -> list[dict[str, Any]]:
    return list(tomllib.loads(file.read_text())["moment"])


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_the_rule_goes_through_its_story(file: Path, world: Callable[..., Any]) -> None:
    here = world()
    seconds = 0
    for moment in moments(file):
        seconds += parse_seconds(moment.get("after", "10s")) or 0
        here.turn(seconds, moment.get("facts", {}), moment.get("absent", []))
        verdict, status = here.verdicts[file.stem], here.status(file.stem)
        told = f"{moment['says']}: {verdict.truth} {verdict.severity} {status}; {verdict.why}"
        assert (verdict.truth, status) == (moment["truth"], moment["status"]), told
        if "severity" in moment:
            incident = here.states[file.stem]
            assert incident.severity == moment["severity"], told
            assert "{" not in incident.message


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_a_story_shows_the_rule_true_false_without_data_and_over(file: Path) -> None:
    told = moments(file)

    assert {moment["truth"] for moment in told} >= {"true", "false", "unknown"}
    assert {moment["status"] for moment in told} >= {"firing", "resolved"}


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_the_end_of_every_builtin_rule_is_told_in_one_short_sentence(
    file: Path, world: Callable[..., Any]
) -> None:
    here = world()
    seconds, ends = 0, []
    for moment in moments(file):
        seconds += parse_seconds(moment.get("after", "10s")) or 0
        here.turn(seconds, moment.get("facts", {}), moment.get("absent", []))
        ends += [here.ended[file.stem].message] if moment["status"] == "resolved" else []

    assert ends
    for message in ends:
        assert message.startswith(("Over after ", "Ended after "))
        assert len(message) < 120, message


def test_every_builtin_rule_says_what_is_well_again() -> None:
    assert [rule.name for rule in BUILTIN_RULES if rule.resolved_message is None] == []


def test_every_builtin_rule_has_a_story() -> None:
    assert [file.stem for file in STORIES] == sorted(rule.name for rule in BUILTIN_RULES)


def test_no_builtin_rule_alarms_in_a_new_home_save_for_what_was_asked(
    world: Callable[..., Any],
) -> None:
    here = world()
    facts = {
        "heartbeat.cause": "never_started",
        "heartbeat.expected": False,
        "heartbeat.deadline_seconds": 90.0,
        "collector.rebooted": False,
        "collector.network_up": True,
        "collector.disk_free_bytes": 5e10,
        "collector.inodes_free_pct": 80.0,
        "collector.ticks_lost": 0,
        "collector.lines_rejected": 0,
        "collector.writer_dropped": 0,
        "collector.write_errors": 0,
        "breeze.status": "off",
    }
    here.turn(0, facts, [])
    here.turn(70, {}, [])

    assert [(one.incident.rule, one.incident.status) for one in here.log] == [
        ("engine_not_started", "pending"),
        ("engine_not_started", "firing"),
    ]
