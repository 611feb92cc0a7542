from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evaluator.incident import Ack, Countdown, Transition
from evaluator.instant import Instant
from evaluator.rules import Fault, load
from monitoring.advice import SUBJECTS, TODO
from monitoring.config import Config, Limits
from monitoring.home import Home
from monitoring.snapshot import BreezeStatus, CollectorStatus, WriterMark
from monitoring.state import JobState, RulesFile, RuleState
from scripts.cli.findings import Finding, Health, worst
from scripts.cli.health import answer_of, health_lines
from scripts.cli.look import look
from scripts.cli.terminal import PLAIN, Terminal, render, uncut
from tests.cli.conftest import before


@pytest.fixture
def health_of(house, everyone) -> Callable[..., Health]:
    def answer(seconds_later: float = 0.0, dead: tuple[int, ...] = ()) -> Health:
        at = house.at
        now = Instant(
            at.wall_ms + round(seconds_later * 1000),
            at.boottime_ns + round(seconds_later * 1e9),
            at.boot_id,
        )
        return answer_of(look(house.home, now, everyone(*dead)))

    return answer


def text(health: Health, terminal: Terminal = PLAIN) -> str:
    lines = health_lines(health.findings, terminal)
    return "".join(render(line, uncut(terminal)) + "\n" for line in lines)


def finding(health: Health, subject: str) -> Finding:
    return next(found for found in health.findings if found.subject == subject)


def test_a_good_day_with_one_old_model_is_a_warning(house, health_of, golden) -> None:
    house.good_day()
    health = health_of()
    golden("health_good_day.txt", text(health))
    assert health.exit_code == 1


def test_every_line_that_is_not_ok_says_what_to_do(house, health_of) -> None:
    house.good_day()
    house.alert("own_rule", "a rule of my own", severity="CRITICAL", number=2)
    for health in (health_of(), health_of(seconds_later=500.0, dead=(4100, 4101))):
        for found in health.findings:
            if found.level != "n/a":
                assert (found.todo is None) == (found.level == "OK"), found


def test_what_to_do_moves_to_its_own_line_in_a_narrow_terminal(house, health_of, golden) -> None:
    house.good_day()
    golden("health_narrow.txt", text(health_of(), Terminal(colour=False, width=60, cut=True)))


@pytest.mark.parametrize(
    ("status", "engine_says", "expected"),
    [
        ("authenticated", None, ("OK", "session valid")),
        ("off", True, ("OK", "session valid, says the engine")),
        ("off", False, ("WARN", "the engine has no session")),
        ("unknown", False, ("WARN", "the engine has no session")),
        ("unknown", None, ("UNKN", "session not known")),
        ("bad_session", True, ("WARN", "bad session")),
        ("unreachable", None, ("WARN", "unreachable")),
    ],
)
def test_a_broker_session_is_ok_only_when_somebody_says_that_it_is_valid(
    house, health_of, status: str, engine_says: bool | None, expected: tuple[str, str]
) -> None:
    house.good_day()
    house.snapshot(
        breeze=BreezeStatus(status=status),
        connectivity={"breeze_authenticated": engine_says, "last_api_call": "10:42"},
        seconds_ago=0.1,
    )
    found = finding(health_of(), "breeze")
    assert (found.level, found.what) == expected


def test_a_dead_collector_is_critical_and_comes_first(house, health_of, golden) -> None:
    house.good_day()
    health = health_of(seconds_later=252.0, dead=(4100, 4101))
    golden("health_dead.txt", text(health))
    assert health.exit_code == 2
    assert [found.level for found in health.findings[:2]] == ["CRIT", "CRIT"]


def test_a_dead_scheduler_alone_is_critical(house, health_of) -> None:
    house.good_day()
    health = health_of(dead=(4101,))
    assert finding(health, "scheduler").level == "CRIT"
    assert finding(health, "money").level == "UNKN"
    assert health.exit_code == 2


def test_a_process_that_is_there_but_silent_hangs(house, health_of) -> None:
    house.good_day()
    house.process("scheduler", pid=4101, seconds_ago=21.0)
    found = finding(health_of(), "scheduler")
    assert "hangs" in found.what
    assert found.todo == (
        "end it with `kill -9 4101`, then start it again: `make run`, or your supervisor"
    )


