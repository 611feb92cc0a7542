"""One snapshot after the other against all rules: facts in, verdicts out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from operator import is_

import msgspec

from evaluator.admission import Admission
from evaluator.explanation import Examined, examined
from evaluator.expression import Condition
from evaluator.facts import Fact
from evaluator.group import Group
from evaluator.incident import Scalar
from evaluator.instant import Instant
from evaluator.judgement import Reading
from evaluator.names import base_fact, is_sampled
from evaluator.program import RuleProgram
from evaluator.rules import RuleSet
from evaluator.stats import Stats
from evaluator.verdict import Verdict
from evaluator.view import SPAN_FACTS, Span, View
from evaluator.windows import Frame, sample

__all__ = ["Evaluation", "Verdict"]

_AMBIENT_SOURCES = frozenset({"settings", "scheduler", "clock"})
_SNAPSHOT_AGE, _SNAPSHOT_LIMIT = "collector.snapshot_age_seconds", "limits.snapshot_age_seconds"
_NOTHING: dict[str, Scalar] = {}


class Memory(msgspec.Struct, frozen=True):
    """What an evaluation knows of snapshots that no window reaches: the facts of engine and
    collector that were ever reported, and the last known values of those that it samples.
    """

    seen: frozenset[str]
    before: dict[str, Scalar]


class Evaluation:
    """Holds the newest facts and the sliding windows, and judges every rule on them.

    `misfits` counts by fact the values that were refused: a NaN, an infinity, or a bool or text
    where a number belongs. What a rule doesn't read isn't looked at. `seen` names facts that are
    known to have been reported before the first snapshot that is taken here.

    `terse` leaves out what no incident begins or ends by: the contexts of rules that are clear, and
    what rules say while their clock stands still (they are said to be clear then).
    """

    def __init__(self, rules: RuleSet, seen: Iterable[str] = (), *, terse: bool = False) -> None:
        self.rules = rules
        self.misfits: dict[str, int] = {}
        self._ambient = {fact.name for fact in rules.facts.values() if _is_ambient(fact)}
        # A clock's facts move between snapshots, so the rules that read one are judged apart.
        moving = {fact.name for fact in rules.facts.values() if fact.source == "clock"}
        moving |= {_SNAPSHOT_AGE}
        kinds: dict[tuple[int | None, bool, str], list[RuleProgram]] = {}
        for program in rules.programs:
            # An error is told at any hour.
            clock = program.rule.clock if terse and not program.may_err else "wall"
            kind = program.rule.window_seconds, not moving.isdisjoint(program.names), clock
            kinds.setdefault(kind, []).append(program)
        groups = [
            Group(programs, rules.compiler, self._ambient, terse=terse)
            for programs in kinds.values()
        ]
        self._groups = [
            (seconds, clock, group)
            for (seconds, _, clock), group in zip(kinds, groups, strict=True)
        ]
        self._spans = {
            seconds: Span(
                seconds,
                {
                    name
                    for (of, *_), programs in kinds.items()
                    if of == seconds
                    for one in programs
                    for name in one.names
                },
            )
            for seconds, *_ in kinds
        }
        place = {
            program: (index, number)
            for index, group in enumerate(groups)
            for number, program in enumerate(group.programs)
        }
        self._places = [place[program] for program in rules.programs]
        self._verdicts: tuple[list[list[Verdict]], list[Verdict]] = [], []
        self._windowed = {fact for span in self._spans.values() for fact in span.facts}
        read = {name for group in groups for name in (*group.names.plain, *group.names.windowed)}
        read |= {_SNAPSHOT_AGE, _SNAPSHOT_LIMIT}
        facts = {name: rules.facts[base_fact(name)] for name in sorted(read)}
        self._surroundings = Admission(
            {name: fact.type for name, fact in facts.items() if _is_ambient(fact)}, self.misfits
        )
        raw_types = {name: fact.type for name, fact in facts.items() if not _is_ambient(fact)}
        self._raw = Admission(raw_types, self.misfits)
        self._sampled = [
            (name, fact.type == "counter")
            for name, fact in facts.items()
            if is_sampled(fact) and name in self._windowed
        ]
        self._facts: Mapping[str, Scalar] = {}
        self._before: dict[str, Scalar] = {}
        self._seen: set[str] = {*SPAN_FACTS, *seen} - self._ambient
        # Those too that no rule reads: the next rule file may bring one that does.
        declared = (*raw_types, *(rules.facts.keys() - self._ambient))
        self._unseen = {name: f"last.{base_fact(name)}" for name in declared}
        self._noted: tuple[Collection[str], Collection[str]] = (), ()
        self._wanting: tuple[int, dict[str, tuple[str, ...]]] = (-1, {})

    @property
    def seen(self) -> frozenset[str]:
        """The facts of engine and collector that were ever reported."""
        return frozenset(self._seen - self._ambient)

    def wanting(self) -> dict[str, tuple[str, ...]]:
        """Return the rules that can't hold for want of facts that nobody ever reported, and these.

        A rule that another of its conditions makes false is among them: it is no less dead.
        """
        if self._wanting[0] != len(self._seen):
            found = {one.rule.name: self._wanted(one) for one in self.rules.programs}
            self._wanting = len(self._seen), {rule: facts for rule, facts in found.items() if facts}
        return self._wanting[1]

    def take(
        self,
        at: Instant,
        raw: Mapping[str, object],
        window: Mapping[str, Stats],
        ticks: int,
        seconds: float,
    ) -> None:
        """Take a new snapshot: raw facts by name, the statistics of its window by fact.

        Snapshots come in their order; those of the longest window are taken before the first
        verdict, so that a restart finds its windows full.
        """
        self.take_fitting(at, self._raw.admit(raw), window, ticks, seconds, raw=raw)

    def take_fitting(
        self,
        at: Instant,
        facts: Mapping[str, Scalar],
        window: Mapping[str, Stats],
        ticks: int,
        seconds: float,
        *,
        raw: Mapping[str, object] | None = None,
    ) -> None:
        """Take a new snapshot whose facts are known to be of their types, and finite.

        `raw` says what was ever reported, None: the facts do.
        """
        stats = {fact: window[fact] for fact in self._windowed if fact in window}
        for fact, counts in self._sampled:
            value = facts.get(fact)
            one = None if value is None else sample(value, self._before.get(fact), counts=counts)
            if value is not None and one is not None:
                self._before[fact] = value
                stats[fact] = one
        noted = facts.keys(), stats.keys()
        if raw is not None or noted != self._noted:
            self._note_seen(facts if raw is None else raw, facts, stats)
            self._noted = noted
        self._facts = facts
        frame = Frame(at, at, ticks, seconds, stats)
        for span in self._spans.values():
            span.add(frame)

    def verdicts(
        self, at: Instant, ambient: Mapping[str, object], still: Collection[str] = ()
    ) -> list[Verdict]:
        """Return the verdict of every enabled rule at an instant.

        `ambient` holds the facts that are in no snapshot: limits, session, scheduler, calendar,
        and the snapshot's age. Past its limit, all that engine and collector said is unknown.
        `still` are clocks that stand still, for a terse evaluation.
        The same list is returned for as long as all that the rules read is the same.
        """
        known = self._surroundings.admit(ambient)
        self._seen.update(known)
        stale = _is_past(known.get(_SNAPSHOT_AGE), known.get(_SNAPSHOT_LIMIT))
        facts = _NOTHING if stale else self._facts
        known.update(facts)
        awake = {seconds for seconds, clock, _ in self._groups if clock not in still}
        views = {
            seconds: View(facts, known, None if stale else span.frame(at), self._seen)
            for seconds, span in self._spans.items()
            if seconds in awake
        }
        found = [
            group.asleep if clock in still else group.verdicts(views[seconds])
            for seconds, clock, group in self._groups
        ]
        before, verdicts = self._verdicts
        if len(found) != len(before) or not all(map(is_, found, before)):
            verdicts = [found[group][number] for group, number in self._places]
            self._verdicts = found, verdicts
        return verdicts

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return what an enabled rule's conditions read in the last verdicts, in their order.

        None is unknown. Empty before the first verdicts.
        """
        found = self._judged(rule)
        if found is None:
            return {}
        program, reading = found
        return {name: reading.values.get(name) for name in program.read}

    def examined(self, rule: str) -> tuple[Examined, ...]:
        """Return each condition of an enabled rule as the last verdicts found it.

        Empty before the first verdicts.
        """
        found = self._judged(rule)
        return () if found is None else examined(*found)

    @property
    def memory(self) -> Memory:
        """What it would have to be told, besides the snapshots of the longest window."""
        return Memory(self.seen, dict(self._before))

    def recall(self, memory: Memory) -> None:
        """Go on as one that took the snapshots that the memory is of."""
        self._seen |= memory.seen
        self._before = memory.before | self._before

    def _note_seen(
        self, raw: Mapping[str, object], facts: Mapping[str, Scalar], stats: Mapping[str, Stats]
    ) -> None:
        before = len(self._seen)
        for name, last in self._unseen.items():
            read = facts if name in self._raw.names else raw
            if read.get(name) is not None or name in stats or raw.get(last) is not None:
                self._seen.add(base_fact(name))
        if len(self._seen) != before:
            self._unseen = {
                n: last for n, last in self._unseen.items() if base_fact(n) not in self._seen
            }

    def _judged(self, rule: str) -> tuple[RuleProgram, Reading] | None:
        """Return the program of a rule and what it was judged on, None: it wasn't."""
        for *_, group in self._groups:
            for program in group.programs:
                if program.rule.name == rule and group.reading is not None:
                    return program, group.reading
        return None

    def _wanted(self, program: RuleProgram) -> tuple[str, ...]:
        wanted = (fact for condition in program.when for fact in self._unmet(condition))
        return tuple(dict.fromkeys(wanted))

    def _unmet(self, condition: Condition) -> list[str]:
        """Return the facts for want of which a condition can't hold, none when it can or is off."""
        unmet: list[str] = []
        for alternative in condition.alternatives:
            absent = [one for one in map(base_fact, alternative.ordered) if one not in self._seen]
            if not absent:
                return []
            if self._ambient.isdisjoint(absent):  # else a limit is not set
                unmet += absent
        return unmet


def _is_ambient(fact: Fact) -> bool:
    return fact.source in _AMBIENT_SOURCES


def _is_past(value: Scalar | None, limit: Scalar | None) -> bool:
    return isinstance(value, float) and isinstance(limit, float) and value > limit
