"""A log that was cut by restarts at any moments is the log of one life without any."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluator.acknowledgement import acknowledge, unacknowledge
from evaluator.flapping import over
from evaluator.incident import Ack, Severity, Transition
from evaluator.instant import Instant
from evaluator.lifecycle import Standing, step
from evaluator.rules import Rule
from evaluator.silence import Silence, expired
from evaluator.verdict import Truth, Verdict
from monitoring.alert_entry import LineMaker, Notice, of_silence
from monitoring.alert_fold import Folded, absorb
from monitoring.alert_line import AlertLine
from monitoring.calendar import AlwaysOpen

SESSIONS = AlwaysOpen("Asia/Kolkata")
BEGIN_MS = 1_760_000_000_000


def rule(name: str, **fields: Any) -> Rule:
    given = {"name": name, "severity": "WARNING", "when": ("true",), "message": "m"} | fields
    return Rule(**given)


RULES = (
    rule("root", for_seconds=20, keep_firing_for_seconds=30),
    rule("middle", inhibited_by=("root",), keep_firing_for_seconds=60, no_data="alert"),
    rule("leaf", inhibited_by=("middle", "root"), clear_when=("true",), day=True),
    rule("lone", remind_seconds=(30, 90), no_data="ok", clear_when=("true",)),
)
TRUTH: st.SearchStrategy[Truth] = st.sampled_from(["true", "true", "false", "unknown", "error"])
SEEN = st.fixed_dictionaries(
    {
        one.name: st.tuples(TRUTH, st.sampled_from(["WARNING", "CRITICAL"]), TRUTH, st.booleans())
        for one in RULES
    }
)
NAMES = st.sampled_from([one.name for one in RULES])
MOVES = st.one_of(
    st.tuples(st.just("see"), SEEN),
    st.tuples(st.just("see"), SEEN),
    st.tuples(st.just("ack"), NAMES, st.one_of(st.none(), st.integers(1, 200))),
    st.tuples(st.just("unack"), NAMES),
    st.tuples(st.just("silence"), NAMES, st.integers(1, 300)),
    st.tuples(st.just("quiet"), st.sampled_from(["WARNING", "CRITICAL"]), st.integers(1, 300)),
    st.tuples(st.just("expire"), st.integers(0, 3)),
)
STORY = st.lists(
    st.tuples(st.sampled_from([1, 5, 10, 31, 130, 901, 3601]), MOVES), min_size=1, max_size=40
)


class Life:
    """A scheduler's share: what stands, and its log as the bytes that a restart reads."""

    def __init__(self) -> None:
        self.log: list[bytes] = []
        self._maker = LineMaker("main", "Asia/Kolkata")
        self._seq = 0
        self.restart()

    def restart(self) -> None:
        """Know nothing but the log."""
        folded = Folded(states={}, silences={}, past={}, faults=[], holding=[])
        for line in self.log:
            absorb(folded, msgspec.json.decode(line, type=AlertLine))
        self.states, self.silences, self.past = folded.states, folded.silences, folded.past

    def write(self, entries: list[Transition | Notice], at: Instant) -> None:
        for entry in entries:
            line = self._maker.entry(entry, at, 1, None)
            self._seq += 1
            line.seq = self._seq
            self.log.append(msgspec.json.encode(line))

    def see(self, seen: dict[str, tuple[Truth, Severity, Truth, bool]], at: Instant) -> None:
        verdicts = [
            Verdict(
                one,
                truth,
                severity,
                f"m {at.wall_ms}",
                {"a.b": 1.0},
                "why",
                clear=clear,
                suspected=suspected and truth != "true",
            )
            for one in RULES
            for truth, severity, clear, suspected in [seen[one.name]]
        ]
        ended = expired(self.silences.values(), at.wall_ms)
        for one in ended:
            del self.silences[one.id]
        standing = Standing(tuple(self.silences.values()), self.past)
        self.states, changes = step(self.states, verdicts, at, SESSIONS, "main", standing=standing)
        self.past |= over(changes)
        self.write([of_silence(one, "expired", "over") for one in ended], at)
        self.write(list(changes), at)

    def ask(self, move: tuple[Any, ...], number: int, at: Instant) -> None:
        incident = self.states.get(str(move[1]))
        if move[0] == "ack" and incident is not None and incident.ack is None:
            until_ms = None if move[2] is None else at.wall_ms + move[2] * 1000
            taken = acknowledge(incident, Ack("asha", at.wall_ms, "why", until_ms), at)
            self._stand([taken], at)
        elif move[0] == "unack" and incident is not None:
            self._stand([unacknowledge(incident, at)], at)
        elif move[0] in ("silence", "quiet"):
            fields = {"rule": move[1]} if move[0] == "silence" else {"severity": move[1]}
            ends_ms = at.wall_ms + move[2] * 1000
            one = Silence(
                id=f"s{number}", by="asha", starts_ms=at.wall_ms, ends_ms=ends_ms, **fields
            )
            self.silences[one.id] = one
            self.write([of_silence(one, "active", "quiet")], at)
        elif move[0] == "expire" and len(self.silences) > move[1]:
            one = self.silences.pop(sorted(self.silences)[move[1]])
            self.write([of_silence(one, "ended", "enough")], at)

    def _stand(self, changes: list[Transition], at: Instant) -> None:
        for one in changes:
            self.states[one.incident.rule] = one.incident
        self.write(list(changes), at)


