"""From facts to verdicts: unknown, never seen, off, misfits, windows."""

from __future__ import annotations

from typing import Any

import pytest

from evaluator.evaluation import Evaluation
from evaluator.instant import Instant
from evaluator.rules import load
from evaluator.stats import Stats
from evaluator.verdict import Verdict

LIMITS: dict[str, object] = {
    "limits.snapshot_age_seconds": 35.0,
    "collector.snapshot_age_seconds": 1.0,
}


def at(seconds: float) -> Instant:
    return Instant(1_760_000_000_000 + round(seconds * 1000), round(seconds * 1e9), "b")


def rule(when: str, more: str = "") -> str:
    return (
        '[facts]\ncustom.a = { type = "number" }\ncustom.b = { type = "number" }\n'
        'custom.on = { type = "flag" }\ncustom.word = { type = "text" }\n'
        f'[[rule]]\nname = "mine"\nmessage = "a is {{custom.a}}"\nwhen = [{when}]\n'
        + (more if "severity" in more else f'severity = "WARNING"\n{more}')
    )


class One:
    """An evaluation of which one rule of the operator's is looked at."""

    def __init__(self, when: str, more: str = "") -> None:
        self.evaluation = Evaluation(load(rule(when, more)))

    def take(
        self,
        seconds: float = 0,
        window: dict[str, Stats] | None = None,
        ticks: int = 10,
        **facts: Any,
    ) -> None:
        raw = {name.replace("_", ".", 1): value for name, value in facts.items()}
        self.evaluation.take(at(seconds), raw, window or {}, ticks, 10.0)

    def see(self, seconds: float = 0, **ambient: object) -> Verdict:
        given = LIMITS | {name.replace("_", ".", 1): value for name, value in ambient.items()}
        verdicts = self.evaluation.verdicts(at(seconds), given)
        return next(one for one in verdicts if one.rule.name == "mine")

    def truth(self, **facts: Any) -> str:
        self.take(**facts)
        return self.see().truth


@pytest.mark.parametrize(
    ("facts", "truth"),
    [
        ({"custom_a": 2, "custom_b": 2}, "true"),
        ({"custom_a": 2, "custom_b": 0}, "false"),
        ({"custom_a": 0}, "false"),
        ({"custom_a": 2}, "unknown"),
        ({}, "unknown"),
        ({"custom_a": None, "custom_b": 2}, "unknown"),
    ],
)
def test_all_conditions_must_hold_and_one_that_does_not_settles_it(
    facts: dict[str, Any], truth: str
) -> None:
    assert One('"custom.a > 1", "custom.b > 1"').truth(**facts) == truth
    assert One('"custom.a > 1 && custom.b > 1"').truth(**facts) == truth


def test_one_alternative_that_holds_is_enough() -> None:
    mine = One('"custom.a > 1 || custom.b > 1"')
    assert mine.truth(custom_b=2) == "true"
    assert mine.truth(custom_a=0, custom_b=0) == "false"
    assert mine.truth(custom_a=0) == "unknown"


def test_an_alternative_that_was_never_reported_does_not_stand_in_the_way() -> None:
    mine = One('"custom.a > 1 || custom.b > 1"')
    assert mine.truth(custom_a=0) == "false"
    mine.take()
    assert mine.see().truth == "unknown"
    assert not mine.see().never_seen


def test_what_was_never_reported_is_told_apart_from_what_is_missing_now() -> None:
    mine = One('"custom.a > 1"')
    mine.take()
    assert mine.see().why == "no data ever: custom.a"
    assert mine.see().never_seen
    mine.take(custom_a=0)
    mine.take()
    assert mine.see().why == "unknown: custom.a"
    assert not mine.see().never_seen


def test_the_last_known_value_proves_that_a_fact_was_reported_once() -> None:
    mine = One('"custom.a > 1"')
    mine.evaluation.take(at(0), {"last.custom.a": 3.0}, {}, 0, 10.0)
    assert not mine.see().never_seen


def test_the_last_known_value_can_be_read() -> None:
    mine = One('"last.custom.a > 1"')
    mine.evaluation.take(at(0), {"last.custom.a": 3.0}, {}, 0, 10.0)
    assert mine.see().truth == "true"


def test_before_the_first_snapshot_everything_is_unknown() -> None:
    assert One('"window.ticks == 0"').see().truth == "unknown"
    assert One('"custom.a > 1"').see().never_seen


def test_past_its_age_a_snapshot_says_nothing_any_more() -> None:
    mine = One('"custom.a > 1"')
    mine.take(custom_a=2)
    assert mine.see(collector_snapshot_age_seconds=35.0).truth == "true"
    old = mine.see(collector_snapshot_age_seconds=35.1)
    assert (old.truth, old.never_seen) == ("unknown", False)
    windowed = One('"window.ticks > 0 && window.custom.a.max > 1"')
    windowed.take(custom_a=2)
    assert windowed.see().truth == "true"
    assert windowed.see(collector_snapshot_age_seconds=35.1).truth == "unknown"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "2", [2], {"a": 2}])
