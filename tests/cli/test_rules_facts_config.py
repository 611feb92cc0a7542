from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monitoring.state import RuleState

BAD = """
[[rule]]
name = "one"
severity = "LOUD"
when = ["pnl.dialy < 0"]
message = "x"

[[rule]]
name = "two"
severity = "WARNING"
when = ["pnl.daily <"]
message = "y"
"""


def test_every_fault_of_a_rule_file_is_named_with_its_place(now_house, monitor) -> None:
    now_house.home.root.mkdir()
    now_house.home.rules.write_text(BAD)
    done = monitor("rules", "check")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all(line.startswith(f"{now_house.home.rules}:") for line in lines)
    assert "→ did you mean pnl.daily?" in done.stdout
    assert "3 faults" in done.stderr
    said = json.loads(monitor("rules", "check", "--json").stdout)
    assert (said["ok"], len(said["faults"])) == (False, 3)
    assert {"line", "column", "rule", "reason", "hint", "file"} == set(said["faults"][0])


def test_a_good_rule_file_is_in_order(now_house, monitor, tmp_path: Path) -> None:
    now_house.home.root.mkdir()
    assert "no such file: the built-in rules alone" in monitor("rules", "check").stdout
    own = tmp_path / "own.toml"
    own.write_text(BAD[: BAD.index("[[rule]]", 5)].replace("LOUD", "WARNING").replace("ia", "ai"))
    done = monitor("rules", "check", str(own))
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 of them your own" in done.stdout


