"""`rules.toml` changes under a running scheduler: what is taken over, what becomes of alerts."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import pytest

from monitoring.alert_fold import read
from monitoring.clock import SystemClock
from monitoring.config import Config
from monitoring.snapshot import CollectorStatus, Snapshot

Rig = Any
Daemon = Any
NewRig = Callable[..., Any]
LOSS = {"risk__daily_loss_pct": -1.5}
FINE = {"risk__daily_loss_pct": -0.2}

SLOW = """
[[rule]]
name = "slow"
severity = "WARNING"
when = ["risk.daily_loss_pct <= -1.0"]
for = "30s"
keep_firing_for = "60s"
message = "loss {risk.daily_loss_pct}"
"""
FAULTY = SLOW.replace("daily_loss_pct <=", "daily_los_pct <=")


def save(rig: Rig, text: str) -> None:
    """Write the file and let time pass until it counts."""
    new = rig.home.root / "rules.toml.new"
    new.write_text(text)
    new.replace(rig.home.rules)
    settle(rig)


def settle(rig: Rig) -> None:
    rig.turn()
    rig.pass_seconds(1)
    rig.turn()


@pytest.fixture
def slow(new_rig: NewRig) -> Rig:
    rig = new_rig(rules=SLOW)
    rig.start()
    rig.live(10, **FINE)
    return rig


def reasons(rig: Rig) -> list[str]:
    return [line.reason for line in rig.lines("reload")]


def seconds(rig: Rig, rule: str, status: str) -> float:
    """Return when the rule first came into a status, in seconds of the rig's clock."""
    line = next(one for one in rig.lines() if (one.rule, one.status) == (rule, status))
    return float((line.boottime_ns - 10**13) / 1e9)


def test_a_new_rule_judges_within_one_interval_and_the_log_says_what_changed(slow: Rig) -> None:
    before = slow.clock.seconds
    save(slow, SLOW + SLOW.replace('"slow"', '"quick"').replace("30s", "0s").replace("<=", ">"))
    assert ("quick", "firing") in slow.told()
    assert slow.clock.seconds - before < slow.config.evaluate_seconds
    assert reasons(slow) == ["rules.toml is taken over: added quick"]


def test_every_kind_of_change_is_named(slow: Rig) -> None:
    text = SLOW.replace("30s", "1m").replace("WARNING", "CRITICAL")
    off = '[[rule]]\nname = "disk_low"\nenabled = false\n'
    save(slow, text + off)
    save(slow, text.replace('"slow"', '"slower"'))
    os.remove(slow.home.rules)
    settle(slow)
    assert reasons(slow) == [
        "rules.toml is taken over: changed slow (severity WARNING → CRITICAL, for 30s → 1m); "
        "disabled disk_low",
        "rules.toml is taken over: added slower; removed slow; enabled disk_low",
        "rules.toml is taken over (there is no such file any more): removed slower",
    ]


def test_a_file_that_was_only_touched_or_saved_again_is_no_news(slow: Rig) -> None:
    os.utime(slow.home.rules)
    settle(slow)
    save(slow, SLOW)
    assert reasons(slow) == []


def test_a_window_of_the_new_rules_is_full_at_once(slow: Rig) -> None:
    slow.live(60, **FINE, orders__rejected=1.0)
    slow.live(60, **FINE)
    hourly = (
        '[[rule]]\nname = "hourly"\nseverity = "WARNING"\nwindow = "10m"\nmessage = "m"\n'
        'when = ["window.orders.rejected.delta >= 6"]\n'
    )
    save(slow, SLOW + hourly)
    assert ("hourly", "firing") in slow.told()


def test_what_was_seen_before_a_reload_stays_seen(slow: Rig) -> None:
    slow.live(10, **FINE, artifacts__student_model_age_hours=3.0)
    slow.live(120, **FINE)
    save(slow, SLOW + "# a comment\n")
    state = slow.state()
    assert "artifacts.student_model_age_hours" in state.seen
    assert not state.rules["stale_student_model"].never_seen


# -- a file that is not sound