def test_a_value_of_the_wrong_kind_is_unknown_and_counted(value: object) -> None:
    mine = One('"custom.a > 1"')
    assert mine.truth(custom_a=value) == "unknown"
    assert mine.evaluation.misfits == {"custom.a": 1}


@pytest.mark.parametrize("value", [0.0, 1, "true", "yes"])
def test_a_flag_is_true_or_false_and_nothing_else(value: object) -> None:
    mine = One('"custom.on"')
    assert mine.truth(custom_on=value) == "unknown"
    assert mine.truth(custom_on=True) == "true"
    assert mine.truth(custom_on=False) == "false"


def test_a_text_is_a_text() -> None:
    mine = One("\"custom.word == '3'\"")
    assert mine.truth(custom_word=3) == "unknown"
    assert mine.truth(custom_word="3") == "true"
    assert mine.evaluation.misfits == {"custom.word": 1}


def test_an_engine_can_not_report_a_limit_or_a_session() -> None:
    mine = One('"custom.a > limits.position_value"')
    mine.evaluation.take(at(0), {"custom.a": 9.0, "limits.position_value": 1.0}, {}, 1, 10.0)
    assert mine.see().off


def test_a_rule_whose_limit_is_not_set_is_off_and_says_which() -> None:
    mine = One('"custom.a > limits.position_value", "custom.b > 1"')
    mine.take(custom_a=9)
    verdict = mine.see()
    assert (verdict.truth, verdict.off) == ("false", True)
    assert verdict.why == "limit not set: limits.position_value"


def test_a_condition_on_a_close_that_never_comes_is_off() -> None:
    mine = One('"session.seconds_to_close < 60"')
    assert mine.see().why == "no session.seconds_to_close now"
    assert mine.see(session_seconds_to_close=59).truth == "true"


def test_an_excuse_makes_a_rule_false_and_an_unknown_one_does_not() -> None:
    mine = One('"custom.a > 1"', 'unless = ["custom.on", "custom.b > 1"]')
    mine.take(custom_a=2, custom_b=2)
    assert mine.see().why == "does not apply: custom.b > 1"
    assert mine.truth(custom_a=2) == "true"
    assert mine.truth(custom_a=2, custom_on=False) == "true"
    assert mine.truth(custom_a=2, custom_on=True) == "false"
    assert mine.truth(custom_on=True) == "false"
    assert mine.truth(custom_a=0, custom_on=True) == "false"


def test_a_condition_that_errs_says_so_unless_another_one_settles_it() -> None:
    mine = One('"custom.word.matches(\'(\')", "custom.a > 1"')
    mine.take(custom_word="x", custom_a=2)
    verdict = mine.see()
    assert verdict.truth == "error"
    assert "regular expression" in verdict.why
    assert verdict.message.startswith("mine can't be judged; ")
    assert mine.truth(custom_word="x", custom_a=0) == "false"
    either = One("\"custom.word.matches('(') || custom.a > 1\"")
    assert either.truth(custom_word="x", custom_a=2) == "true"
    assert either.truth(custom_word="x", custom_a=0) == "error"
    assert either.truth(custom_word="x") == "error"


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"custom_a": 2, "custom_b": 5}, "CRITICAL"),
        ({"custom_a": 2, "custom_b": 0}, "WARNING"),
        ({"custom_a": 2}, "CRITICAL"),
        ({"custom_a": 0}, "WARNING"),
        ({}, "CRITICAL"),
    ],
)
def test_severity_is_the_first_that_holds_and_critical_when_that_is_unknown(
    facts: dict[str, Any], severity: str
) -> None:
    table = 'severity = { CRITICAL = "custom.b > 1", WARNING = "custom.b <= 1" }\n'
    mine = One('"custom.a > 1"', f'{table}no_data = "alert"')
    mine.take(**facts)
    assert mine.see().severity == severity


def test_without_a_severity_that_holds_it_is_the_last_one() -> None:
    mine = One('"custom.a > 1"', 'severity = { WARNING = "custom.b > 9", CRITICAL = "false" }')
    mine.take(custom_a=2)
    assert mine.see().severity == "CRITICAL"


def test_message_and_context_show_what_is_known() -> None:
    mine = One('"custom.a > 1", "custom.b > 1"')
    mine.take(custom_a=2.50, custom_b=3)
    assert mine.see().message == "a is 2.5"
    assert mine.see().context == {"custom.a": 2.5, "custom.b": 3.0}
    mine.take(custom_b=3)
    assert mine.see().message == "mine can't be judged; unknown: custom.a"
    assert mine.see().context == {"custom.a": None, "custom.b": 3.0}