def test_a_collector_that_writes_no_snapshots_is_critical(house, health_of) -> None:
    house.process("collector")
    house.process("scheduler")
    house.snapshot(seconds_ago=36.0)
    assert finding(health_of(), "collector").level == "CRIT"


def test_a_silent_engine_on_a_closed_market_wakes_nobody(house, health_of) -> None:
    house.process("collector", config=Config())  # NSE's calendar, and it is Sunday
    house.process("scheduler", config=Config())
    silent = {"age_seconds": 64_000.0, "deadline_seconds": 20.0, "expected": True,
              "cause": "process_gone"}  # fmt: skip
    house.snapshot(heartbeat=silent, seconds_ago=0.1)
    found = finding(health_of(), "engine")
    assert found.level == "n/a"
    assert "none is due: the market is closed" in found.what


def test_a_lapsed_engine_is_critical_unless_it_is_known_to_be_flat(house, health_of) -> None:
    house.good_day()
    lapsed = {"age_seconds": 42.0, "deadline_seconds": 20.0, "expected": True,
              "cause": "loop_hung"}  # fmt: skip
    house.snapshot(heartbeat=lapsed, seconds_ago=0.1)
    assert finding(health_of(), "engine").level == "CRIT"
    assert "its loop hangs" in finding(health_of(), "engine").what
    house.snapshot(heartbeat=lapsed, seconds_ago=0.0, positions={"count": 0.0})
    assert finding(health_of(), "engine").level == "WARN"


def test_while_the_engine_is_silent_its_last_figures_are_not_called_ok(house, health_of) -> None:
    house.good_day()
    lapsed = {"age_seconds": 42.0, "deadline_seconds": 20.0, "expected": True,
              "cause": "process_frozen"}  # fmt: skip
    house.snapshot(heartbeat=lapsed, seconds_ago=0.1)
    for subject in ("money", "orders"):
        found = finding(health_of(), subject)
        assert found.level == "UNKN"
        assert found.what.startswith("last known 42s ago: ")
        assert found.todo == "see engine"


def test_an_engine_that_may_wake_up_is_ended_before_another_is_started(house, health_of) -> None:
    house.good_day()
    lapsed = {"age_seconds": 42.0, "deadline_seconds": 20.0, "expected": True,
              "cause": "loop_hung"}  # fmt: skip
    marks = [WriterMark(writer="old", pid=41, last_tick=before(house.at, 500.0)),
             WriterMark(writer="new", pid=42, last_tick=before(house.at, 42.0)),
             WriterMark(writer="shut", pid=43, last_tick=house.at, closed=house.at)]  # fmt: skip
    status = CollectorStatus(app_version="0.1.0", writers=marks)
    house.snapshot(heartbeat=lapsed, collector=status, seconds_ago=0.1)
    todo = finding(health_of(), "engine").todo or ""
    assert "broker's terminal" in todo
    assert "end it (`kill 42`) before you start another" in todo


def test_of_several_alerts_on_money_the_one_that_needs_you_first_is_named(house, health_of) -> None:
    house.good_day()
    breaker = house.alert("circuit_breaker_triggered", "on", severity="CRITICAL", number=2)
    house.alert("position_limit_breached", "too large", severity="CRITICAL", number=3)
    assert finding(health_of(), "money").what.startswith("on, and position_limit_breached")
    clearing = msgspec.structs.replace(breaker, clear=Countdown(0, house.at))
    house.log([Transition(clearing, house.at, "clearing")])
    what = finding(health_of(), "money").what
    assert what.startswith("too large, and circuit_breaker_triggered"), "what holds comes first"
    house.alert("exposure_after_halt", "it trades", severity="CRITICAL", number=4)
    found = finding(health_of(), "money")
    assert found.what.startswith("it trades, and ")
    assert "stop the engine" in (found.todo or "")