@pytest.mark.fault("R9")
def test_faults_leave_the_old_rules_in_force_and_fire_an_alert_that_names_the_first(
    slow: Rig,
) -> None:
    save(slow, FAULTY + FAULTY.replace('"slow"', '"other"'))
    assert slow.told("rules_refused") == []
    slow.pass_seconds(1)
    slow.turn()
    (fired,) = [one for one in slow.lines() if one.rule == "rules_refused"]
    assert (fired.status, fired.severity) == ("firing", "WARNING")
    assert "rules.toml:5:10: slow: unknown fact risk.daily_los_pct" in fired.message
    assert "(faults: 2)" in fired.message
    slow.live(40, **LOSS)
    assert ("slow", "firing") in slow.told()
    (refused,) = slow.lines("reload")
    assert refused.reason.startswith("rules.toml is refused, and the rules from before stay")
    assert refused.context["faults"] == 2.0
    assert slow.state().rules_file.source == "kept"
    faults = slow.state().rules_file.faults
    assert [(fault.line, fault.column) for fault in faults] == [(5, 10), (13, 10)]


def test_the_alert_resolves_when_the_file_is_mended(slow: Rig) -> None:
    save(slow, FAULTY)
    slow.live(10, **FINE)
    save(slow, SLOW.replace("30s", "40s"))
    assert slow.told("rules_refused") == [
        ("rules_refused", "firing"),
        ("rules_refused", "resolved"),
    ]
    assert reasons(slow)[-1] == "rules.toml is taken over: changed slow (for 30s → 40s)"
    save(slow, FAULTY)
    slow.live(10, **FINE)
    save(slow, SLOW.replace("30s", "40s"))
    assert reasons(slow)[-1] == "rules.toml is as before its faults: no rule changed"
    assert slow.told("rules_refused")[-1] == ("rules_refused", "resolved")


def test_a_file_that_is_half_written_for_a_moment_is_no_news(slow: Rig) -> None:
    whole = SLOW.replace("30s", "40s")
    slow.home.rules.write_text("")
    for cut in (60, 90, 120):
        slow.pass_seconds(0.9)
        slow.turn()
        slow.home.rules.write_text(whole[:cut])
        slow.turn()
    slow.pass_seconds(1.5)
    slow.turn()
    slow.home.rules.write_text(whole)
    settle(slow)
    assert slow.told() == []
    assert reasons(slow) == ["rules.toml is taken over: changed slow (for 30s → 40s)"]


def test_an_editor_that_puts_the_old_file_aside_first_changes_no_alert(slow: Rig) -> None:
    slow.live(40, **LOSS)
    slow.home.rules.rename(slow.home.root / "rules.toml~")
    slow.turn()
    slow.pass_seconds(0.5)
    slow.home.rules.write_text(SLOW + "\n")
    settle(slow)
    assert slow.told("slow") == [("slow", "pending"), ("slow", "firing")]


def test_a_file_that_is_refused_again_and_again_leaves_nothing_open(slow: Rig) -> None:
    slow.home.rules.unlink()
    slow.home.rules.mkdir()
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        os.utime(slow.home.rules)
        slow.live(15, **FINE)
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    assert len(reasons(slow)) == 1


def test_what_is_no_readable_text_is_refused_and_blocks_nothing(slow: Rig) -> None:
    slow.home.rules.unlink()
    os.mkfifo(slow.home.rules)
    slow.live(10, **FINE)
    assert "is not a regular file" in reasons(slow)[-1]
    slow.home.rules.unlink()
    slow.home.rules.mkdir()
    slow.live(10, **FINE)
    assert "is not a regular file" in reasons(slow)[-1]
    slow.home.rules.rmdir()
    slow.home.rules.write_bytes(b"# ok\n# \xff\n")
    slow.live(10, **FINE)
    assert "rules.toml:2:3: is not UTF-8" in reasons(slow)[-1]
    slow.home.rules.write_bytes(b"#" * 2_000_000)
    slow.live(10, **FINE)
    assert "is larger than" in reasons(slow)[-1]


