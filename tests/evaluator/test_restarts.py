"""Properties: the same again, over any restart, with any sequence of verdicts."""

from __future__ import annotations

from typing import Literal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from evaluator.incident import Ack, Incident, States, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import acknowledge, step
from evaluator.rules import NoData, Rule
from evaluator.stats import Stats, merge
from evaluator.verdict import Truth, Verdict
from evaluator.windows import Frame, SlidingWindow, joined
from monitoring.calendar import AlwaysOpen

SESSIONS = AlwaysOpen("Asia/Kolkata")
TRUTHS: st.SearchStrategy[Truth] = st.sampled_from(["true", "false", "unknown", "error"])
TURNS = st.lists(
    st.tuples(TRUTHS, st.sampled_from(["WARNING", "CRITICAL"]), st.integers(1, 100), st.booleans()),
    min_size=1,
    max_size=30,
)
RULES = st.builds(
    Rule,
    name=st.just("r"),
    severity=st.just("WARNING"),
    when=st.just(("true",)),
    message=st.just("m"),
    for_seconds=st.sampled_from([0, 30, 120]),
    keep_firing_for_seconds=st.sampled_from([0, 30, 120]),
    no_data=st.sampled_from(["alert", "keep", "ok"]),
    seen=st.booleans(),
    day=st.booleans(),
)
Turn = tuple[Truth, Literal["WARNING", "CRITICAL"], int, bool]


def restarted(states: States) -> States:
    """Return what is left of the states when they went through the log."""
    return msgspec.json.decode(msgspec.json.encode(states), type=dict[str, Incident])


def play(
    rule: Rule, turns: list[Turn], restart_after: int | None = None, day_ms: int = 3_600_000
) -> tuple[States, list[Transition]]:
    states: States = {}
    log: list[Transition] = []
    wall_ms = 1_760_000_000_000
    boottime_ns = 0
    for index, (truth, severity, seconds, flag) in enumerate(turns):
        wall_ms += seconds * (day_ms if flag and index % 9 == 8 else 1000)
        boottime_ns += seconds * 1_000_000_000
        now = Instant(wall_ms, boottime_ns, "b")
        verdict = Verdict(rule, truth, severity, f"m {index}", {"a.b": 1.0}, "why", flag)
        states, changes = step(states, [verdict], now, SESSIONS, "main")
        log += changes
        if flag and "r" in states and states["r"].ack is None:
            ack = Ack("asha", now.wall_ms, None, now.wall_ms + 60_000)
            log.append(acknowledge(states["r"], ack, now))
            states = {"r": log[-1].incident}
        if index == restart_after:
            states = restarted(states)
    return states, log


@given(RULES, TURNS)
def test_the_same_verdicts_make_the_same_log(rule: Rule, turns: list[Turn]) -> None:
    assert play(rule, turns) == play(rule, turns)


@given(RULES, TURNS, st.integers(0, 29))
def test_a_restart_at_any_point_changes_nothing(rule: Rule, turns: list[Turn], when: int) -> None:
    assert play(rule, turns) == play(rule, turns, restart_after=when)


@given(RULES, TURNS)
def test_the_log_alone_tells_the_state(rule: Rule, turns: list[Turn]) -> None:
    states, log = play(rule, turns)
    folded = {one.incident.rule: one.incident for one in log}
    assert states == {
        name: one for name, one in folded.items() if one.status in ("pending", "firing")
    }


@given(RULES, TURNS)
def test_each_incident_has_a_name_of_its_own_and_one_end(rule: Rule, turns: list[Turn]) -> None:
    _, log = play(rule, turns)
    ended: set[str] = set()
    for one in log:
        assert one.incident.id not in ended
        if one.incident.status in ("resolved", "inactive"):
            ended.add(one.incident.id)
    assert len({one.incident.active_at for one in log}) == len({one.incident.id for one in log})


@given(RULES, TURNS)
def test_missing_data_ends_nothing_while_the_state_is_kept(rule: Rule, turns: list[Turn]) -> None:
    no_data: NoData = "keep"
    kept = msgspec.structs.replace(rule, no_data=no_data, day=False)
    states: States = {}
    for index, (truth, severity, seconds, flag) in enumerate(turns):
        now = Instant(1_760_000_000_000 + index * 200_000, index * 200_000_000_000 + seconds, "b")
        verdict = Verdict(kept, truth, severity, "m", {}, "why", flag)
        before, (states, _) = states, step(states, [verdict], now, SESSIONS, "main")
        if truth in ("unknown", "error"):
            assert states.keys() == before.keys()
            assert [one.status for one in states.values()] == [
                one.status for one in before.values()
            ]


def at(seconds: int) -> Instant:
    return Instant(1_760_000_000_000 + seconds * 1000, seconds * 1_000_000_000, "b")


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(-9, 9)), max_size=60), st.integers(1, 99))
def test_a_sliding_window_is_the_sum_of_what_lies_in_it(
    steps: list[tuple[int, int]], span: int
) -> None:
    window = SlidingWindow(span)
    frames: list[tuple[int, Frame]] = []
    seconds = 0
    for gap, number in steps:
        seconds += gap
        value = float(number)
        one = Stats(
            count=1, first=value, last=value, min=value, max=value, mean=value, delta=abs(value)
        )
        frame = Frame(at(seconds), at(seconds), 1, float(gap), {"a": one} if number else {})
        frames.append((seconds, frame))
        window.add(frame)
        expected: Frame | None = None
        for then, kept in frames:
            if seconds + 3 - then < span:
                expected = kept if expected is None else joined(expected, kept)
        found = window.sum(at(seconds + 3))
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert (found.ticks, found.seconds) == (expected.ticks, expected.seconds)
            assert found.stats.keys() == expected.stats.keys()
            for fact, stats in found.stats.items():
                told = msgspec.structs.replace(stats, mean=expected.stats[fact].mean)
                assert told == expected.stats[fact]
                assert abs((stats.mean or 0) - (expected.stats[fact].mean or 0)) < 1e-9


def test_a_long_window_keeps_a_bounded_number_of_pieces() -> None:
    window = SlidingWindow(3600)
    for tenths in range(36_000):
        now = Instant(1_760_000_000_000 + tenths * 100, tenths * 100_000_000, "b")
        window.add(Frame(now, now, 1, 0.1, {}))
    whole = window.sum(now)
    assert whole is not None
    assert whole.ticks == 36_000
    assert window.pieces <= 722


def test_statistics_of_adjoining_windows_are_merged() -> None:
    one = Stats(count=1, first=1.0, last=1.0, min=1.0, max=1.0, mean=1.0, delta=1.0)
    two = Stats(count=3, first=2.0, last=4.0, min=2.0, max=4.0, mean=3.0, delta=2.0)
    assert merge(one, two) == Stats(
        count=4, first=1.0, last=4.0, min=1.0, max=4.0, mean=2.5, delta=3.0
    )
    on = Stats(count=2, last=1.0, any=True, all=True)
    off = Stats(count=1, last=0.0, any=False, all=False)
    assert merge(on, off) == Stats(count=3, last=0.0, any=True, all=False)
    assert merge(on, two) == two
