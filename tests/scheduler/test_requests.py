"""What the operator asks for is done once, answered in words, and blocked by nothing."""

from __future__ import annotations

import os
from typing import Any

import pytest

Rig = Any


@pytest.fixture
def firing(rig: Rig) -> Rig:
    rig.start()
    rig.snapshot(risk__circuit_breaker_active=True, risk__daily_loss_pct=-3.0)
    rig.turn()
    return rig


def answers(rig: Rig) -> list[tuple[str | None, str, str]]:
    return [
        (line.request, line.kind, line.reason)
        for line in rig.lines(None)
        if line.request is not None
    ]


def spool(rig: Rig) -> list[str]:
    return sorted(os.listdir(rig.home.spool))


def test_an_ack_by_rule_marks_the_incident_and_its_file_goes(firing: Rig) -> None:
    path = firing.ask("r1", "breaker", reason="looking")
    firing.turn()
    (line,) = [one for one in firing.lines() if one.request == "r1"]
    assert (line.kind, line.rule, line.acknowledged) == ("alert", "breaker", True)
    assert line.clock is not None
    assert line.clock.ack is not None
    assert (line.clock.ack.by, line.clock.ack.reason) == ("asha", "looking")
    assert not path.exists()


def test_an_ack_by_id_or_by_the_beginning_of_one_finds_the_incident(firing: Rig) -> None:
    whole = next(line.id for line in firing.lines() if line.rule == "breaker")
    firing.ask("r1", whole)
    firing.turn()
    firing.ask("r2", whole, action="unack")
    firing.turn()
    assert [kind for _, kind, _ in answers(firing)] == ["alert", "alert"]


def test_a_beginning_that_fits_several_is_refused_and_names_them(firing: Rig) -> None:
    ids = sorted(line.id for line in firing.lines())
    shared = ids[0][:8]
    assert all(one.startswith(shared) for one in ids)
    firing.ask("r1", shared)
    firing.turn()
    ((_, kind, reason),) = answers(firing)
    assert kind == "request"
    assert reason.startswith("ambiguous target")
    assert "breaker" in reason


@pytest.mark.fault("A4")
@pytest.mark.parametrize("target", ["nonsense", "0", "", "slowly"])
def test_a_target_that_is_not_open_is_refused_in_words(firing: Rig, target: str) -> None:
    firing.ask("r1", target)
    firing.turn()
    ((_, kind, reason),) = answers(firing)
    assert kind == "request"
    assert reason.startswith("unknown target")
    assert spool(firing) == []


@pytest.mark.fault("A4")
def test_a_second_ack_changes_nothing_and_says_who_has_it(firing: Rig) -> None:
    firing.ask("r1", "breaker")
    firing.ask("r2", "breaker", by="ravi", at_ms=firing.clock.now().wall_ms + 1)
    firing.turn()
    assert answers(firing)[1] == ("r2", "request", "already acknowledged by asha")


def test_who_has_an_alert_may_take_it_for_longer(firing: Rig) -> None:
    now_ms = firing.clock.now().wall_ms
    firing.ask("r1", "breaker", until_ms=now_ms + 1000)
    firing.ask("r2", "breaker", until_ms=now_ms + 9000, at_ms=now_ms + 1)
    firing.turn()
    (_, again) = [one for one in firing.lines() if one.acknowledged]
    assert again.clock.ack.until_ms == now_ms + 9000


def test_an_unack_of_what_nobody_has_is_refused(firing: Rig) -> None:
    firing.ask("r1", "breaker", action="unack")
    firing.turn()
    assert answers(firing) == [("r1", "request", "breaker is not acknowledged")]


def test_an_ack_until_a_time_that_is_over_is_refused(firing: Rig) -> None:
    firing.ask("r1", "breaker", until_ms=firing.clock.now().wall_ms)
    firing.turn()
    assert answers(firing)[0][2] == "the time that it should last until is over"


@pytest.mark.fault("A4", "A8")
def test_a_request_that_was_answered_is_not_answered_again_after_a_kill(firing: Rig) -> None:
    path = firing.ask("r1", "breaker")
    data = path.read_bytes()
    firing.turn()
    firing.kill()
    path.write_bytes(data)
    firing.start()
    firing.turn()
    assert len(answers(firing)) == 1
    assert spool(firing) == []


def test_an_ack_survives_a_restart_and_a_new_date(firing: Rig) -> None:
    firing.ask("r1", "breaker")
    firing.turn()
    firing.kill(state=False)
    firing.pass_seconds(86_400)
    firing.start()
    firing.snapshot(risk__circuit_breaker_active=True, risk__daily_loss_pct=-3.0)
    firing.turn()
    carried = [line for line in firing.lines("carry") if line.rule == "breaker"]
    assert carried[-1].acknowledged


@pytest.mark.fault("A8")
def test_torn_foreign_and_huge_files_are_answered_removed_and_block_nothing(firing: Rig) -> None:
    folder = firing.home.spool
    (folder / "0000000000001-torn.json").write_bytes(b'{"id":"torn","act')
    (folder / "0000000000002-huge.json").write_bytes(b"x" * 70_000)
    (folder / "anything.json").write_text("hello")
    (folder / "0000000000003-link.json").symlink_to("/etc/passwd")
    firing.ask("good", "breaker")
    firing.turn()
    told = {request: reason for request, _, reason in answers(firing)}
    assert told["torn"].startswith("refused: not a request")
    assert "too large" in told["huge"]
    assert told["link"].startswith("refused:")
    assert [kind for request, kind, _ in answers(firing) if request == "good"] == ["alert"]
    assert spool(firing) == []


def test_what_can_not_be_removed_is_answered_once_and_left_alone(firing: Rig) -> None:
    folder = firing.home.spool / "0000000000001-folder.json"
    folder.mkdir()
    for _ in range(3):
        firing.turn()
    assert len(answers(firing)) == 1
    assert any("can't be removed" in words for words in firing.state().degraded)


def test_a_request_waits_while_the_log_can_not_be_written(firing: Rig) -> None:
    alerts = firing.home.alerts
    aside = alerts.with_name("aside")
    alerts.rename(aside)
    alerts.write_text("in the way")
    path = firing.ask("r1", "breaker")
    firing.turn()
    assert path.exists()
    firing.turn()
    alerts.unlink()
    aside.rename(alerts)
    firing.pass_seconds(5)
    firing.turn()
    firing.turn()
    assert not path.exists()
    assert [kind for _, kind, _ in answers(firing)] == ["alert"]


def test_a_spool_that_can_not_be_listed_is_told_and_nothing_else_stops(firing: Rig) -> None:
    firing.home.spool.rmdir()
    firing.home.spool.write_text("not a folder")
    firing.pass_seconds(10)
    firing.snapshot(risk__circuit_breaker_active=False)
    firing.turn()
    assert ("breaker", "resolved") in firing.told()
    assert any("can't be read" in words for words in firing.state().degraded)