def live(story: list[tuple[int, tuple[Any, ...]]], restarts: set[int], twice: bool) -> Life:
    life = Life()
    seconds = 0
    for number, (gap, move) in enumerate(story):
        seconds += gap
        at = Instant(BEGIN_MS + seconds * 1000, seconds * 1_000_000_000, "b")
        if move[0] == "see":
            life.see(move[1], at)
            if twice:
                life.restart()
                life.see(move[1], at)
        else:
            life.ask(move, number, at)
        if number in restarts:
            life.restart()
    return life


@settings(max_examples=200)
@given(STORY, st.sets(st.integers(0, 39), min_size=1))
def test_the_log_after_restarts_at_any_moments_is_that_of_an_undisturbed_life(
    story: list[tuple[int, tuple[Any, ...]]], restarts: set[int]
) -> None:
    assert live(story, restarts, twice=False).log == live(story, set(), twice=False).log


@settings(max_examples=100)
@given(STORY)
def test_an_evaluation_that_is_repeated_after_a_restart_changes_nothing(
    story: list[tuple[int, tuple[Any, ...]]],
) -> None:
    assert live(story, set(), twice=True).log == live(story, set(), twice=False).log


@settings(max_examples=100)
@given(STORY)
def test_who_was_told_that_it_fires_is_told_of_its_end_and_nobody_else(
    story: list[tuple[int, tuple[Any, ...]]],
) -> None:
    told: set[str] = set()
    for raw in live(story, set(), twice=False).log:
        line = msgspec.json.decode(raw, type=AlertLine)
        if line.status == "firing" and line.notify in ("new", "changed", "repeat", "acknowledged"):
            told.add(line.id)
            assert line.notify == "acknowledged" or line.suppressed_by is None
        if line.status == "resolved":
            assert (line.notify == "untold") == (line.id not in told), line


def test_flapping_is_counted_over_restarts() -> None:
    calm = {one.name: ("false", "WARNING", "true", False) for one in RULES}
    fires = calm | {"lone": ("true", "WARNING", "true", False)}
    story: list[tuple[int, tuple[Any, ...]]] = [(60, ("see", fires)), (60, ("see", calm))] * 4
    log = live(story, set(range(8)), twice=False).log
    assert log == live(story, set(), twice=False).log
    assert msgspec.json.decode(log[-1], type=AlertLine).clock.flapping
