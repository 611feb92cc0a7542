"""Silences and acknowledgements of the operator, over restarts, and one alarm for one cause."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

Rig = Any
HOUR_MS = 3_600_000
TRIPPED = {"risk__circuit_breaker_active": True}


@pytest.fixture
def firing(rig: Rig) -> Rig:
    rig.start()
    rig.snapshot(risk__circuit_breaker_active=True, risk__daily_loss_pct=-3.0)
    rig.turn()
    return rig


def silence(
    rig: Rig, target: str, seconds: float = 3600, id_: str = "abcd1234ef", **more: Any
) -> None:
    until_ms = rig.clock.now().wall_ms + round(seconds * 1000)
    rig.ask(id_, target, **({"action": "silence", "until_ms": until_ms} | more))
    rig.turn()


def of_silences(rig: Rig) -> list[tuple[str, str | None, str]]:
    return [(line.id, line.status, line.reason) for line in rig.lines("silence")]


def answer(rig: Rig) -> str:
    return str(rig.lines("request")[-1].reason)


def test_a_silenced_rule_is_told_nobody_until_the_silence_expires_by_itself(rig: Rig) -> None:
    rig.start()
    rig.live(10)
    silence(rig, "breaker", 100, reason="restarting")
    rig.live(60, **TRIPPED)
    (line,) = [one for one in rig.lines() if one.rule == "breaker"]
    assert (line.status, line.notify) == ("firing", "suppressed")
    assert line.suppressed_by == "silence abcd1234 by asha: restarting"
    rig.live(50, **TRIPPED)
    assert of_silences(rig)[-1] == (
        "abcd1234", "expired", "silence abcd1234 by asha: restarting is over",
    )  # fmt: skip
    assert [one.notify for one in rig.lines() if one.rule == "breaker"] == ["suppressed", "new"]


@pytest.mark.parametrize("state", [True, False], ids=["state kept", "state lost"])
def test_a_silence_survives_restarts_and_ends_at_its_time(rig: Rig, state: bool) -> None:
    rig.start()
    rig.live(10)
    silence(rig, "breaker", 100)
    for _ in range(8):
        rig.kill(state=state)
        rig.start()
        rig.live(10, **TRIPPED)
    assert "new" not in [one.notify for one in rig.lines() if one.rule == "breaker"]
    rig.live(20, **TRIPPED)
    assert [one.notify for one in rig.lines() if one.rule == "breaker"] == ["suppressed", "new"]
    assert [status for _, status, _ in of_silences(rig)] == ["active", "expired"]


def test_a_silence_of_a_severity_covers_every_alert_of_it(firing: Rig) -> None:
    silence(firing, "critical")
    firing.pass_seconds(5)
    firing.turn()
    suppressed = {one.rule for one in firing.lines() if one.notify == "suppressed"}
    assert "breaker" in suppressed
    assert "slow" not in suppressed


def test_a_silence_of_an_incident_is_found_by_the_beginning_of_its_id(firing: Rig) -> None:
    incident = next(line.id for line in firing.lines() if line.rule == "breaker")
    silence(firing, incident)
    (line,) = firing.lines("silence")
    assert line.silence is not None
    assert line.silence.incident == incident


def test_a_silence_is_ended_early_by_the_beginning_of_its_id(firing: Rig) -> None:
    silence(firing, "breaker")
    firing.ask("r2", "ABCD", action="expire", by="ravi", reason="done")
    firing.turn()
    assert of_silences(firing)[-1] == ("abcd1234", "ended", "ended early by ravi: done")
    firing.ask("r3", "abcd", action="expire")
    firing.turn()
    assert answer(firing).startswith("unknown target")


def test_two_silences_whose_ids_begin_alike_are_told_apart(firing: Rig) -> None:
    silence(firing, "breaker", id_="abcd1234one")
    silence(firing, "slow", id_="abcd1234two")
    assert [id_ for id_, _, _ in of_silences(firing)] == ["abcd1234", "abcd1234two"]
    firing.ask("r3", "abcd", action="expire")
    firing.turn()
    assert answer(firing).startswith("ambiguous target")


@pytest.mark.parametrize(
    ("target", "fields", "words"),
    [
        ("braeker", {}, "unknown target 'braeker': no open alert has that id or rule, "
         "and no rule (did you mean breaker?)"),
        ("zzz", {}, "unknown target 'zzz': no open alert has that id or rule, and no rule"),
        ("breaker", {"until_ms": None}, "a silence needs an end"),
        ("breaker", {"until_ms": 5}, "the time that it should last until is over"),
    ],
)  # fmt: skip
def test_a_silence_that_can_not_be_is_refused_in_words(
    firing: Rig, target: str, fields: dict[str, Any], words: str
) -> None:
    silence(firing, target, **fields)
    assert answer(firing) == words
    assert of_silences(firing) == []


def test_an_ack_lasts_an_hour_while_positions_are_open_and_is_then_told_again(firing: Rig) -> None:
    firing.pass_seconds(10)
    firing.snapshot(last__positions={"count": 2.0}, **TRIPPED)
    firing.turn()
    firing.ask("r1", "breaker")
    firing.turn()
    taken_ms = firing.clock.now().wall_ms
    (line,) = [one for one in firing.lines() if one.request == "r1"]
    assert line.clock.ack.until_ms == taken_ms + HOUR_MS
    firing.live(3610, last__positions={"count": 2.0}, **TRIPPED)
    again = [one for one in firing.lines() if one.rule == "breaker"][-1]
    assert again.notify == "repeat"
    assert again.reason.startswith("acknowledgement of asha has expired")


def test_an_ack_lasts_to_the_end_of_the_alert_while_nothing_is_open(firing: Rig) -> None:
    firing.ask("r1", "breaker")
    firing.turn()
    (line,) = [one for one in firing.lines() if one.request == "r1"]
    assert line.clock.ack.until_ms is None


def test_an_engine_that_dies_while_breeze_is_down_too_is_one_alarm(
    new_rig: Callable[..., Rig],
) -> None:
    rig = new_rig(rules=None)
    rig.start()
    calm = {"breeze__status": "authenticated", "breeze__failing_seconds": 0.0}
    rig.live(30, **calm)
    for step in range(1, 31):
        rig.pass_seconds(10)
        rig.snapshot(
            heartbeat__age_seconds=step * 10.0,
            heartbeat__cause="process_gone",
            breeze__status="unreachable",
            breeze__failing_seconds=step * 10.0,
            market_data__update_age_seconds=step * 10.0,
            sentiment__reported_age_seconds=1_750.0 + step * 10,
            collector__ticks_lost=max(0, step - 1),
        )
        rig.turn()
    lines = rig.lines()
    told = {one.rule for one in lines if one.notify in ("new", "changed", "repeat")}
    assert told == {"heartbeat_lapsed"}
    inhibited = {one.rule for one in lines if one.suppressed_by == "inhibited by heartbeat_lapsed"}
    expected = {
        "market_data_stale", "breeze_connectivity_lost", "sentiment_data_missing",
        "monitor_degraded",
    }  # fmt: skip
    assert inhibited == expected
    listed = [one.context.get("consequences") for one in lines if one.rule == "heartbeat_lapsed"]
    assert set(str(listed[-1]).split(", ")) == expected


def test_only_what_is_to_be_told_is_logged_at_its_severity(rig: Rig) -> None:
    said: list[tuple[str, str]] = []

    def hear(message: Any) -> None:
        extra = message.record["extra"]
        if extra.get("rule") == "breaker":
            said.append((message.record["level"].name, extra["notify"]))

    sink = logger.add(hear)
    try:
        rig.start()
        rig.live(10)
        silence(rig, "breaker", 40)
        rig.live(60, **TRIPPED)
        rig.live(10, risk__circuit_breaker_active=False)
    finally:
        logger.remove(sink)
    assert said == [("INFO", "suppressed"), ("CRITICAL", "new"), ("INFO", "resolved")]