def test_a_restart_while_the_file_is_faulty_finds_the_old_rules_in_force(slow: Rig) -> None:
    slow.live(20, **LOSS)
    save(slow, FAULTY)
    slow.live(5, **LOSS)
    told = slow.told()
    slow.kill(state=False)
    slow.start()
    slow.turn()
    assert slow.told() == told
    slow.live(20, **LOSS)
    assert slow.told("slow") == [("slow", "pending"), ("slow", "firing")]
    assert slow.state().rules_file.source == "kept"
    save(slow, SLOW)
    assert slow.told("rules_refused")[-1] == ("rules_refused", "resolved")


def test_a_home_that_never_had_a_sound_file_starts_with_the_built_in_rules(
    new_rig: NewRig,
) -> None:
    rig = new_rig(rules=FAULTY)
    rig.start()
    rig.live(10, **FINE)
    assert ("rules_refused", "firing") in rig.told()
    assert rig.state().rules_file.source == "built-in"
    assert "slow" not in rig.state().rules
    save(rig, SLOW)
    assert "slow" in rig.state().rules
    assert rig.told("rules_refused")[-1] == ("rules_refused", "resolved")


def test_alerts_of_rules_that_could_not_be_read_go_on_when_they_can(slow: Rig) -> None:
    slow.live(40, **LOSS)
    told = slow.told("slow")
    slow.kill()
    slow.home.rules_in_force.unlink()
    slow.home.rules.write_text(FAULTY)
    slow.start()
    slow.live(20, **LOSS)
    assert slow.told("slow") == told
    save(slow, SLOW)
    slow.live(20, **LOSS)
    assert slow.told("slow") == told
    slow.live(80, **FINE)
    assert slow.told("slow")[-1] == ("slow", "resolved")


# -- what becomes of alerts


def test_a_longer_for_counts_what_it_has_held_so_far(slow: Rig) -> None:
    slow.live(30, **LOSS)
    save(slow, SLOW.replace("30s", "1m"))
    slow.live(60, **LOSS)
    pending, firing = (seconds(slow, "slow", one) for one in ("pending", "firing"))
    assert 60 <= firing - pending <= 65
    assert slow.told("slow") == [("slow", "pending"), ("slow", "firing")]


def test_a_shorter_for_that_is_over_fires_at_once(slow: Rig) -> None:
    slow.live(25, **LOSS)
    save(slow, SLOW.replace("30s", "10s"))
    assert slow.lines()[-1].reason == "condition held for 16s"


def test_a_firing_alert_does_not_go_back_to_pending_when_for_is_lengthened(slow: Rig) -> None:
    slow.live(50, **LOSS)
    save(slow, SLOW.replace("30s", "1h"))
    slow.live(20, **LOSS)
    assert slow.told("slow") == [("slow", "pending"), ("slow", "firing")]


@pytest.mark.parametrize(("keep", "clear_seconds"), [("90s", 90), ("40s", 40), ("10s", 31)])
def test_a_countdown_goes_on_under_the_new_keep_firing_for(
    slow: Rig, keep: str, clear_seconds: int
) -> None:
    slow.live(50, **LOSS)
    slow.live(40, **FINE)
    began = seconds(slow, "slow", "firing") + 20  # its first snapshot below the limit
    save(slow, SLOW.replace("60s", keep))
    slow.live(80, **FINE)
    (ended,) = [one for one in slow.lines() if (one.rule, one.status) == ("slow", "resolved")]
    assert clear_seconds <= (ended.boottime_ns - 10**13) / 1e9 - began <= clear_seconds + 5


def test_a_rule_that_was_renamed_ends_one_alert_and_begins_another(slow: Rig) -> None:
    slow.live(50, **LOSS)
    save(slow, SLOW.replace('"slow"', '"slower"'))
    closed, begun = slow.lines()[-1], slow.lines()[-2]
    if closed.rule != "slow":
        closed, begun = begun, closed
    assert (closed.status, closed.reason) == ("resolved", "the rule was removed")
    assert (begun.rule, begun.status) == ("slower", "pending")
    slow.live(40, **LOSS)
    assert slow.told("slower") == [("slower", "pending"), ("slower", "firing")]
    assert closed.id != begun.id


