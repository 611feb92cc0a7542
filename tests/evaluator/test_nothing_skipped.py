"""What is not judged again would have been judged the same."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from evaluator.evaluation import Evaluation, Memory
from evaluator.instant import Instant
from evaluator.rules import load
from evaluator.stats import Stats
from evaluator.turn import begins

OWN = """
[facts]
custom.a = { type = "number" }
custom.b = { type = "number" }
custom.word = { type = "text" }

[[rule]]
name = "plain"
severity = { CRITICAL = "custom.b > 1", WARNING = "true" }
when = ["custom.a > 1 || custom.b < -1", "!market_data.halted"]
message = "{custom.a} {window.custom.a.max}"
context = ["custom.b", "window.custom.a.min", "session.open"]

[[rule]]
name = "for_cel"
severity = "WARNING"
when = ["custom.a / custom.b > 1"]
no_data = "alert"
message = "{custom.word}"

[[rule]]
name = "excused"
severity = "WARNING"
when = ["custom.a > 0"]
unless = ["custom.word == 'no'"]
seen = true
no_data = "alert"
message = "x"

[[rule]]
name = "hysteresis"
severity = { CRITICAL = "custom.a / custom.b > 0", WARNING = "true" }
when = ["custom.a > 1"]
unless = ["custom.word == 'no'", "custom.a / custom.b < 0"]
clear_when = ["custom.a < 0 || custom.b > limits.tick_latency_ms", "custom.b / custom.a > -2"]
suspect_when = ["custom.a > 0", "window.custom.a.count >= 1"]
no_data = "ok"
message = "{custom.a}"
resolved_message = "{custom.a} beside {custom.b}, {window.custom.b.last}"
onset = "custom.b"
context = []

[[rule]]
name = "suspected_by_the_clock"
severity = "CRITICAL"
when = ["session.seconds_since_open > 60", "custom.b > 1"]
suspect_when = ["session.seconds_since_open > 15", "custom.b > -3"]
message = "{session.seconds_since_open}"

[[rule]]
name = "before_the_open"
severity = { CRITICAL = "session.seconds_to_open <= 20", WARNING = "true" }
when = ["!session.open", "preflight.no_go >= 1"]
clear_when = ["preflight.no_go == 0.0 || session.open"]
no_data = "ok"
message = "{preflight.reasons}"

[[rule]]
name = "errs"
severity = "WARNING"
when = ["custom.word.matches(custom.word)"]
message = "x"

[[rule]]
name = "by_the_clock"
severity = "WARNING"
when = ["session.seconds_since_open > 20 || custom.a > limits.tick_latency_ms"]
message = "x"

[[rule]]
name = "windowed"
severity = "WARNING"
when = ["window.custom.a.delta > 1", "window.seconds > 15"]
window = "30s"
message = "{window.custom.a.delta}"

