from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.packing import pack_days
from monitoring.snapshots import SnapshotStore

DAY_MS, INDIA_MS = 86_400_000, 19_800_000

CANDIDATE = """
[[rule]]
name = "daily_loss_exceeded"
keep_firing_for = "30m"

[[rule]]
name = "market_data_stale"
enabled = false

[[rule]]
name = "many_open"
severity = "WARNING"
when = ["positions.count > 4"]
message = "{positions.count} open"
"""
FAULTY = """
[[rule]]
name = "one"
severity = "LOUD"
when = ["pnl.dialy < 0"]
message = "x"
"""


def record(house: Any, *, minutes: int = 90) -> None:
    """Record the last minutes of one day: two losses, a feed that stood, a book that grew.

    They end now, or before midnight: a daily figure's alerts end with its day.
    """
    house.process("scheduler")
    today_ms = (house.at.wall_ms + INDIA_MS) % DAY_MS
    end_ms = today_ms + 1 if today_ms < (minutes + 2) * 60_000 else 0
    template = house.snapshot(seconds_ago=minutes * 60 + 60 + end_ms / 1000)
    store = SnapshotStore(house.home.snapshots)
    for number in range(minutes * 6):
        ago_ms = (minutes * 6 - number) * 10_000 + end_ms
        at = Instant(
            house.at.wall_ms - ago_ms, house.at.boottime_ns - ago_ms * 10**6, house.at.boot_id
        )
        minute = number // 6
        loss = -3.0 if minute in (20, 21, 30) else -0.2
        store.write(
            msgspec.structs.replace(
                template,
                snapshot=number + 2, wall_ms=at.wall_ms, boottime_ns=at.boottime_ns,
                risk=template.risk | {"daily_loss_pct": loss},
                positions=template.positions | {"count": 6.0 if minute == 50 else 3.0},
                market_data={"update_age_seconds": 60.0 if minute == 70 else 1.0},
                artifacts={},
            )
        )  # fmt: skip


def by_rule(side: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {rule["rule"]: rule for rule in side["rules"]}


def test_the_past_is_judged_by_todays_rules(now_house, monitor) -> None:
    record(now_house)
    done = monitor("rules", "backtest")
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines() if line}
    assert rows["daily_loss_exceeded"][1:] == ["2", "5m", *rows["daily_loss_exceeded"][3:4], "3m",
                                               "1", "–"]  # fmt: skip
    assert rows["market_data_stale"][1:3] == ["1", "1m"]
    assert "Incidents: " in done.stdout
    assert "CRITICAL  daily_loss_exceeded" in done.stdout
    assert "past the limit of -2 %" in done.stdout

    said = json.loads(monitor("rules", "backtest", "--json").stdout)
    assert said["candidate"] is None
    assert said["snapshots"] == 541
    rule = by_rule(said["today"])["daily_loss_exceeded"]
    first, second = rule["incidents"]
    assert (first["seconds"], second["seconds"]) == (180.0, 120.0)
    assert (first["how"], first["ended"] < second["fired"]) == ("resolved", True)
    assert (rule["alarm_seconds"], rule["longest_seconds"], rule["flaps"]) == (300.0, 180.0, 1)
    assert sum(day["incidents"] for day in rule["sessions"]) == 2
    assert sum(day["open_seconds"] for day in rule["sessions"]) == 300.0
    assert by_rule(said["today"])["daily_loss_high"]["never_fired"] == 0


def test_a_candidate_stands_beside_todays_rules_and_what_only_one_finds_is_named(
    now_house, monitor, tmp_path: Path
) -> None:
    record(now_house)
    candidate = tmp_path / "candidate.toml"
    candidate.write_text(CANDIDATE)
    done = monitor("rules", "backtest", "--rules", str(candidate))
    assert (done.returncode, done.stderr) == (0, "")
    rows = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    assert rows["market_data_stale"].endswith("disabled")
    assert "no such rule" in rows["many_open"]
    assert "Only by today's rules: 1" in done.stdout
    assert f"Only by {candidate}: 1" in done.stdout
    assert "6 open" in done.stdout

    said = json.loads(monitor("rules", "backtest", "--rules", str(candidate), "--json").stdout)
    assert [one["rule"] for one in said["only_today"]] == ["market_data_stale"]
    assert [one["rule"] for one in said["only_candidate"]] == ["many_open"]
    # two incidents in one: both sides have an alert at both times
    assert len(by_rule(said["today"])["daily_loss_exceeded"]["incidents"]) == 2
    assert len(by_rule(said["candidate"])["daily_loss_exceeded"]["incidents"]) == 1