def test_a_window_shows_what_happened_between_two_snapshots() -> None:
    mine = One('"window.custom.a.min < 0"')
    mine.take(custom_a=5, window={"custom.a": Stats(count=3, min=-1.0, max=5.0)})
    assert mine.see().truth == "true"


def test_in_a_window_without_a_report_the_known_value_stands() -> None:
    mine = One('"window.custom.a.max > 1", "window.custom.a.count == 0"')
    assert mine.truth(custom_a=2) == "true"
    flag = One('"window.custom.on.any", "window.custom.on.all", "window.custom.on.last == 1"')
    assert flag.truth(custom_on=True) == "true"
    assert flag.truth() == "unknown"


def test_a_statistic_that_the_collector_did_not_gather_is_unknown() -> None:
    mine = One('"window.custom.a.mean > 1"')
    mine.take(custom_a=5, window={"custom.a": Stats(count=3, min=-1.0, max=5.0)})
    assert mine.see().truth == "unknown"


def test_increases_within_a_longer_window_add_up_and_fall_out() -> None:
    mine = One('"window.custom.a.delta >= 3"', 'window = "1m"')

    def rise(seconds: float) -> Verdict:
        one = Stats(count=1, first=1.0, last=1.0, min=1.0, max=1.0, mean=1.0, delta=1.0)
        mine.take(seconds, {"custom.a": one})
        return mine.see(seconds)

    assert [rise(0).truth, rise(20).truth, rise(59.9).truth] == ["false", "false", "true"]
    assert mine.see(59.999).truth == "true"
    assert mine.see(60).truth == "false"
    assert rise(70).truth == "true"
    assert rise(200).truth == "false"


def test_a_longer_window_knows_its_ticks_and_seconds() -> None:
    mine = One('"window.ticks == 25", "window.seconds == 30"', 'window = "1m"')
    for seconds, ticks in ((0, 5), (10, 10), (20, 10)):
        mine.take(seconds, ticks=ticks)
    assert mine.see(20).truth == "true"


def test_the_collectors_own_counters_have_windows_too() -> None:
    mine = One('"window.collector.lines_rejected.delta > 5"', 'window = "1m"')
    for seconds, count in enumerate((100, 103, None, 106)):
        mine.take(seconds * 10, collector_lines_rejected=count)
    assert mine.see(30).truth == "true"
    flag = One('"window.collector.network_up.all"', 'window = "1m"')
    flag.take(collector_network_up=False)
    flag.take(10, collector_network_up=True)
    assert flag.see(10).truth == "false"
    assert flag.see(60).truth == "true"


def test_a_counter_that_fell_was_reset_and_counts_from_zero() -> None:
    mine = One('"window.collector.lines_rejected.delta == 4"', 'window = "1m"')
    mine.take(0, collector_lines_rejected=100)
    mine.take(10, collector_lines_rejected=4)
    assert mine.see(10).truth == "true"


def test_verdicts_come_in_the_order_of_the_rules() -> None:
    evaluation = Evaluation(load(None))
    told = [one.rule.name for one in evaluation.verdicts(at(0), LIMITS)]
    assert told == [one.rule.name for one in evaluation.rules.programs]


def test_what_a_rule_read_can_be_asked_for() -> None:
    mine = One('"custom.a > 5", "custom.b > 1"', 'unless = ["custom.on"]')
    assert mine.evaluation.reading("mine") == {}
    mine.take(custom_a=6)
    mine.see()
    assert mine.evaluation.reading("mine") == {
        "custom.a": 6.0, "custom.b": None, "custom.on": None,
    }  # fmt: skip


def test_each_condition_of_a_rule_is_examined_by_itself() -> None:
    mine = One('"custom.a > 5 || custom.b > 1", "custom.a > 7"', 'unless = ["custom.on"]')
    assert mine.evaluation.examined("mine") == ()
    mine.take(custom_a=6)
    mine.see()
    either, more, unless = mine.evaluation.examined("mine")
    assert (either.role, either.worth) == ("when", "true")
    assert [(one.text, one.worth) for one in either.parts] == [
        ("custom.a > 5", "true"), ("custom.b > 1", "never"),
    ]  # fmt: skip
    assert (more.worth, more.reads, more.parts) == ("false", {"custom.a": 6.0}, ())
    assert (unless.role, unless.worth, unless.reads) == ("unless", "never", {"custom.on": None})


def test_a_condition_that_exhausts_its_budget_of_iterations_is_an_error() -> None:
    endless = "a + b + c + d > custom.a"
    for name in "dcba":
        endless = f"[{', '.join(['1.0'] * 30)}].all({name}, {endless})"
    one = One(f'"{endless}"')
    one.take(custom_a=1.0)
    verdict = one.see()
    assert (verdict.truth, "Iteration budget exceeded" in verdict.why) == ("error", True)
    assert one.evaluation.examined("mine")[0].worth == "error"