def test_a_consequence_points_to_its_root(house, health_of) -> None:
    house.good_day()
    house.alert("market_data_stale", "No price for 40 s", severity="CRITICAL", number=2,
                suppressed_by="inhibited by heartbeat_lapsed")  # fmt: skip
    assert finding(health_of(), "market data").todo == ("a consequence: see heartbeat_lapsed first")


def test_an_unknown_broker_session_says_why_it_is_not_known(house, health_of) -> None:
    house.good_day()
    house.snapshot(breeze=BreezeStatus(status="unknown", detail="no session file"),
                   connectivity={}, seconds_ago=0.0)  # fmt: skip
    found = finding(health_of(), "breeze")
    assert found.level == "UNKN"
    assert (found.todo or "").startswith("no session file; ")


def test_without_a_session_key_the_broker_is_not_said_to_be_down(house, health_of) -> None:
    house.good_day()
    house.snapshot(breeze=BreezeStatus(status="unknown", detail="no session file yet"),
                   seconds_ago=0.0)  # fmt: skip
    house.alert("breeze_connectivity_lost", "No call", severity="CRITICAL", number=2)
    assert finding(health_of(), "breeze").todo == "no session file yet"


def test_a_lapse_says_what_is_at_stake_and_who_is_on_it(house, health_of) -> None:
    house.good_day()
    lapsed = {"age_seconds": 42.0, "deadline_seconds": 20.0, "expected": True,
              "cause": "process_gone"}  # fmt: skip
    house.snapshot(heartbeat=lapsed, seconds_ago=0.1)
    house.alert(
        "heartbeat_lapsed", "No tick", severity="CRITICAL", ack=Ack("asha", 0, "on it"), number=2
    )
    what = finding(health_of(), "engine").what
    assert what == 'no tick for 42s: its process is gone; 3 positions open (acked asha "on it")'


def test_what_is_only_not_known_is_not_answered_with_a_cure(house, health_of) -> None:
    house.good_day()
    house.alert("disk_low", "disk_low can't be judged; unknown: collector.disk_free_bytes",
                severity="CRITICAL", number=2)  # fmt: skip
    assert "monitor facts" in (finding(health_of(), "disk").todo or "")
    later = health_of(seconds_later=252.0, dead=(4100,))
    assert finding(later, "disk").todo == "see collector"


def test_a_stale_collector_is_told_at_the_collector_and_not_at_the_scheduler(
    house, health_of
) -> None:
    house.good_day()
    house.alert("collector_stale", "The newest snapshot is 40 s old", number=2)
    health = health_of()
    assert finding(health, "collector").what == "The newest snapshot is 40 s old"
    assert finding(health, "scheduler").level == "OK"


def test_a_refused_rule_file_is_one_line_that_names_the_command(house, health_of) -> None:
    house.good_day()
    faults = [
        Fault("rules.toml", 2, 1, "x", "needs when"),
        Fault("rules.toml", 3, 1, "x", "needs message"),
    ]
    file = RulesFile(source="built-in", faults=faults)
    rules = {"heartbeat_lapsed": RuleState(verdict="false")}
    house.process("scheduler", pid=4101, rules=rules, rules_file=file)
    health = health_of()
    found = finding(health, "rules")
    assert found.what == (
        "not taken over: rules.toml:2:1: x: needs when (and 1 more); "
        "only the built-in rules watch, none of your own"
    )
    assert "monitor rules check" in (found.todo or "")
    assert finding(health, "scheduler").level == "OK"


def test_groups_that_never_reported_change_no_exit_code(house, health_of) -> None:
    house.process("collector", config=Config())
    house.process("scheduler", config=Config())
    nothing = ("pnl", "risk", "positions", "orders", "connectivity", "artifacts", "last")
    house.snapshot(breeze=BreezeStatus(), **{group: {} for group in nothing})
    health = health_of()
    levels = {found.subject: found.level for found in health.findings}
    silent = ("money", "orders", "models", "sentiment", "breeze")
    assert {levels[name] for name in silent} == {"n/a"}
    assert health.exit_code == 0