def test_one_rule_alone_and_a_rule_that_there_is_not(now_house, monitor) -> None:
    record(now_house, minutes=40)
    said = json.loads(
        monitor("rules", "backtest", "--rule", "daily_loss_exceeded", "--json").stdout
    )
    assert [rule["rule"] for rule in said["today"]["rules"]] == ["daily_loss_exceeded"]
    done = monitor("rules", "backtest", "--rule", "daily_los_exceeded")
    assert done.returncode == 2
    assert "Did you mean daily_loss_exceeded?" in done.stderr


def test_packed_days_and_an_earlier_beginning_are_read(house, monitor) -> None:
    record(house)
    pack_days(house.home.snapshots, "20991231")
    nothing = monitor("rules", "backtest")
    assert nothing.returncode == 3
    assert "No snapshots in" in nothing.stderr
    assert "An earlier --since" in nothing.stderr
    said = json.loads(monitor("rules", "backtest", "--since", "2025-10-01", "--json").stdout)
    assert said["snapshots"] == 541
    assert said["since"].startswith("2025-10-12T09:11")


def test_every_fault_of_a_candidate_is_named_and_nothing_is_judged(
    now_house, monitor, tmp_path: Path
) -> None:
    record(now_house, minutes=1)
    candidate = tmp_path / "candidate.toml"
    candidate.write_text(FAULTY)
    done = monitor("rules", "backtest", "--rules", str(candidate))
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert "→ did you mean pnl.daily?" in done.stdout
    assert "2 faults: nothing was judged." in done.stderr
    done = monitor("rules", "backtest", "--rules", str(candidate), "--json")
    assert (done.returncode, len(json.loads(done.stdout))) == (1, 2)
    candidate.write_bytes(b"\xff\xfe")
    assert monitor("rules", "backtest", "--rules", str(candidate)).returncode == 1
    assert monitor("rules", "backtest", "--rules", str(tmp_path / "none")).returncode == 3


def test_a_faulty_file_of_today_leaves_the_built_in_rules(now_house, monitor) -> None:
    record(now_house, minutes=2)
    now_house.home.rules.write_text(FAULTY)
    done = monitor("rules", "backtest")
    assert done.returncode == 0
    assert "run `monitor rules check`" in done.stderr


def test_a_home_where_nothing_ran_says_so(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    assert monitor("rules", "backtest").returncode == 3
    (tmp_path / "home" / "monitor.toml").write_text("[limits]\ndaily_loss_pct = -1\n")
    done = monitor("rules", "backtest")
    assert done.returncode == 1
    assert "daily_loss_pct" in done.stderr


def ticks(file: Path, count: int) -> None:
    lines: list[dict[str, Any]] = [
        {"kind": "header", "format": 1, "sdk": "t", "engine": "main", "writer": "w1", "pid": 9,
         "segment": 1, "boot_id": "b", "pid_started": 5, "first_seq": 1, "interval_seconds": 2.0,
         "timestamp": "2025-10-13T09:15:00+05:30"}
    ]  # fmt: skip
    for seq in range(1, count):
        second = 2 * seq
        lines.append(
            {"kind": "tick", "writer": "w1", "seq": seq,
             "timestamp": f"2025-10-13T09:{15 + second // 60:02d}:{second % 60:02d}+05:30",
             "risk": {"daily_loss_pct": -3.0 if 100 < seq < 105 else 0.1}}
        )  # fmt: skip
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_tick_files_are_judged_without_a_home_of_snapshots(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    file = tmp_path / "main-w1.jsonl"
    ticks(file, 300)
    said = json.loads(monitor("rules", "backtest", "--heartbeat", str(file), "--json").stdout)
    (incident,) = by_rule(said["today"])["daily_loss_exceeded"]["incidents"]
    assert incident["fired"] == "2025-10-13T09:18:22.000+05:30"
    assert said["not_judged"] == [
        "breeze_connectivity_lost", "network_down", "disk_low", "preflight_no_go",
    ]  # fmt: skip
    assert by_rule(said["today"])["disk_low"]["incidents"] == []
    done = monitor("rules", "backtest", "--heartbeat", str(file), str(file))
    assert "of 2 tick files" in done.stdout
    assert "Not judged, for want of what tick files don't hold: breeze_conn" in done.stdout


def test_tick_files_that_can_not_be_replayed_are_refused_in_words(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    file = tmp_path / "bare.jsonl"
    file.write_text('{"pnl":{"daily":1}}\n')
    done = monitor("rules", "backtest", "--heartbeat", str(file))
    assert done.returncode == 3
    assert "tells its time" in done.stderr
    assert "→ Have the engine write `timestamp`" in done.stderr


@pytest.mark.parametrize(
    "arguments", [["stray.jsonl"], ["--heartbeat", "a.jsonl", "--since", "2d"]]
)
def test_options_that_contradict_each_other_are_refused(monitor, arguments: list[str]) -> None:
    assert monitor("rules", "backtest", *arguments).returncode == 2