def test_a_rule_that_was_deleted_or_disabled_takes_its_alert_with_it_and_says_so(
    new_rig: NewRig,
) -> None:
    for text, why in (("", "removed"), (SLOW + "enabled = false\n", "disabled")):
        rig = new_rig(rules=SLOW)
        rig.start()
        rig.live(50, **LOSS)
        save(rig, text)
        closed = rig.lines()[-1]
        assert (closed.status, closed.notify) == ("resolved", "rule_removed")
        assert closed.reason == f"the rule was {why}"
        rig.live(60, **LOSS)
        assert rig.told("slow")[-1] == ("slow", "resolved")


def test_a_pending_alert_of_a_deleted_rule_goes_without_a_word(slow: Rig) -> None:
    slow.live(20, **LOSS)
    save(slow, "")
    assert slow.told("slow") == [("slow", "pending"), ("slow", "inactive")]


def test_another_severity_is_told_and_the_alert_stays_the_same(slow: Rig) -> None:
    slow.live(50, **LOSS)
    slow.ask("r1", "slow")
    slow.turn()
    save(slow, SLOW.replace("WARNING", "CRITICAL"))
    line = slow.lines()[-1]
    assert (line.notify, line.reason) == ("changed", "WARNING became CRITICAL")
    assert line.acknowledged
    assert line.id == next(one.id for one in slow.lines() if one.rule == "slow")


def test_under_another_condition_an_alert_goes_on_or_begins_to_clear(slow: Rig) -> None:
    slow.live(50, **LOSS)
    save(slow, SLOW.replace("-1.0", "-1.2"))
    slow.live(20, **LOSS)
    assert slow.told("slow") == [("slow", "pending"), ("slow", "firing")]
    save(slow, SLOW.replace("-1.0", "-5.0"))
    assert slow.lines()[-1].notify == "clearing"
    slow.live(70, **LOSS)
    assert slow.told("slow")[-1] == ("slow", "resolved")


def test_a_rule_that_errs_again_after_it_was_changed_is_logged_again(new_rig: NewRig) -> None:
    odd = (
        '[[rule]]\nname = "odd"\nseverity = "WARNING"\nmessage = "odd"\n'
        'when = ["int(risk.daily_loss_pct) / int(orders.open) == int(orders.open)"]\n'
    )
    rig = new_rig(rules=odd)
    rig.start()
    rig.live(20, **FINE, orders__open=0.0)
    assert len(rig.lines("rule_error")) == 1
    save(rig, odd + "# only a word\n")
    rig.live(20, **FINE, orders__open=0.0)
    assert len(rig.lines("rule_error")) == 1
    save(rig, odd.replace("== int", ">= int"))
    rig.live(20, **FINE, orders__open=0.0)
    assert len(rig.lines("rule_error")) == 2


# -- restarts, backlogs, dead rules


@pytest.mark.parametrize("moment", ["before it counts", "after it was taken"])
def test_a_crash_in_the_middle_of_a_reload_is_the_same_as_before_or_after(
    new_rig: NewRig, moment: str
) -> None:
    logs = []
    for crash in (False, True):
        rig = new_rig(rules=SLOW)
        rig.start()
        rig.live(25, **LOSS)
        rig.home.rules.write_text(SLOW.replace("30s", "20s").replace('"slow"', '"other"'))
        rig.turn()
        if crash and moment == "before it counts":
            rig.kill()
            rig.start()
        rig.pass_seconds(1)
        rig.turn()
        if crash and moment == "after it was taken":
            rig.kill(state=False)
            rig.start()
        rig.live(40, **LOSS)
        logs.append([(one.rule, one.status, one.reason) for one in rig.lines()])
    assert logs[0] == logs[1]


def test_rules_that_need_a_long_past_are_made_ready_while_the_old_ones_judge(slow: Rig) -> None:
    slow.live(300, **FINE, orders__rejected=1.0)
    now = slow.clock.now
    slow.clock.now = lambda: (slow.pass_seconds(0.02), now())[1]  # every look takes its time
    daily = (
        '[[rule]]\nname = "daily"\nseverity = "WARNING"\nwindow = "1d"\nmessage = "m"\n'
        'when = ["window.orders.rejected.delta >= 30"]\n'
    )
    slow.home.rules.write_text(SLOW + daily)
    turns = 0
    while "daily" not in slow.state().rules:
        slow.turn()
        turns += 1
        if turns % 2 == 0:
            slow.snapshot(**FINE, risk__circuit_breaker_active=True)
        assert turns < 300
    assert turns > 3
    told = slow.told()
    assert ("circuit_breaker_triggered", "firing") in told
    assert ("daily", "firing") in told