def test_a_file_that_can_not_be_read_is_said(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert monitor("rules", "check", str(tmp_path / "none.toml")).returncode == 3
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    done = monitor("rules", "check", str(binary))
    assert done.returncode == 1
    assert "not UTF-8" in done.stderr


def test_rules_are_listed_with_their_last_verdict(now_house, monitor) -> None:
    now_house.good_day()
    now_house.process(
        "scheduler",
        pid=os.getpid(),
        rules={
            "heartbeat_lapsed": RuleState(verdict="false"),
            "stale_student_model": RuleState(verdict="true", why="31 > 24"),
            "sentiment_data_missing": RuleState(
                verdict="unknown", never_seen=True, wanting=["sentiment.reported_age_seconds"]
            ),
        },
    )
    lines = {line.split()[0]: line for line in monitor("rules", "list").stdout.splitlines()}
    assert "STALE:" not in lines
    assert " holds " in lines["stale_student_model"]
    assert " no data ever " in lines["sentiment_data_missing"]
    assert (
        "sentiment.reported_age_seconds → report it from the engine"
        in (lines["sentiment_data_missing"])
    )
    assert " clear " in lines["heartbeat_lapsed"]
    said = json.loads(monitor("rules", "list", "--json").stdout)
    assert {"name", "severity", "enabled", "verdict", "why", "never_seen"} <= set(said[0])
    assert {"clock", "for_seconds", "overridden", "wanting", "now", "off"} <= set(said[0])


def test_verdicts_of_a_scheduler_that_is_gone_are_called_old(now_house, monitor) -> None:
    now_house.good_day()
    said = monitor("rules", "list").stdout.splitlines()[0]
    assert said.startswith("STALE: the scheduler judges nothing now (pid 4101 is no longer there)")


def test_a_state_file_that_can_not_be_understood_is_not_called_never_run(
    now_house, monitor
) -> None:
    now_house.good_day()
    (now_house.home.state / "scheduler.json").write_text("{")
    done = monitor("rules", "list")
    assert "never ran" not in done.stderr
    assert "can't be understood" in done.stdout


def test_facts_of_the_operator_are_listed_however_toml_nests_them(now_house, monitor) -> None:
    now_house.good_day()
    now_house.snapshot(custom={"spread_bps": 3.5}, seconds_ago=0.1)
    now_house.home.rules.write_text(
        '[facts]\ncustom.spread_bps = { type = "number", unit = "bps" }\n'
    )
    shown = monitor("facts", "spread").stdout
    assert "custom.spread_bps         3.5 bps" in shown


def test_a_faulty_file_leaves_the_built_in_rules_to_list(now_house, monitor) -> None:
    now_house.home.root.mkdir()
    now_house.home.rules.write_text(BAD)
    done = monitor("rules", "list")
    assert "run `monitor rules check`" in done.stderr
    assert "heartbeat_lapsed" in done.stdout


def test_facts_are_listed_with_what_they_read_now(now_house, monitor) -> None:
    now_house.good_day()
    now_house.home.rules.write_text(
        '[facts]\n"custom.spread_bps" = { type = "number", unit = "bps" }\n'
    )
    now_house.snapshot(custom={"spread_bps": 3.1})
    said = {fact["name"]: fact for fact in json.loads(monitor("facts", "--json").stdout)}
    assert said["pnl.daily"]["value"] == -18_400.0
    assert said["custom.spread_bps"]["value"] == 3.1
    assert said["limits.daily_loss_pct"]["value"] == 2.0
    assert said["limits.student_model_age_hours"]["value"] == 24.0
    assert said["limits.snapshot_age_seconds"]["value"] == 35.0
    assert said["window.ticks"]["value"] == 2
    assert said["sentiment.last_score"]["value"] is None
    assert said["collector.snapshot_age_seconds"]["value"] is not None
    shown = monitor("facts", "risk").stdout
    assert "risk.circuit_breaker_active          no       " in shown
    assert "pnl.daily" not in shown
    globbed = monitor("facts", "risk.*").stdout
    assert [line.split()[0] for line in globbed.splitlines()] == [
        line.split()[0] for line in shown.splitlines()
    ]


def test_facts_without_a_match_or_with_broken_rules_are_an_answer(now_house, monitor) -> None:
    now_house.good_day()
    assert monitor("facts", "nosuch").returncode == 1
    now_house.home.rules.write_text("[facts")
    assert "run `monitor rules check`" in monitor("facts").stderr


def test_old_facts_are_called_old(house, monitor) -> None:
    house.good_day()
    assert monitor("facts", "pnl").stdout.startswith("STALE: these values are")


def test_config_shows_what_the_processes_run_with(now_house, monitor) -> None:
    now_house.good_day()
    shown = monitor("config", "show").stdout
    assert str(now_house.home.root) in shown
    assert "what the scheduler ran with (pid 4101 is no longer there)" in shown
    rows = {line.split()[0]: line.split()[1:] for line in shown.splitlines() if line}
    assert rows["limits.positions_total_value"] == ["2000000", "set"]
    assert rows["limits.daily_loss_pct"] == ["2", "default"]
    assert rows["limits.positions_count"] == ["off", "default"]
    said = json.loads(monitor("config", "show", "--json").stdout)
    assert said["home"] == str(now_house.home.root)
    assert said["settings"][0] == {"name": "enabled", "value": True, "source": "default"}


@pytest.mark.parametrize("secret", ["hunter2secret"])
def test_config_before_anything_ran_reads_the_settings_and_hides_secrets(
    now_house, monitor, secret: str
) -> None:
    now_house.home.root.mkdir()
    now_house.home.settings.write_text("[limits]\ndaily_loss_pct = 3.5\n")
    keys = {"MONITOR_BREEZE__APP_KEY": secret, "MONITOR_BREEZE__SECRET_KEY": secret}
    done = monitor("config", "show", **keys)
    assert done.returncode == 0
    assert "3.5" in done.stdout
    assert "no process has run yet" in done.stdout
    assert secret not in done.stdout + done.stderr


def test_wrong_settings_are_refused_by_name(now_house, monitor) -> None:
    now_house.home.root.mkdir()
    now_house.home.settings.write_text("[limits]\ndaily_loss_pct = -1\n")
    done = monitor("config", "show")
    assert done.returncode == 1
    assert "daily_loss_pct" in done.stderr
    now_house.home.settings.write_text("[limits]\ndaily_loss_pct = -1\npositions_count = -1\n")
    done = monitor("config", "show")
    assert "\\n" not in done.stderr, "each fault has its line"
    assert len(done.stderr.splitlines()) == 3
