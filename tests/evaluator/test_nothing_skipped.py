"""What is not judged again would have been judged the same."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.evaluation import Evaluation, Memory
from evaluator.instant import Instant
from evaluator.rules import load
from evaluator.stats import Stats
from evaluator.verdict import Verdict

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
SMALL = st.sampled_from([None, -2.0, 0.0, 1.5, 3.0])
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
    st.sets(st.sampled_from([rule.name for rule in RULES.rules])),  # open incidents
)


def ambient(seconds: float, age: float, limit: float | None) -> dict[str, object]:
    return {
        "limits.tick_latency_ms": limit,
        "limits.snapshot_age_seconds": 35.0,
        "collector.snapshot_age_seconds": age,
        "session.open": True,
        "session.seconds_since_open": seconds,
        "scheduler.jobs_failed": 0.0,
    }


def instant(seconds: float) -> Instant:
    return Instant(1_760_000_000_000 + round(seconds * 1000), round(seconds * 1e9), "b")


def take(evaluation: Evaluation, seconds: float, raw: dict[str, Any]) -> None:
    a = raw["custom.a"]
    known = a is not None and not math.isnan(a)  # the collector gathers no others
    stats = {"custom.a": Stats(1, a, a, a, a, a, abs(a))} if known else {}
    evaluation.take(instant(seconds), raw, stats, 1, 10.0)


def bare(verdict: Verdict) -> Verdict:
    return msgspec.structs.replace(verdict, context={})


@given(st.lists(STEPS, min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_an_evaluation_that_skips_says_what_one_says_that_never_looked_before(
    steps: list[Any],
) -> None:
    skipping = Evaluation(RULES)
    taken: list[tuple[float, dict[str, Any]]] = []
    looked: list[tuple[float, float, float | None]] = []
    seconds = 0.0
    for pause, raw, limit, told in steps:
        seconds += pause
        if raw is not None:
            take(skipping, seconds, raw)
            taken.append((seconds, raw))
        age = seconds - taken[-1][0] if taken else seconds
        looked.append((seconds, age, limit))
        found = skipping.verdicts(instant(seconds), ambient(*looked[-1]), told)

        fresh = Evaluation(RULES)
        for at, before in taken:
            take(fresh, at, before)
        fresh.recall(Memory(skipping.memory.seen, {}))
        expected = fresh.verdicts(instant(seconds), ambient(*looked[-1]))

        assert list(map(bare, found)) == list(map(bare, expected))
        for one, other in zip(found, expected, strict=True):
            begins = one.truth == "true" or (one.truth == "unknown" and one.rule.no_data == "alert")
            if one.rule.name in told or (begins and not (one.never_seen and one.rule.seen)):
                assert one.context == other.context


def test_the_same_list_comes_back_while_nothing_that_is_read_changes() -> None:
    evaluation = Evaluation(load(None))
    evaluation.take(instant(0), {}, {}, 0, 10.0)
    first = evaluation.verdicts(instant(1), ambient(1, 1.0, None), {})
    assert evaluation.verdicts(instant(1), ambient(1, 1.0, None), {}) is first
    assert evaluation.verdicts(instant(2), ambient(2, 2.0, None), {}) is not first


def test_a_memory_stands_for_the_snapshots_it_is_of() -> None:
    whole, rest = Evaluation(RULES), Evaluation(RULES)
    first = {"custom.a": 1.0, "breeze.denials": 2.0, "collector.lines_read": 5.0}
    take(whole, 0, {"custom.b": None} | first)
    rest.recall(whole.memory)
    for seconds in (2000, 2010, 2020):
        for one in (whole, rest):
            take(one, seconds, dict.fromkeys(first) | {"collector.lines_read": 9.0})
    facts = ambient(2020, 0.0, None)
    assert whole.verdicts(instant(2020), facts) == rest.verdicts(instant(2020), facts)
    assert whole.memory == rest.memory