def test_a_watched_model_that_is_not_there_is_a_warning(house, health_of) -> None:
    house.process("collector")
    house.process("scheduler")
    house.snapshot(artifacts={"teacher_model_age_hours": 3.0, "student_model_age_hours": None})
    found = finding(health_of(), "models")
    assert found.level == "WARN"
    assert "student has no age: no finished file at models/student-*.bin" in found.what


def test_what_was_reported_before_and_is_no_more_is_unknown(house, health_of) -> None:
    house.good_day()
    house.snapshot(pnl={}, risk={}, positions={}, seconds_ago=0.1)
    assert finding(health_of(), "money").level == "UNKN"


def test_a_stopped_engine_owes_no_figures(house, health_of) -> None:
    house.good_day()
    stopped = {"age_seconds": 4000.0, "expected": False, "cause": "stopped_cleanly"}
    house.snapshot(heartbeat=stopped, pnl={}, risk={}, positions={}, seconds_ago=0.1)
    health = health_of()
    assert finding(health, "money").level == "n/a"
    assert finding(health, "engine").level == "n/a"


@pytest.mark.fault("O4")
def test_an_engine_that_never_ticked_is_unknown_not_ok(house, health_of) -> None:
    house.process("collector")
    house.process("scheduler")
    never = {"expected": False, "cause": "never_started"}
    house.snapshot(heartbeat=never, pnl={}, risk={}, positions={}, orders={}, last={})
    health = health_of()
    engine = finding(health, "engine")
    assert engine.level == "UNKN"
    assert "never" in engine.what
    assert engine.todo
    assert health.exit_code == 3


def test_a_limit_nobody_chose_is_called_a_default_and_changes_nothing(house, health_of) -> None:
    house.good_day()
    assert "default, not yours" in finding(health_of(), "money").what
    assert finding(health_of(), "money").level == "OK"
    own = Config(limits=Limits(daily_loss_pct=3.0), chosen=("limits.daily_loss_pct",))
    house.process("collector", pid=4100, config=own)
    assert finding(health_of(), "money").what.count("default") == 0


def test_a_switched_off_limit_is_said(house, health_of) -> None:
    house.good_day()
    house.process("collector", pid=4100, config=Config(limits=Limits(daily_loss_pct=None)))
    assert "no daily loss limit" in finding(health_of(), "money").what


@pytest.mark.fault("A2")
def test_garbage_in_the_alert_log_is_a_warning_that_names_the_line(house, health_of) -> None:
    house.good_day()
    file = next(house.home.alerts.glob("*.jsonl"))
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(whole[0] + b"\x00garbage\n" + b"".join(whole[1:]))
    health = health_of()
    assert finding(health, "alert log").level == "WARN"
    assert f"{file.name}: line 2 is not a record" in finding(health, "alert log").what
    assert health.exit_code == 1


def test_a_rule_in_error_and_a_failed_job_are_warnings(house, health_of) -> None:
    house.good_day()
    house.process(
        "scheduler",
        pid=4101,
        rules={"mine": RuleState(verdict="error", why="division by zero")},
        jobs={"retention": JobState(last_failed=True, error="disk")},
    )
    health = health_of()
    assert "mine (division by zero)" in finding(health, "rules").what
    assert "job retention failed" in finding(health, "scheduler").what


def test_the_monitors_own_alerts_stand_at_its_processes(house, health_of) -> None:
    house.good_day()
    house.alert("monitor_degraded", "12 lines malformed", number=2)
    house.alert("calendar_doubtful", "horizon in 12 days", number=3)
    assert finding(health_of(), "scheduler").what.startswith("12 lines malformed")
    assert finding(health_of(), "calendar").level == "WARN"


def test_a_degraded_collector_and_an_unreadable_snapshot_are_warnings(house, health_of) -> None:
    house.good_day()
    status = CollectorStatus(app_version="0.1.0", degraded=["polling"])
    house.snapshot(collector=status, seconds_ago=0.1)
    (house.home.snapshots / "metrics_20251012T051207.000Z.json").write_bytes(b"")
    what = finding(health_of(), "collector").what
    assert "polling" in what
    assert "unreadable snapshot" in what


