"""The life of an alert, one promise a test."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from evaluator.evaluation import Evaluation
from evaluator.incident import Ack, Incident, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import acknowledge, step, unacknowledge
from evaluator.rules import Rule, load
from evaluator.verdict import Truth, Verdict
from monitoring.calendar import AlwaysOpen

HOUR_MS = 3_600_000


class Hours:
    """A market open from the 9th to the 15th hour of each day after the epoch, UTC."""

    def open_ms(self, start_ms: int, end_ms: int, clock: str) -> int:
        if clock == "wall":
            return max(0, end_ms - start_ms)
        total = 0
        for day in range(start_ms // (24 * HOUR_MS), end_ms // (24 * HOUR_MS) + 1):
            opens = (day * 24 + 9) * HOUR_MS
            total += max(0, min(end_ms, opens + 6 * HOUR_MS) - max(start_ms, opens))
        return total

    def is_open(self, wall_ms: int, clock: str) -> bool:
        return clock == "wall" or 9 * HOUR_MS <= wall_ms % (24 * HOUR_MS) < 15 * HOUR_MS

    def opened_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def next_open_ms(self, wall_ms: int) -> int | None:
        return None

    def closes_at_ms(self, wall_ms: int) -> int | None:
        raise NotImplementedError

    def trading_day(self, wall_ms: int) -> str:
        return str(wall_ms // (24 * HOUR_MS))


def at(seconds: float, boot: str = "b") -> Instant:
    return Instant(1_760_000_000_000 + round(seconds * 1000), round(seconds * 1e9), boot)


def hour(hours: float) -> Instant:
    return Instant(round(hours * HOUR_MS), round(hours * HOUR_MS) * 1_000_000, "b")


class Life:
    """One rule, its states, and everything that happened to them."""

    def __init__(self, sessions: Any = None, **fields: Any) -> None:
        given = {"name": "r", "severity": "WARNING", "when": ("true",), "message": "m"} | fields
        self.rule = Rule(**given)
        self.sessions = sessions or AlwaysOpen("Asia/Kolkata")
        self.states: States = {}

    def verdict(self, truth: Truth, **fields: Any) -> Verdict:
        why = "unknown: a.b" if truth == "unknown" else "boom" if truth == "error" else ""
        verdict = Verdict(self.rule, truth, "WARNING", f"it is {truth}", {"a.b": 1.0}, why)
        return msgspec.structs.replace(verdict, **fields)

    def see(self, truth: Truth, now: Instant, **fields: Any) -> Transition | None:
        verdict = self.verdict(truth, **fields)
        self.states, changes = step(self.states, [verdict], now, self.sessions, "main")
        assert len(changes) <= 1
        return changes[0] if changes else None

    def told(self, truth: Truth, now: Instant, **fields: Any) -> tuple[str, str] | None:
        change = self.see(truth, now, **fields)
        return None if change is None else (change.incident.status, change.notify)

    @property
    def incident(self) -> Incident:
        return self.states["r"]


def test_a_rule_without_for_fires_in_the_step_that_finds_it_true() -> None:
    life = Life()
    change = life.see("true", at(0))

    assert change is not None
    assert (change.incident.status, change.notify) == ("firing", "new")
    assert change.incident.fired_at == change.incident.active_at == at(0)
    assert change.incident.reason == "condition held for 0s"


def test_nothing_is_logged_for_a_rule_that_stays_false_or_stays_true() -> None:
    life = Life()
    assert life.told("false", at(0)) is None
    life.see("true", at(1))
    assert life.told("true", at(2)) is None
    assert life.told("true", at(1800)) is None


def test_a_pending_alert_fires_at_its_time_to_the_millisecond() -> None:
    life = Life(for_seconds=30)
    assert life.told("true", at(0)) == ("pending", "pending")
    assert life.told("true", at(29.999)) is None
    change = life.see("true", at(30))
    assert change is not None
    assert change.incident.reason == "condition held for 30s"
    assert change.incident.active_at == at(0)
    assert change.incident.fired_at == at(30)


def test_a_pending_alert_that_clears_is_inactive_and_nobody_is_told() -> None:
    life = Life(for_seconds=30)
    life.see("true", at(0))
    assert life.told("false", at(10)) == ("inactive", "inactive")
    assert life.states == {}


def test_an_alert_without_keep_firing_for_resolves_at_once_with_value_and_duration() -> None:
    life = Life()
    life.see("true", at(0))
    change = life.see("false", at(312), context={"a.b": 0.5, "limits.x": 2.0})

    assert change is not None
    assert change.notify == "resolved"
    assert change.incident.message == "Over after 5m12s: a.b 0.5"
    assert change.incident.reason == "condition clear for 0s, after firing for 5m12s"
    assert change.incident.resolved_at == at(312)
    assert life.states == {}


def test_an_alert_that_is_over_tells_its_first_values_and_no_list_of_internals() -> None:
    life = Life()
    life.see("true", at(0))
    context = {"a": 1.0, "limits.a": 9.0, "b": True, "c_bytes": 2e9, "d": 4.0, "e": 5.0}
    change = life.see("false", at(0.24), context=context)

    assert change is not None
    assert change.incident.message == "Over after 0.2s: a 1, b yes, c_bytes 2.0 GB"
    assert change.incident.context == context


def test_a_rule_says_itself_what_is_well_again() -> None:
    life = Life(resolved_message="spread back at {a.b} bps")
    life.see("true", at(0))
    change = life.see("false", at(60), context={"a.b": 3.5})

    assert change is not None
    assert change.incident.message == "Over after 1m: spread back at 3.5 bps"


def test_the_duration_counts_from_the_onset_when_a_fact_tells_it() -> None:
    life = Life(onset="age", resolved_message="ticks again", keep_firing_for_seconds=1)
    life.see("true", at(0), context={"age": 15.2})
    life.see("false", at(2), context={"age": 0.1})
    change = life.see("false", at(3), context={"age": 0.3})

    assert change is not None
    assert change.incident.message == "Over after 18s: ticks again"
    assert change.incident.reason == "condition clear for 1s, after firing for 3s"


def test_an_onset_that_is_not_known_adds_nothing() -> None:
    life = Life(onset="age", no_data="alert", resolved_message="ticks again")
    life.see("unknown", at(0), context={"age": None})
    change = life.see("false", at(5), context={"age": 0.1})

    assert change is not None
    assert change.incident.message == "Over after 5s: ticks again"


def test_an_alert_that_no_longer_applies_says_why_and_claims_no_recovery() -> None:
    life = Life(resolved_message="a price came")
    life.see("true", at(0))
    change = life.see("false", at(5), why="does not apply: market_data.halted")

    assert change is not None
    assert change.incident.message == "Over after 5s: does not apply: market_data.halted"


def test_an_alert_that_ends_with_its_day_is_not_called_recovered() -> None:
    life = Life(Hours(), day=True)
    life.see("true", hour(10))
    change = life.see("true", hour(34))

    assert change is not None
    assert (change.incident.status, change.notify) == ("resolved", "new_day")
    assert change.incident.message == "Ended after 1d, not recovered: 1 is a new trading day"


@pytest.mark.fault("R2")
def test_an_alert_stays_firing_until_it_was_clear_long_enough() -> None:
    life = Life(keep_firing_for_seconds=60)
    life.see("true", at(0))
    assert life.told("false", at(10)) == ("firing", "clearing")
    assert life.told("false", at(69.999)) is None
    assert life.told("false", at(70)) == ("resolved", "resolved")


@pytest.mark.fault("R2")
def test_a_flapping_condition_is_one_incident_while_it_is_never_clear_long_enough() -> None:
    life = Life(keep_firing_for_seconds=60, remind_seconds=())
    ids = {life.see("true", at(0)).incident.id}  # type: ignore[union-attr] # it fires
    for turn in range(1, 20):
        assert life.told("false", at(turn * 100)) == ("firing", "clearing")
        assert life.told("true", at(turn * 100 + 59)) == ("firing", "held")
        ids.add(life.incident.id)
    assert len(ids) == 1


@pytest.mark.fault("R3")
def test_resolving_and_firing_again_is_a_new_incident() -> None:
    life = Life()
    first = life.see("true", at(0))
    life.see("false", at(1))
    second = life.see("true", at(2))
    assert first is not None
    assert second is not None
    assert first.incident.id != second.incident.id


@pytest.mark.fault("R4")
def test_missing_data_neither_matures_nor_ends_an_alert_by_default() -> None:
    life = Life(for_seconds=30, keep_firing_for_seconds=10)
    life.see("true", at(0))
    assert life.told("unknown", at(20)) == ("pending", "no_data")
    assert life.told("unknown", at(500)) is None
    assert life.told("true", at(600)) == ("pending", "data_back")
    assert life.told("true", at(609)) is None
    assert life.told("true", at(610)) == ("firing", "new")
    assert life.told("unknown", at(620)) == ("firing", "no_data")
    assert life.incident.reason == "stays firing: unknown: a.b"
    assert life.told("unknown", at(900)) is None
    assert life.told("true", at(901)) == ("firing", "data_back")


def test_a_countdown_to_the_end_stands_still_without_data_and_goes_on_after() -> None:
    life = Life(keep_firing_for_seconds=60)
    life.see("true", at(0))
    life.see("false", at(10))
    assert life.told("unknown", at(30)) == ("firing", "no_data")
    assert life.told("unknown", at(100)) is None
    change = life.see("false", at(200))
    assert change is not None
    assert (change.notify, change.incident.reason) == ("clearing", "data again; resolves in 40s")
    assert life.told("false", at(239)) is None
    assert life.told("false", at(240)) == ("resolved", "resolved")


def test_a_condition_that_holds_again_after_missing_data_clears_the_countdown() -> None:
    life = Life(keep_firing_for_seconds=60)
    life.see("true", at(0))
    life.see("false", at(10))
    life.see("unknown", at(30))
    assert life.told("true", at(40)) == ("firing", "held")
    assert life.incident.clear is None


def test_an_alert_whose_data_came_back_clear_starts_its_countdown() -> None:
    life = Life(keep_firing_for_seconds=60)
    life.see("true", at(0))
    life.see("unknown", at(10))
    assert life.told("false", at(20)) == ("firing", "clearing")
    assert life.told("false", at(80)) == ("resolved", "resolved")


def test_a_pending_alert_whose_data_came_back_clear_is_inactive() -> None:
    life = Life(for_seconds=30)
    life.see("true", at(0))
    life.see("unknown", at(10))
    change = life.see("false", at(20))
    assert change is not None
    assert (change.incident.status, change.incident.reason) == ("inactive", "cleared after 10s")


def test_missing_data_counts_as_the_rule_says() -> None:
    assert Life(no_data="alert").told("unknown", at(0)) == ("firing", "new")
    assert Life(no_data="keep").told("unknown", at(0)) is None
    assert Life(no_data="ok").told("unknown", at(0)) is None
    life = Life(no_data="ok")
    life.see("true", at(0))
    assert life.told("unknown", at(1)) == ("resolved", "resolved")


def test_a_rule_that_needs_data_once_is_quiet_until_there_was_some_and_ends_nothing() -> None:
    life = Life(no_data="alert", seen=True)
    assert life.told("unknown", at(0), never_seen=True) is None
    assert life.told("unknown", at(1)) == ("firing", "new")
    assert life.told("unknown", at(2), never_seen=True) == ("firing", "no_data")
    assert life.told("unknown", at(3), never_seen=True) is None


def test_a_rule_in_error_leaves_its_alert_standing_and_says_so_once() -> None:
    life = Life(keep_firing_for_seconds=5)
    assert life.told("error", at(0)) is None
    life.see("true", at(1))
    assert life.told("error", at(2)) == ("firing", "error")
    assert life.incident.error == "boom"
    assert life.told("error", at(3)) is None
    assert life.told("error", at(4), why="bang") == ("firing", "error")
    assert life.told("unknown", at(5)) == ("firing", "no_data")
    assert life.told("error", at(6)) == ("firing", "error")
    assert life.told("true", at(7)) == ("firing", "data_back")
    assert life.incident.error is None


def test_a_change_of_severity_is_told_with_the_message_of_now() -> None:
    life = Life()
    life.see("true", at(0))
    assert life.told("true", at(1), message="other", context={}) is None
    assert life.incident.message == "it is true"
    change = life.see("true", at(2), severity="CRITICAL", message="worse")
    assert change is not None
    assert change.notify == "changed"
    assert change.incident.reason == "WARNING became CRITICAL"
    assert change.incident.message == "worse"


def test_an_alert_for_want_of_data_says_what_it_is_about_once_the_data_is_there() -> None:
    life = Life(no_data="alert")
    assert life.told("unknown", at(0)) == ("firing", "new")
    assert life.told("unknown", at(1)) is None
    change = life.see("true", at(2), message="no tick for 40 s: process_gone", context={"x.y": 4.0})
    assert change is not None
    assert (change.notify, change.incident.status) == ("changed", "firing")
    assert change.incident.message == "no tick for 40 s: process_gone"
    assert change.incident.context == {"x.y": 4.0}
    # That data is missing again is no news: what was told last still stands.
    assert life.told("unknown", at(3)) is None
    assert life.told("true", at(4)) is None


def test_an_alert_that_matured_without_data_is_told_again_with_it() -> None:
    life = Life(no_data="alert", for_seconds=10)
    life.see("true", at(0))
    assert life.told("unknown", at(10)) == ("firing", "new")
    assert life.incident.message == "it is unknown"
    assert life.told("true", at(11)) == ("firing", "changed")
    assert life.incident.message == "it is true"


def test_a_new_trading_day_ends_a_daily_alert_and_its_acknowledgement() -> None:
    life = Life(sessions=Hours(), day=True)
    life.see("true", hour(10))
    taken = acknowledge(life.incident, Ack("asha", 0), hour(10.5))
    life.states = {"r": taken.incident}
    assert life.told("true", hour(14)) is None
    change = life.see("true", hour(24))
    assert change is not None
    assert (change.incident.status, change.notify) == ("resolved", "new_day")
    assert "Over" not in change.incident.message
    assert life.told("true", hour(24.1)) is None
    again = life.see("true", hour(33.5))
    assert again is not None
    assert again.incident.id != change.incident.id
    assert again.incident.ack is None


def test_a_new_trading_day_ends_a_daily_alert_that_never_fired() -> None:
    life = Life(sessions=Hours(), day=True, for_seconds=3600)
    life.see("true", hour(14.5))
    assert life.told("true", hour(33)) == ("inactive", "new_day")


def test_state_and_clocks_stand_still_while_the_rules_clock_is_closed() -> None:
    life = Life(sessions=Hours(), for_seconds=3600, keep_firing_for_seconds=3600)
    assert life.told("true", hour(8)) is None
    life.see("true", hour(14.5))
    assert life.told("false", hour(20)) is None
    assert life.told("true", hour(33.4)) is None
    assert life.told("true", hour(33.5)) == ("firing", "new")
    life.see("false", hour(38.5))
    assert life.told("false", hour(57)) is None
    assert life.told("false", hour(57.5)) == ("resolved", "resolved")


def test_the_wall_clock_never_closes() -> None:
    assert Life(sessions=Hours(), clock="wall").told("true", hour(3)) == ("firing", "new")


def test_a_rule_that_is_gone_takes_its_incident_with_it() -> None:
    for status, seconds in (("resolved", 0), ("inactive", 60)):
        life = Life(for_seconds=seconds)
        life.see("true", at(0))
        states, changes = step(life.states, [], at(1), life.sessions, "main")
        assert states == {}
        assert [(one.incident.status, one.notify) for one in changes] == [(status, "rule_removed")]


def test_an_acknowledgement_says_who_and_why_and_can_be_given_back() -> None:
    life = Life()
    life.see("true", at(0))
    taken = acknowledge(life.incident, Ack("asha", 5, "retraining"), at(1))
    assert taken.notify == "acknowledged"
    assert taken.incident.reason == "acknowledged by asha: retraining"
    assert acknowledge(life.incident, Ack("asha", 5), at(1)).incident.reason.endswith("asha")
    back = unacknowledge(taken.incident, at(2))
    assert (back.notify, back.incident.ack) == ("unacknowledged", None)
    assert back.incident.reason == "acknowledgement of asha withdrawn"
    assert unacknowledge(back.incident, at(3)).incident.reason.endswith("nobody withdrawn")


def test_what_is_over_can_be_neither_taken_nor_given_back() -> None:
    life = Life()
    life.see("true", at(0))
    over = life.see("false", at(1))
    assert over is not None
    with pytest.raises(ValueError, match="resolved"):
        acknowledge(over.incident, Ack("asha", 5), at(2))
    with pytest.raises(ValueError, match="resolved"):
        unacknowledge(over.incident, at(2))


def test_an_acknowledgement_expires_at_its_time() -> None:
    life = Life()
    life.see("true", at(0))
    until = at(100).wall_ms
    life.states = {"r": acknowledge(life.incident, Ack("asha", 5, None, until), at(1)).incident}
    assert life.told("true", at(99.999)) is None
    change = life.see("true", at(100))
    assert change is not None
    assert (change.notify, change.incident.ack) == ("repeat", None)
    assert change.incident.reason == (
        "acknowledgement of asha has expired; still firing after 1m40s"
    )


def test_an_acknowledgement_that_expires_as_the_alert_ends_ends_with_it() -> None:
    life = Life()
    life.see("true", at(0))
    until = at(100).wall_ms
    life.states = {"r": acknowledge(life.incident, Ack("asha", 5, None, until), at(1)).incident}
    assert life.told("false", at(100)) == ("resolved", "resolved")


def test_a_wall_clock_that_is_set_does_not_change_how_long_something_held() -> None:
    life = Life(for_seconds=60)
    life.see("true", at(0))
    later = Instant(at(0).wall_ms - HOUR_MS, at(59).boottime_ns, "b")
    assert life.told("true", later) is None
    later = Instant(at(0).wall_ms + HOUR_MS, at(59.5).boottime_ns, "b")
    assert life.told("true", later) is None
    later = Instant(at(0).wall_ms - HOUR_MS, at(60).boottime_ns, "b")
    assert life.told("true", later) == ("firing", "new")


@pytest.mark.fault("R8")
def test_one_rule_in_error_leaves_the_others_alone() -> None:
    rules = """
    [facts]
    custom.name = { type = "text" }
    [[rule]]
    name = "broken"
    severity = "WARNING"
    when = ["custom.name.matches('(')"]
    message = "m"
    """
    evaluation = Evaluation(load(rules))
    at = Instant(1_760_250_000_000, 0, "b")
    evaluation.take(at, {"custom.name": "x", "risk.daily_loss_pct": -5.0}, {}, 1, 10.0)
    verdicts = evaluation.verdicts(at, {"limits.daily_loss_pct": 2.0})
    states, _ = step({}, verdicts, at, AlwaysOpen("Asia/Kolkata"), "main")

    broken = next(one for one in verdicts if one.rule.name == "broken")
    assert broken.truth == "error"
    assert "regular expression" in broken.why
    assert "broken" not in states
    assert states["daily_loss_exceeded"].status == "firing"