def test_a_fact_seen_yesterday_is_not_dead_today(new_rig: NewRig) -> None:
    rig = new_rig(rules=None)
    rig.start()
    rig.live(20, artifacts__student_model_age_hours=3.0)
    rig.kill()
    for file in rig.home.snapshots.iterdir():
        file.unlink()
    rig.pass_seconds(86_400)
    rig.start()
    rig.live(20)
    rules = rig.state().rules
    assert not rules["stale_student_model"].never_seen
    assert rules["stale_teacher_model"].never_seen
    assert rules["stale_teacher_model"].wanting == ("artifacts.teacher_model_age_hours",)


def test_a_rule_of_which_a_fact_was_never_seen_is_dead_though_it_is_false(
    new_rig: NewRig,
) -> None:
    rig = new_rig(
        config=Config(interval_seconds=10.0),
        rules='[facts]\ncustom.x = { type = "number" }\n[[rule]]\nname = "x"\nmessage = "m"\n'
        'severity = "WARNING"\nwhen = ["orders.open > 0", "custom.x > 1"]\n',
    )
    rig.start()
    rig.live(10, orders__open=0.0)
    assert rig.state().rules["x"].verdict == "false"
    assert rig.state().rules["x"].never_seen
    assert rig.state().rules["x"].wanting == ("custom.x",)
    assert rig.state().rules["tick_latency_high"].off
    assert rig.state().rules["tick_latency_high"].why == "limit not set: limits.tick_latency_ms"
    assert not rig.state().rules["tick_latency_high"].never_seen
    rig.live(10, orders__open=0.0, custom__x=0.0)
    assert not rig.state().rules["x"].never_seen


# -- the process


@pytest.mark.fault("R9")
def test_a_running_process_takes_and_refuses_files_however_they_are_saved(daemon: Daemon) -> None:
    def told(rule: str) -> list[str | None]:
        return [line.status for line in read(daemon.home.alerts) if line.rule == rule]

    def snapshot() -> None:
        now = SystemClock().now()
        daemon.store.write(
            Snapshot(
                snapshot=1,
                timestamp="",
                wall_ms=now.wall_ms,
                boottime_ns=now.boottime_ns,
                boot_id=now.boot_id,
                engine="main",
                reason="interval",
                collector=CollectorStatus(app_version="test"),
            )
        )

    always = (
        '[[rule]]\nname = "always"\nseverity = "WARNING"\nwhen = ["session.open"]\n'
        'clock = "wall"\nmessage = "m"\n'
    )
    # So seldom that whatever comes while the test waits was not found by looking.
    process = daemon.start(MONITOR_INTERVAL_SECONDS="300", MONITOR_EVALUATE_SECONDS="300")
    daemon.ready(process)
    snapshot()
    daemon.home.rules.write_text(always)  # in place, a file that was not there
    daemon.wait(lambda: told("always") == ["firing"], "the alert")

    began = time.monotonic()
    snapshot()
    daemon.home.rules.write_text(always.replace("session.open", "session.opne"))
    daemon.wait(lambda: told("rules_refused") == ["firing"], "the alert about the file")
    assert time.monotonic() - began >= 2
    assert told("always") == ["firing"]
    (fault,) = daemon.wait(lambda: daemon.state().rules_file.faults, "the fault in the state")
    assert (fault.line, fault.column) == (4, 10)

    snapshot()
    new = daemon.home.root / "new"
    new.write_text(always.replace("always", "other"))
    new.replace(daemon.home.rules)
    daemon.wait(lambda: told("rules_refused") == ["firing", "resolved"], "its end")
    daemon.wait(lambda: told("other") == ["firing"], "the alert of the new name")
    assert told("always") == ["firing", "resolved"]
    assert daemon.stop(process)[0] == 0
