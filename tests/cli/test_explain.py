"""`monitor rules explain`: value, threshold and reason for each thing that a rule can be."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from evaluator.incident import Ack, Countdown, Told
from evaluator.rules import load
from monitoring.calendar import calendar_of
from monitoring.config import Calendar
from monitoring.snapshot import Snapshot
from scripts.cli import words
from scripts.cli.explain_text import explain_lines
from scripts.cli.look import look
from scripts.cli.rule_explained import Explained, explained
from scripts.cli.terminal import Terminal, render
from tests.cli.conftest import CONFIG, House, before

WIDE = Terminal(colour=False, width=100, cut=True)
OWN = """
[[rule]]
name = "loss_held"
severity = "WARNING"
when = ["pnl.daily < -10000"]
for = "1m"
keep_firing_for = "2m"
clock = "wall"
message = "lost {pnl.daily}"

[[rule]]
name = "odd"
severity = "WARNING"
when = ["int(pnl.daily) / int(orders.open - 1) == int(orders.open)"]
clock = "wall"
message = "odd"

[[rule]]
name = "idle"
severity = "WARNING"
when = ["pnl.daily < 0"]
message = "m"
enabled = false

[[rule]]
name = "steep"
severity = "WARNING"
when = ["window.pnl.daily.min < -18100"]
window = "1m"
message = "m"
"""
Explain = Callable[..., Explained]


@pytest.fixture
def explain(house: House, everyone) -> Explain:
    """Explain a rule of the house."""

    def run(name: str, *dead: int) -> Explained:
        rules = load(OWN)
        seen = look(house.home, house.at, everyone(*dead))
        (rule,) = (one for one in rules.rules if one.name == name)
        sessions = calendar_of(seen.config, seen.overrides)
        return explained(rule, rules, seen, sessions)

    house.process("collector")
    house.process("scheduler", pid=4101, seen=("pnl.daily", "orders.open"))
    return run


@pytest.fixture
def as_golden(house: House, explain: Explain, golden) -> Callable[..., Explained]:
    def run(case: str, name: str, *dead: int) -> Explained:
        found = explain(name, *dead)
        zone = words.zone(CONFIG.timezone)
        lines = explain_lines(found, house.at.wall_ms, zone, WIDE)
        golden(f"explain_{case}.txt", "".join(f"{render(line, WIDE)}\n" for line in lines))
        return found

    return run


def lapsed(house: House) -> Snapshot:
    good = house.snapshot()
    beat = {**good.heartbeat, "age_seconds": 31.2, "cause": "silent"}
    return house.snapshot(heartbeat=beat, seconds_ago=0.1)


def test_a_firing_rule_names_value_and_threshold(house: House, as_golden) -> None:
    lapsed(house)
    house.alert(
        "heartbeat_lapsed", "No tick for 20 s", severity="CRITICAL", seconds_ago=41.0, number=1,
        context={"consequences": "market_data_stale, metrics_frozen"},
        told=Told(before(house.at, 41.0), "CRITICAL"),
    )  # fmt: skip
    house.alert("metrics_frozen", "frozen", suppressed_by="inhibited by heartbeat_lapsed", number=2)
    found = as_golden("firing", "heartbeat_lapsed")
    assert found.state == "firing"
    assert found.reminder_seconds == 79.0
    assert found.consequences == ["market_data_stale", "metrics_frozen"]
    assert "heartbeat.age_seconds > heartbeat.deadline_seconds: it is 31.2 > 20" in found.changes[1]


def test_a_pending_rule_says_what_is_left_of_for(house: House, as_golden) -> None:
    house.snapshot()
    house.alert(
        "loss_held", "lost 18400", status="pending", seconds_ago=20.0, notify="pending",
        held=Countdown(0, before(house.at, 20.0)),
    )  # fmt: skip
    found = as_golden("pending", "loss_held")
    assert found.held is not None
    assert (found.state, found.held.left_seconds) == ("pending", 40.0)


def test_a_clear_rule_says_what_it_would_take(house: House, as_golden) -> None:
    house.snapshot()
    house.alert(
        "heartbeat_lapsed", "Over", status="resolved", seconds_ago=600.0, notify="resolved",
        reason="condition clear for 0s, after firing for 10m",
    )  # fmt: skip
    found = as_golden("clear", "heartbeat_lapsed")
    assert found.state == "clear"
    assert found.changes[0].endswith("heartbeat.deadline_seconds: it is 0.2 > 20")


def test_a_rule_whose_data_is_gone_names_what_is_missing_and_was_known_last(
    house: House, as_golden
) -> None:
    house.snapshot(pnl={"daily": None}, seconds_ago=0.1)
    found = as_golden("no_data", "loss_held")
    assert found.state == "no data"
    assert found.changes[0].startswith("needs pnl.daily (last known: -18,400)")


def test_a_rule_whose_data_never_came_says_what_brings_it(house: House, as_golden) -> None:
    house.snapshot()
    found = as_golden("never_seen", "sentiment_data_missing")
    assert found.state == "never seen"
    assert found.wanting == ["sentiment.reported_age_seconds"]


def test_an_inhibited_alert_names_its_root(house: House, as_golden) -> None:
    lapsed(house)
    house.alert("heartbeat_lapsed", "No tick", severity="CRITICAL", number=1)
    house.alert("metrics_frozen", "frozen", suppressed_by="inhibited by heartbeat_lapsed", number=2)
    found = as_golden("inhibited", "metrics_frozen")
    assert found.suppressed_by == "inhibited by heartbeat_lapsed"
    assert found.inhibited_by[3].status == "firing"
    assert found.reminder_why == "it is suppressed: inhibited by heartbeat_lapsed"


def test_a_silenced_alert_names_who_silenced_it_until_when(house: House, as_golden) -> None:
    house.snapshot()
    silence = house.silence(rule="stale_student_model")
    house.alert(
        "stale_student_model", "31 h old", suppressed_by=silence.words,
        told=Told(before(house.at, 60.0), "WARNING"),
    )  # fmt: skip
    found = as_golden("silenced", "stale_student_model")
    assert [one.id for one in found.silences] == ["abcd1234"]


def test_an_acknowledged_alert_names_who_has_it_until_when(house: House, as_golden) -> None:
    house.snapshot()
    ack = Ack("asha", house.at.wall_ms - 60_000, "retraining", house.at.wall_ms + 3_600_000)
    house.alert("stale_student_model", "31 h old", ack=ack)
    found = as_golden("acknowledged", "stale_student_model")
    assert found.acknowledged == 'acked asha "retraining" until 11:42'
    assert found.reminder_why == "it is acknowledged"


def test_a_rule_in_error_shows_the_values_that_it_fails_on(house: House, as_golden) -> None:
    house.snapshot()
    found = as_golden("error", "odd")
    assert found.state == "in error"
    assert "divide by zero" in found.changes[0]


def test_a_dead_scheduler_is_told_before_anything_else(house: House, as_golden) -> None:
    house.snapshot(seconds_ago=3000.0)
    house.alert("loss_held", "lost 18400", seconds_ago=400.0)
    found = as_golden("stale", "loss_held", 4101)
    assert not found.live
    assert found.state == "firing"
    assert found.conditions[0].last == {"pnl.daily": -18_400.0}


def test_what_only_the_scheduler_knows_is_unknown_while_it_is_dead(house: House, explain) -> None:
    house.snapshot()
    house.process("scheduler", pid=4101, facts={"scheduler.rule_faults": 0.0})
    assert explain("rules_refused").state == "clear"
    assert explain("rules_refused", 4101).state == "no data"


def test_an_alert_that_is_clear_says_when_it_resolves(house: House, as_golden) -> None:
    house.snapshot(pnl={"daily": 200.0}, seconds_ago=0.1)
    house.alert(
        "loss_held", "lost 18400", seconds_ago=400.0, clear=Countdown(0, before(house.at, 30.0)),
        flapping=True, refired=(before(house.at, 400.0),) * 3,
    )  # fmt: skip
    found = as_golden("clearing", "loss_held")
    assert found.clearing is not None
    assert found.clearing.left_seconds == 90.0
    assert found.flapping


def test_a_limit_that_is_not_set_is_named_as_the_setting_that_it_is(house: House, explain) -> None:
    house.snapshot()
    config = msgspec.structs.replace(CONFIG, artifacts={})
    house.process("collector", config=config)
    found = explain("tick_latency_high")
    assert found.state == "off"
    assert found.changes == [
        "set limits.tick_latency_ms in monitor.toml: limits.tick_latency_ms is not set"
    ]


def test_a_disabled_rule_is_told_how_to_enable(house: House, explain) -> None:
    house.snapshot()
    found = explain("idle")
    assert (found.state, found.verdict, found.conditions) == ("disabled", None, [])


def test_on_a_closed_market_a_session_rule_sleeps(house: House, explain) -> None:
    house.snapshot()
    config = msgspec.structs.replace(CONFIG, calendar=Calendar(name="xnse"))
    house.process("collector", config=config)  # AT is a Sunday
    found = explain("position_limit_breached")
    assert (found.state, found.runs) == ("market closed", False)
    assert found.opens_ms is not None


def test_a_window_covers_the_snapshots_before_the_newest(house: House, explain) -> None:
    house.snapshot(seconds_ago=30.0)
    calm = house.snapshot(seconds_ago=10.0)
    quiet = msgspec.structs.replace(calm.window, stats={})
    house.snapshot(seconds_ago=0.1, window=quiet)
    found = explain("steep")
    assert found.conditions[0].reads == {"window.pnl.daily.min": -18_400.0}


def test_each_operand_of_an_or_has_its_own_worth(house: House, explain) -> None:
    house.snapshot()
    found = explain("disk_low")
    worths = [(one.text.split(" ")[0], one.worth) for one in found.conditions[0].parts]
    assert worths == [
        ("collector.disk_free_bytes", "false"), ("collector.inodes_free_pct", "false"),
    ]  # fmt: skip
    assert [one.rpartition(": ")[2] for one in found.changes] == [
        "it is 41 GB < 2.0 GB", "it is 87 < 5",
    ]  # fmt: skip


def test_a_rule_that_does_not_exist_is_refused_with_the_nearest_name(now_house, monitor) -> None:
    now_house.good_day()
    done = monitor("rules", "explain", "heartbeat_laps")
    assert done.returncode == 2
    assert "There is no rule 'heartbeat_laps'." in done.stderr
    assert "Did you mean heartbeat_lapsed?" in done.stderr


def test_the_command_prints_json(now_house, monitor) -> None:
    now_house.good_day()
    done = monitor("rules", "explain", "stale_student_model", "--json")
    assert done.returncode == 0
    said = json.loads(done.stdout)
    assert (said["rule"], said["state"]) == ("stale_student_model", "firing")