[[rule]]
name = "sampled"
severity = "WARNING"
when = ["window.breeze.denials.max >= 1 || window.collector.lines_read.delta > 3"]
window = "20s"
message = "{window.breeze.denials.max}"
"""
RULES = load(OWN)
PLAINLY = load(OWN)
"""The same rules, all of them for CEL."""
for _program in PLAINLY.programs:
    for _condition in (
        *_program.when,
        *_program.unless,
        *_program.clear_when,
        *_program.suspect_when,
        *(one for _, one in _program.severities),
    ):
        for _alternative in (_condition.whole, *_condition.alternatives):
            _alternative.plain = None
SMALL = st.sampled_from([None, -2.0, -0.0, 0.0, 1.5, 3.0])
SNAPSHOTS = st.fixed_dictionaries(
    {
        "custom.a": SMALL | st.just(float("nan")),
        "custom.b": SMALL | st.just(2) | st.just(True),
        "custom.word": st.sampled_from([None, "no", "yes", "(", 3.0]),
        "market_data.halted": st.sampled_from([None, False, True]),
        "breeze.denials": SMALL,
        "collector.lines_read": st.sampled_from([1.0, 4.0, 9.0]),
    }
)
STEPS = st.tuples(
    st.sampled_from([0, 5, 10, 25, 40]),  # seconds until it
    SNAPSHOTS | st.none(),  # a snapshot, or only a look
    st.sampled_from([None, 2.0]),  # a limit that may be set
    st.sampled_from([None, 0.0, 2.0]),  # what keeps from going, before the open
)


def ambient(
    seconds: float, age: float, limit: float | None, no_go: float | None
) -> dict[str, object]:
    facts: dict[str, object] = {
        "limits.tick_latency_ms": limit,
        "limits.snapshot_age_seconds": 35.0,
        "collector.snapshot_age_seconds": age,
        "session.open": no_go is None,
        "session.seconds_since_open": seconds if no_go is None else None,
        "session.seconds_to_open": 100 - seconds,
        "scheduler.jobs_failed": 0.0,
    }
    return facts if no_go is None else facts | {"preflight.no_go": no_go, "preflight.reasons": "x"}


def instant(seconds: float) -> Instant:
    return Instant(1_760_000_000_000 + round(seconds * 1000), round(seconds * 1e9), "b")


def take(evaluation: Evaluation, seconds: float, raw: dict[str, Any]) -> None:
    a = raw["custom.a"]
    known = a is not None and not math.isnan(a)  # the collector gathers no others
    stats = {"custom.a": Stats(1, a, a, a, a, a, abs(a))} if known else {}
    evaluation.take(instant(seconds), raw, stats, 1, 10.0)


@given(st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
def test_an_evaluation_that_skips_says_what_one_says_that_never_looked_before(
    steps: list[Any],
) -> None:
    skipping = Evaluation(RULES)
    taken: list[tuple[float, dict[str, Any]]] = []
    seconds = 0.0
    for pause, raw, limit, no_go in steps:
        seconds += pause
        if raw is not None:
            take(skipping, seconds, raw)
            taken.append((seconds, raw))
        age = seconds - taken[-1][0] if taken else seconds
        facts = ambient(seconds, age, limit, no_go)
        found = skipping.verdicts(instant(seconds), facts)

        fresh = Evaluation(PLAINLY)
        for at, before in taken:
            take(fresh, at, before)
        fresh.recall(Memory(skipping.memory.seen, {}))
        expected = fresh.verdicts(instant(seconds), facts)

        assert repr(found) == repr(expected)
        for rule in RULES.rules:
            assert repr(skipping.reading(rule.name)) == repr(fresh.reading(rule.name))


def test_the_same_list_comes_back_while_nothing_that_is_read_changes() -> None:
    evaluation = Evaluation(load(None))
    evaluation.take(instant(0), {}, {}, 0, 10.0)
    first = evaluation.verdicts(instant(1), ambient(1, 1.0, None, None))
    assert evaluation.verdicts(instant(1), ambient(1, 1.0, None, None)) is first
    assert evaluation.verdicts(instant(2), ambient(2, 2.0, None, None)) is not first


def test_a_memory_stands_for_the_snapshots_it_is_of() -> None:
    whole, rest = Evaluation(RULES), Evaluation(RULES)
    first = {"custom.a": 1.0, "breeze.denials": 2.0, "collector.lines_read": 5.0}
    take(whole, 0, {"custom.b": None} | first)
    rest.recall(whole.memory)
    for seconds in (2000, 2010, 2020):
        for one in (whole, rest):
            take(one, seconds, dict.fromkeys(first) | {"collector.lines_read": 9.0})
    facts = ambient(2020, 0.0, None, None)
    assert whole.verdicts(instant(2020), facts) == rest.verdicts(instant(2020), facts)
    assert whole.memory == rest.memory


@given(st.lists(STEPS, min_size=1, max_size=12), st.lists(st.booleans(), min_size=12, max_size=12))
@settings(max_examples=80, deadline=None)
def test_a_terse_evaluation_leaves_out_only_what_no_incident_begins_or_ends_by(
    steps: list[Any], closed: list[bool]
) -> None:
    whole, terse = Evaluation(RULES), Evaluation(RULES, terse=True)
    may_err = {program.rule.name for program in RULES.programs if program.may_err}
    seconds = 0.0
    for (pause, raw, limit, no_go), asleep in zip(steps, closed, strict=False):
        seconds += pause
        if raw is not None:
            take(whole, seconds, raw)
            take(terse, seconds, raw)
        facts = ambient(seconds, pause, limit, no_go)
        still = ("session",) if asleep else ()
        found = terse.verdicts(instant(seconds), facts, still)
        for one, full in zip(found, whole.verdicts(instant(seconds), facts), strict=True):
            if one.rule.clock in still and one.rule.name not in may_err:
                assert full.truth != "error"
                assert not begins(one)
            elif begins(full):
                assert repr(one) == repr(full)
            else:
                assert repr(replace(one, context={})) == repr(replace(full, context={}))
