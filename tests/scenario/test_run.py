"""Time in a scenario: what is evaluated when, and what clocks, restarts and reboots do to it."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.scenario.library import Library
from scripts.scenario.parse import ScenarioErrors, read
from scripts.scenario.run import Outcome, run

LIBRARY = Library()


def play(story: str, rule: str = "network_down") -> Outcome:
    file = read(f'rule = "{rule}"\n[[scenario]]\nname = "x"\n{story}', "s.toml", LIBRARY)
    return run(file.scenarios[0], file.rules)


def log(outcome: Outcome, rule: str = "network_down") -> list[tuple[Any, str]]:
    return [(one.status, one.timestamp[11:19]) for one in outcome.lines if one.rule == rule]


DOWN = 'input.collector.network_up = false\nexpect = [{ at = "1m", state = "firing" }]\n'


def test_two_runs_give_the_same_lines() -> None:
    assert play(DOWN) == play(DOWN)


def test_a_clock_that_is_set_shows_in_times_and_changes_no_duration() -> None:
    outcome = play('events = [{ at = "7s", do = "clock", by = "-1h" }]\n' + DOWN)
    assert log(outcome) == [("pending", "10:00:00"), ("firing", "09:00:15")]


def test_what_is_below_the_interval_is_evaluated_at_snapshots_too() -> None:
    outcome = play('interval = "1m"\nsnapshot_interval = "5s"\n' + DOWN)
    assert log(outcome) == [("pending", "10:00:00"), ("firing", "10:00:15")]


def test_snapshots_written_while_the_scheduler_was_down_are_judged_at_their_own_time() -> None:
    outcome = play(
        'input.collector.network_up = "true false"\n'
        'events = [{ at = "5s", do = "restart", for = "45s" }]\n'
        'expect = [{ at = "1m", state = "firing" }]\n'
    )
    assert log(outcome) == [("pending", "10:00:10"), ("firing", "10:00:30")]


def test_after_a_reboot_boottime_begins_anew_and_the_wall_clock_counts() -> None:
    outcome = play('events = [{ at = "5s", do = "reboot", for = "30s" }]\n' + DOWN)
    lines = [one for one in outcome.lines if one.rule == "network_down"]
    assert log(outcome)[:2] == [("pending", "10:00:00"), ("firing", "10:00:35")]
    assert [one.boot_id for one in lines[:2]] == ["boot-1", "boot-2"]
    assert lines[1].boottime_ns < lines[0].boottime_ns


def test_a_collector_that_stopped_for_good_writes_nothing_more() -> None:
    outcome = play(
        'events = [{ at = "15s", do = "collector_stops" }]\n'
        'expect = [{ at = "50s", state = "firing" }]\n',
        "collector_stale",
    )
    assert log(outcome, "collector_stale") == [("firing", "10:00:50")]
    assert outcome.ok


def test_a_rule_in_error_is_reported_once_and_not_again_after_a_restart() -> None:
    rules = (
        'rules = \'\'\'\n[facts]\ncustom.w = { type = "text" }\n[[rule]]\nname = "r"\n'
        'severity = "WARNING"\nwhen = ["custom.w.matches(\\"(\\")"]\nmessage = "m"\n\'\'\'\n'
    )
    story = (
        'events = [{ at = "20s", do = "restart" }]\n'
        'expect = [{ at = "40s", verdict = "error", log = ["rule_error"], told = [] }]\n'
        "input.custom.w = \"'a'\"\n"
    )
    file = read(f'rule = "r"\n{rules}[[scenario]]\nname = "x"\n{story}', "s.toml", LIBRARY)
    outcome = run(file.scenarios[0], file.rules)
    assert outcome.ok, outcome.checked


def test_windows_are_made_of_one_sample_a_snapshot_unless_the_file_says_otherwise() -> None:
    rules = (
        'rules = \'\'\'\n[[rule]]\nname = "r"\nseverity = "WARNING"\nwhen = '
        '["window.orders.placed.delta >= 0"]\nmessage = "m"\ncontext = ['
        ' "window.orders.placed.delta",'
        ' "window.orders.placed.count", "window.orders.placed.max", "last.orders.placed",'
        ' "window.ticks", "window.seconds", "window.risk.circuit_breaker_active.any",'
        " \"window.risk.circuit_breaker_active.last\"]\n'''\n"
    )
    story = (
        'input."orders.placed" = "3 5 _x1 4"\n'
        'input."window.orders.placed.max" = "_ 9 8 null"\n'
        'input."risk.circuit_breaker_active" = "_"\n'
        'input."window.risk.circuit_breaker_active.any" = "true _"\n'
        'input."window.ticks" = "7 null"\ninput."window.seconds" = "9 _"\n'
        'expect = [{ at = "0s", verdict = "true" }, { at = "10s", verdict = "true" },'
        ' { at = "20s", verdict = "true" }, { at = "30s", verdict = "true" }]\n'
    )
    file = read(f'rule = "r"\n{rules}[[scenario]]\nname = "x"\n{story}', "s.toml", LIBRARY)
    outcome = run(file.scenarios[0], file.rules)
    assert next(line.context for line in outcome.lines if line.rule == "r") == {
        "window.orders.placed.delta": 0.0,
        "window.orders.placed.count": 1.0,
        "window.orders.placed.max": 3.0,
        "last.orders.placed": 3.0,
        "window.ticks": 7.0,
        "window.seconds": 9.0,
        "window.risk.circuit_breaker_active.any": True,
        "window.risk.circuit_breaker_active.last": 1.0,
    }
    read_then = [one.seen.facts["window.orders.placed.delta"] for one in outcome.checked]
    assert read_then == [0.0, 2.0, 0.0, 4.0]


def ruled(rules: str, story: str) -> Outcome:
    """Return what comes of a scenario on rules of its own, the rule "r" among them."""
    text = f'rule = "r"\nrules = """\n{rules}"""\n[[scenario]]\nname = "x"\n{story}'
    file = read(text, "s.toml", LIBRARY)
    return run(file.scenarios[0], file.rules)


@pytest.mark.parametrize(
    ("fact", "changes"),
    [
        ("orders.placed", [0.0, 2.0, 4.0, 0.0]),
        ("pnl.daily", [0.0, 2.0, -1.0, -5.0]),
        ("custom.x", [0.0, 2.0, 4.0, 0.0]),
    ],
)
def test_a_delta_sums_rises_of_what_counts_and_is_the_net_change_of_a_number(
    fact: str, changes: list[float]
) -> None:
    delta = f"window.{fact}.delta"
    rules = (
        "[facts]\n'custom.x' = { type = 'number' }\n[[rule]]\nname = 'r'\n"
        f"severity = 'WARNING'\nwhen = ['{delta} > 99']\nmessage = 'm'\n"
    )
    times = ", ".join(f'{{ at = "{at}s", state = "none" }}' for at in (0, 10, 20, 30))
    story = f'input."{fact}" = "3 5 4 -1"\nexpect = [{times}]\n'
    checked = ruled(rules, story).checked
    assert [one.seen.facts[delta] for one in checked] == changes


def test_a_time_in_which_nobody_watched_is_not_in_the_window() -> None:
    rules = (
        "[[rule]]\nname = 'r'\nseverity = 'WARNING'\nwhen = ['window.seconds > 0']\nmessage = 'm'\n"
    )
    story = (
        'events = [{ at = "15s", do = "collector_stops", for = "45s" }]\n'
        'expect = [{ at = "10s", state = "firing" }, { at = "1m", state = "firing" }]\n'
    )
    checked = ruled(rules, story).checked
    assert [one.seen.facts["window.seconds"] for one in checked] == [10.0, 35.0]


def test_the_exchange_has_its_holidays_and_the_operator_its_word() -> None:
    calm = 'calendar = "XNSE"\n' + DOWN.replace('state = "firing"', 'state = "none", told = []')
    assert play("start = 2025-10-21T10:00:00\n" + calm).ok
    assert not play("start = 2025-10-21T14:00:00\n" + calm).ok
    assert play('events = [{ at = "0s", do = "close" }]\n' + calm).ok
    halted = 'events = [{ at = "5s", do = "halt", for = "20s" }]\ncalendar = "XNSE"\n' + DOWN
    assert log(play(halted)) == [("pending", "10:00:00"), ("firing", "10:00:35")]
    late = 'start = 2025-10-13T15:29:50\ncalendar = "XNSE"\n' + DOWN
    assert not play(late).ok
    assert play('events = [{ at = "5s", do = "extend", for = "5m" }]\n' + late).ok


def test_a_scenario_that_would_take_all_day_is_refused() -> None:
    with pytest.raises(ScenarioErrors, match="more than 1,000,000 evaluations"):
        play('expect = [{ at = "365d", state = "none" }]\n')


@pytest.mark.parametrize(
    ("fact", "why"),
    [
        ("preflight.no_go", "it comes from what is checked before the open"),
        ("window.collector.ticks_lost.delta", "it is made of collector.ticks_lost"),
    ],
)
def test_what_is_made_of_other_facts_is_not_given(fact: str, why: str) -> None:
    with pytest.raises(ScenarioErrors, match=f"{fact} can't be given: {why}"):
        play(f'input."{fact}" = 4\n' + DOWN)


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ("start = 9999-12-31T23:59:59Z", "from 1980 to 2100"),
        ("start = 2025-10-13", "without quotes"),
        ('interval = "2d"', "at most 1d"),
        ('events = [{ at = "1s", do = "clock", by = "-9999d" }]', "at most 366d"),
        ('events = [{ at = "9999d", do = "restart" }]', "at most 366d"),
    ],
)
def test_times_beyond_all_calendars_are_refused(fault: str, place: str) -> None:
    with pytest.raises(ScenarioErrors, match=place):
        play(fault + "\n" + DOWN)