def test_an_alert_that_is_clear_and_not_over_yet_says_so(house, health_of) -> None:
    house.good_day()
    incident = house.alert("daily_loss_high", "near", number=2)
    clearing = msgspec.structs.replace(incident, clear=Countdown(0, house.at))
    house.log([Transition(clearing, house.at, "clearing")])
    what = finding(health_of(), "money").what
    assert what.startswith("near (clear now, over if it stays so); now P&L ")


def test_rejected_lines_are_counted_with_the_place_where_they_are_kept(house, health_of) -> None:
    house.good_day()
    house.snapshot(
        collector=CollectorStatus(app_version="0.1.0", lines_rejected=3), seconds_ago=0.1
    )
    what = finding(health_of(), "collector").what
    assert what.endswith(f"3 lines rejected (kept in {house.home.quarantine})")


def test_several_alerts_of_one_subject_are_one_line(house, health_of) -> None:
    house.good_day()
    house.alert("daily_loss_high", "near", seconds_ago=30.0, number=2)
    house.alert("daily_loss_exceeded", "past", severity="CRITICAL", seconds_ago=9.0, number=3)
    found = finding(health_of(), "money")
    assert found.level == "CRIT"
    assert found.what.startswith("past, and daily_loss_high; now P&L −₹18,400, −0.92%")
    house.alert("position_limit_breached", "too large", severity="CRITICAL", number=4)
    assert finding(health_of(), "money").what.startswith("past, and "), "the loss is more urgent"


def test_switched_off_monitoring_is_unknown(house, health_of) -> None:
    house.process("collector", config=Config(enabled=False))
    health = health_of()
    assert [found.level for found in health.findings] == ["UNKN"]
    assert health.exit_code == 3


def test_no_snapshot_yet_is_unknown(house, health_of) -> None:
    house.process("collector")
    house.process("scheduler")
    assert health_of().exit_code == 3


def test_a_collector_that_can_not_write_its_first_snapshot_says_why(house, health_of) -> None:
    house.process("collector", degraded=["snapshot not written: No space left on device"])
    house.process("scheduler")
    found = finding(health_of(), "collector")
    assert (found.level, found.what) == ("CRIT", "snapshot not written: No space left on device")


@pytest.mark.parametrize(
    ("levels", "decides"),
    [([], "OK"), (["OK", "n/a"], "OK"), (["OK", "UNKN"], "UNKN"), (["UNKN", "WARN"], "WARN"),
     (["WARN", "CRIT", "UNKN"], "CRIT")],
)  # fmt: skip
def test_the_worst_line_decides(levels, decides: str) -> None:
    assert worst(levels) in ({decides, "n/a"} if decides == "OK" else {decides})


def test_every_built_in_rule_has_a_subject_and_something_to_do() -> None:
    named = {rule for rules in SUBJECTS.values() for rule in rules}
    assert {rule.name for rule in load(None).rules} == named == set(TODO)


def test_health_as_a_process_has_the_exit_code_and_stable_json(now_house, monitor) -> None:
    now_house.good_day()
    done = monitor("health", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == said["exit_code"] == 2, "the processes of this home are made up"
    assert set(said) == {"engine", "home", "timestamp", "exit_code", "findings"}
    assert set(said["findings"][0]) == {"level", "subject", "what", "todo"}
    assert monitor("health", "--quiet").stdout.count("OK ") == 0


def test_an_unreadable_state_file_is_critical_and_named(house, health_of) -> None:
    house.good_day()
    (house.home.state / "scheduler.json").write_text("{")
    assert "can't be understood" in finding(health_of(), "scheduler").what


def test_a_mistyped_option_is_unknown_to_nagios(monitor) -> None:
    assert monitor("health", "--nosuch").returncode == 3
    assert monitor("status", "--nosuch").returncode == 2


def test_the_home_need_not_be_there(monitor, tmp_path: Path) -> None:
    done = monitor("health")
    assert done.returncode == 3
    assert done.stdout == ""
    assert str(tmp_path / "home") in done.stderr
    assert "monitor init" in done.stderr
    assert Home(tmp_path / "home").root.exists() is False, "reading makes nothing"
