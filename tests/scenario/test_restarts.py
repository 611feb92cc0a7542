"""The log is enough: a scheduler that starts again from it goes on as if it had never stopped."""

from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.rules import RuleSet
from scripts.scenario.library import Library
from scripts.scenario.model import Event, Scenario
from scripts.scenario.run import run

FOLDER = Path(__file__).parents[2] / "docs" / "rules" / "scenarios"
LIBRARY = Library()
FORGOTTEN = {"no data is an alarm", "no calendar ever is an alarm"}
FORGETFUL = ("calendar_doubtful", "rules_refused")
"""What was seen is remembered in snapshots, and these rules' facts are the scheduler's own."""


def stories() -> list[tuple[Scenario, RuleSet]]:
    """Return the scenarios of the built-in rules in which the collector never stops: a scheduler
    that starts on old snapshots waits for a new one, on purpose.
    """
    files = [LIBRARY.scenarios(path) for path in sorted(FOLDER.glob("*.toml"))]
    return [
        (scenario, file.rules)
        for file in files
        for scenario in file.scenarios
        if not any(one.do in ("restart", "reboot", "collector_stops") for one in scenario.events)
        and not (Path(file.file).stem in FORGETFUL and scenario.name in FORGOTTEN)
    ]


def with_events(scenario: Scenario, events: list[Event]) -> Scenario:
    ordered = sorted((*scenario.events, *events), key=lambda one: one.at_ms)
    return msgspec.structs.replace(scenario, events=tuple(ordered))


@settings(max_examples=200)
@given(st.sampled_from(stories()), st.data())
def test_after_random_restarts_the_log_is_that_of_an_undisturbed_run(
    story: tuple[Scenario, RuleSet], data: st.DataObject
) -> None:
    scenario, rules = story
    moments_ms = st.integers(0, scenario.expectations[-1].at_ms)
    takers = st.builds(
        Event,
        at_ms=moments_ms,
        do=st.sampled_from(["ack", "unack"]),
        rule=st.just(scenario.expectations[0].rule),
        for_ms=st.sampled_from([None, 30_000]),
    )
    acks = data.draw(st.lists(takers, max_size=2))
    restarts_ms = data.draw(st.lists(moments_ms, min_size=1, max_size=4, unique=True))

    # A clock set by nothing: both evaluate at the same times.
    still = [Event(at_ms=at_ms, do="clock") for at_ms in restarts_ms]
    killed = [Event(at_ms=at_ms, do="restart") for at_ms in restarts_ms]
    undisturbed = run(with_events(scenario, [*acks, *still]), rules)
    restarted = run(with_events(scenario, [*acks, *killed]), rules)

    assert restarted.lines == undisturbed.lines
