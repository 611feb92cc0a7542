"""Dead rules: those that can't hold for want of facts that nobody ever reported."""

from __future__ import annotations

from evaluator.evaluation import Evaluation
from evaluator.instant import Instant
from evaluator.rules import load

AT = Instant(1_760_000_000_000, 10**12, "b")
AMBIENT: dict[str, object] = {
    "limits.snapshot_age_seconds": 35.0,
    "collector.snapshot_age_seconds": 1.0,
}


def evaluation(when: str, *seen: str) -> Evaluation:
    rules = load(
        '[facts]\ncustom.a = { type = "number" }\ncustom.b = { type = "number" }\n'
        f'[[rule]]\nname = "mine"\nmessage = "m"\nseverity = "WARNING"\nwhen = [{when}]\n'
    )
    found = Evaluation(rules, seen)
    found.verdicts(AT, AMBIENT)
    return found


def wanted(found: Evaluation) -> tuple[str, ...]:
    return found.wanting().get("mine", ())


def take(found: Evaluation, raw: dict[str, object]) -> None:
    found.take(AT, raw, {}, 1, 10.0)


def test_a_rule_whose_fact_was_never_reported_wants_it() -> None:
    assert wanted(evaluation('"custom.a > 1", "custom.a > custom.b"')) == ("custom.a", "custom.b")


def test_a_rule_that_another_condition_makes_false_is_dead_all_the_same() -> None:
    found = evaluation('"orders.open > 0", "custom.a > 1"')
    take(found, {"orders.open": 0.0})
    (verdict,) = [one for one in found.verdicts(AT, AMBIENT) if one.rule.name == "mine"]
    assert verdict.truth == "false"
    assert wanted(found) == ("custom.a",)


def test_a_rule_with_another_way_to_hold_wants_nothing() -> None:
    found = evaluation('"custom.a > 1 || orders.open > 0"')
    take(found, {"orders.open": 0.0})
    assert wanted(found) == ()


def test_a_rule_whose_limit_is_not_set_is_off_and_not_dead() -> None:
    assert wanted(evaluation('"custom.a > limits.positions_count"')) == ()


def test_what_is_left_beside_a_limit_that_is_not_set_decides() -> None:
    both = '"orders.open > limits.positions_count || custom.a > 1"'
    assert wanted(evaluation(both)) == ("custom.a",)


def test_a_fact_reported_once_is_never_wanted_again() -> None:
    found = evaluation('"custom.a > 1"')
    take(found, {"custom.a": 2.0})
    assert wanted(found) == ()
    take(found, {})
    assert wanted(found) == ()


def test_what_was_seen_before_a_restart_stays_seen() -> None:
    assert wanted(evaluation('"custom.a > 1"', "custom.a")) == ()


def test_a_fact_that_the_snapshot_knows_as_last_was_seen() -> None:
    found = evaluation('"custom.a > 1"')
    take(found, {"custom.a": None, "last.custom.a": 3.0})
    assert wanted(found) == ()


def test_facts_that_no_rule_reads_are_seen_too_and_settings_are_not_among_them() -> None:
    found = evaluation('"custom.a > 1"')
    take(found, {"custom.b": 1.0, "sentiment.cache_hit_rate": 0.5, "orders.open": None})
    assert {"custom.b", "sentiment.cache_hit_rate"} <= found.seen
    assert not {"orders.open", "custom.a", "limits.snapshot_age_seconds"} & found.seen


def test_facts_that_are_reported_again_are_no_news() -> None:
    found = evaluation('"custom.a > 1"')
    for value in (0.0, 2.0):
        found.take_fitting(AT, {"custom.a": value}, {}, 1, 10.0)
    assert wanted(found) == ()
