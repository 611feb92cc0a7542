"""`monitor rules list`, and what health and status say of rules: dead, refused, gone."""

from __future__ import annotations

import json

import pytest

from evaluator.rules import Fault, load
from monitoring.state import RulesFile, RuleState, read_state
from scripts.cli.findings import Finding
from scripts.cli.health import answer_of
from scripts.cli.look import look
from scripts.cli.rule_table import RuleNow, rule_lines, rule_now
from scripts.cli.rules import rules_now
from scripts.cli.status_screen import screen
from scripts.cli.terminal import PLAIN, Terminal, render

OWN = """
[facts]
"custom.spread_bps" = { type = "number", unit = "bps" }

[[rule]]
name = "spread_wide"
severity = { CRITICAL = "positions.count > 0", WARNING = "true" }
when = ["custom.spread_bps > 12", "positions.count > 0"]
unless = ["market_data.halted"]
for = "30s"
message = "wide"

[[rule]]
name = "odd"
severity = "WARNING"
when = ["int(pnl.daily) / int(orders.open) == int(orders.open)"]
clock = "wall"
message = "odd"

[[rule]]
name = "daily_loss_exceeded"
for = "1m30s"
message = "past it"

[[rule]]
name = "metrics_frozen"
enabled = false

[[rule]]
name = "just_written"
severity = "CRITICAL"
when = ["pnl.daily < -5000"]
message = "m"
"""
STATES = {
    "spread_wide": RuleState(verdict="false", never_seen=True, wanting=("custom.spread_bps",)),
    "odd": RuleState(verdict="error", why="divide by zero"),
    "daily_loss_exceeded": RuleState(verdict="true"),
    "metrics_frozen": RuleState(verdict="off", enabled=False),
    "tick_latency_high": RuleState(
        verdict="false", off=True, why="limit not set: limits.tick_latency_ms"
    ),
    "market_data_stale": RuleState(
        verdict="unknown", why="unknown: market_data.update_age_seconds"
    ),
    "disk_low": RuleState(verdict="false"),
}
NARROW = Terminal(colour=False, width=80, cut=True)
ELSEWHERE = (
    "not taken over: rules.toml:5:10: one: unknown fact pnl.dialy (did you mean pnl.daily?)"
    " (and 1 more)"
)
FAULTS = [
    Fault("rules.toml", 5, 10, "one", "unknown fact pnl.dialy", "pnl.daily"),
    Fault("rules.toml", 9, 1, "two", "needs message"),
]


@pytest.fixture
def listed(house) -> list[RuleNow]:
    house.process("scheduler", rules=STATES)
    state = read_state(house.home.state, "scheduler")
    return [
        rule_now(rule, state)
        for rule in load(OWN).rules
        if rule.name in STATES or rule.name == "just_written"
    ]


def text(found: list[RuleNow], terminal: Terminal) -> str:
    return "".join(render(line, terminal) + "\n" for line in rule_lines(found, terminal))


def test_the_list_tells_every_state_a_rule_can_be_in(listed, golden) -> None:
    golden("rules_list.txt", text(listed, NARROW))


def test_a_pipe_gets_one_line_a_rule_with_everything_on_it(listed, golden) -> None:
    shown = text(listed, PLAIN)
    golden("rules_list_pipe.txt", shown)
    assert len(shown.splitlines()) == len(listed) + 1


def test_no_line_of_the_built_in_rules_is_lost_at_80_columns() -> None:
    found = [rule_now(rule, None) for rule in load(None).rules]
    shown = text(found, NARROW)
    assert "…" not in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_the_words_are_in_the_json_too(now_house, monitor) -> None:
    now_house.process("scheduler", rules=STATES)
    now_house.home.rules.write_text(OWN)
    said = {one["name"]: one for one in json.loads(monitor("rules", "list", "--json").stdout)}
    assert {name: said[name]["now"] for name in (*STATES, "just_written")} == {
        "spread_wide": "no data ever",
        "odd": "in error",
        "daily_loss_exceeded": "holds",
        "metrics_frozen": "disabled",
        "tick_latency_high": "off",
        "market_data_stale": "unknown",
        "disk_low": "clear",
        "just_written": "not evaluated",
    }
    assert said["daily_loss_exceeded"]["overridden"] == ["message", "for"]
    assert said["spread_wide"]["wanting"] == ["custom.spread_bps"]


def test_while_the_file_is_refused_the_rules_in_force_are_listed(house, capsys) -> None:
    house.process("scheduler", rules=STATES)
    house.home.rules.write_text(OWN.replace("pnl.daily", "pnl.dialy"))
    house.home.rules_in_force.write_text(OWN)
    names = [rule.name for rule in rules_now(house.home, None)]
    assert "just_written" in names
    assert "the rules from before, which stay in force" in capsys.readouterr().err
    house.home.rules_in_force.unlink()
    assert "just_written" not in [rule.name for rule in rules_now(house.home, None)]
    assert "the built-in rules alone" in capsys.readouterr().err


# -- health and status


def finding(house, everyone, subject: str) -> Finding:
    findings = answer_of(look(house.home, house.at, everyone())).findings
    return next(found for found in findings if found.subject == subject)


def test_health_names_the_place_of_a_fault_and_what_to_do(house, everyone) -> None:
    house.good_day()
    file = RulesFile(source="kept", faults=FAULTS)
    house.process("scheduler", rules=STATES, rules_file=file)
    found = finding(house, everyone, "rules")
    assert found.level == "WARN"
    assert found.what == f"{ELSEWHERE}; the rules from before watch"
    assert found.todo is not None
    assert "monitor rules check" in found.todo
    house.process(
        "scheduler", rules=STATES, rules_file=RulesFile(source="built-in", faults=FAULTS[:1])
    )
    assert finding(house, everyone, "rules").what.endswith(
        "only the built-in rules watch, none of your own"
    )


def test_an_alert_about_the_file_stands_at_the_rules(house, everyone) -> None:
    house.good_day()
    house.alert("rules_refused", "rules.toml is not taken over", number=2)
    assert finding(house, everyone, "rules").what == "rules.toml is not taken over"


def test_dead_rules_are_named_with_their_facts_and_change_no_exit_code(house, everyone) -> None:
    house.process("collector")
    house.process("scheduler", rules={"disk_low": RuleState(verdict="false")})
    house.snapshot()
    before = answer_of(look(house.home, house.at, everyone())).exit_code
    dead = {
        name: RuleState(verdict="unknown", never_seen=True, wanting=(fact,))
        for name, fact in (
            ("sentiment_data_missing", "sentiment.reported_age_seconds"),
            ("stale_teacher_model", "artifacts.teacher_model_age_hours"),
            ("breeze_session_expired", "breeze.denials"),
            ("spread_wide", "custom.spread_bps"),
        )
    }
    house.process("scheduler", rules={"disk_low": RuleState(verdict="false"), **dead})
    found = finding(house, everyone, "dead rules")
    assert found.level == "n/a"
    assert found.what.startswith("no data ever: spread_wide (custom.spread_bps), ")
    assert found.what.endswith(", and 1 more")
    assert found.todo == (
        "report it from the engine, set artifacts.teacher_model.path, set up Breeze, "
        "or disable the rule"
    )
    assert finding(house, everyone, "rules").what == "1 judged, 0 off, 4 with no data ever"
    health = answer_of(look(house.home, house.at, everyone()))
    assert health.exit_code == before


def test_status_names_dead_rules_below_the_alerts(house, everyone) -> None:
    house.good_day()
    house.process("scheduler", rules=STATES)
    last = screen(look(house.home, house.at, everyone()), [], NARROW)[-1]
    assert render(last, NARROW) == "no data ever  spread_wide (custom.spread_bps)"
