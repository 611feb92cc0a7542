"""One snapshot after the other against all rules: facts in, verdicts out."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from evaluator.explanation import Examined, examined
from evaluator.expression import Condition
from evaluator.facts import Fact, FactType
from evaluator.incident import Scalar, Severity
from evaluator.instant import Instant
from evaluator.judgement import TRUE, Judgement, Reading, Worth, all_of, judge
from evaluator.names import base_fact, is_sampled
from evaluator.program import RuleProgram
from evaluator.rules import RuleSet
from evaluator.stats import Stats
from evaluator.verdict import DOES_NOT_APPLY, NOT_JUDGED, Truth, Verdict
from evaluator.windows import Frame, SlidingWindow, sample, window_values

__all__ = ["Evaluation", "Verdict"]

_AMBIENT_SOURCES = frozenset({"settings", "scheduler", "clock"})
_SNAPSHOT_AGE, _SNAPSHOT_LIMIT = "collector.snapshot_age_seconds", "limits.snapshot_age_seconds"
_TRUTHS: dict[Worth, Truth] = {
    "true": "true",
    "false": "false",
    "off": "false",
    "unknown": "unknown",
    "never": "unknown",
    "error": "error",
}
_SPAN_FACTS = ("window.ticks", "window.seconds")


class _Group:
    """The rules whose `window.*` covers the same span, and the names that they read."""

    def __init__(self, span_seconds: int | None, programs: list[RuleProgram]) -> None:
        self.sliding = None if span_seconds is None else SlidingWindow(span_seconds)
        names = frozenset(name for program in programs for name in program.names)
        wanted: dict[str, list[tuple[str, str]]] = {}
        for name in sorted(names):
            fact = base_fact(name)
            if name.startswith("window.") and fact != name:
                wanted.setdefault(fact, []).append((name.rpartition(".")[2], name))
        self.windowed = {fact: tuple(pairs) for fact, pairs in wanted.items()}
        self.plain = tuple(
            name for name in names if not name.startswith("window.") and name not in _SPAN_FACTS
        )

    def part(self, frame: Frame) -> Frame:
        """Return the frame with the facts of this group alone."""
        stats = {fact: frame.stats[fact] for fact in self.windowed if fact in frame.stats}
        return msgspec.structs.replace(frame, stats=stats)


class Evaluation:
    """Holds the newest facts and the sliding windows, and judges every rule on them.

    `misfits` counts by fact the values that were refused: a NaN, an infinity, or a bool or text
    where a number belongs. What a rule doesn't read isn't looked at. `seen` names facts that are
    known to have been reported before the first snapshot that is taken here.
    """

    def __init__(self, rules: RuleSet, seen: Iterable[str] = ()) -> None:
        self.rules = rules
        self.misfits: dict[str, int] = {}
        self._compiler = rules.compiler
        spans: dict[int | None, list[RuleProgram]] = {}
        for program in rules.programs:
            spans.setdefault(program.rule.window_seconds, []).append(program)
        groups = {span: _Group(span, programs) for span, programs in spans.items()}
        self._groups = list(groups.values())
        order = {span: index for index, span in enumerate(groups)}
        self._programs = [(one, order[one.rule.window_seconds]) for one in rules.programs]
        read = {name for group in self._groups for name in (*group.plain, *group.windowed)}
        read |= {_SNAPSHOT_AGE, _SNAPSHOT_LIMIT}
        self._ambient_types: dict[str, FactType] = {}
        self._raw_types: dict[str, FactType] = {}
        self._sampled: list[str] = []
        for name in sorted(read):
            fact = rules.facts[base_fact(name)]
            ambient = _is_ambient(fact)
            (self._ambient_types if ambient else self._raw_types)[name] = fact.type
            if is_sampled(fact) and any(name in group.windowed for group in self._groups):
                self._sampled.append(name)
        self._windowed = frozenset(fact for group in self._groups for fact in group.windowed)
        self._facts: dict[str, Scalar] = {}
        self._before: dict[str, Scalar] = {}
        self._frame: Frame | None = None
        self._readings: list[Reading] = []
        self._ambient = {fact.name for fact in rules.facts.values() if _is_ambient(fact)}
        self._seen: set[str] = {*_SPAN_FACTS, *seen} - self._ambient
        # Those too that no rule reads: the next rule file may bring one that does.
        declared = (*self._raw_types, *(rules.facts.keys() - self._ambient))
        self._unseen = {name: f"last.{base_fact(name)}" for name in declared}
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
            found = {one.rule.name: self._wanted(one) for one, _ in self._programs}
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
        facts = self._admit(raw, self._raw_types)
        stats = {fact: window[fact] for fact in self._windowed if fact in window}
        for fact in self._sampled:
            value = facts.get(fact)
            counts = self._raw_types[fact] == "counter"
            one = None if value is None else sample(value, self._before.get(fact), counts=counts)
            if value is not None and one is not None:
                self._before[fact] = value
                stats[fact] = one
        self._note_seen(raw, facts, stats)
        self._facts = facts
        self._frame = Frame(at, at, ticks, seconds, stats)
        for group in self._groups:
            if group.sliding is not None:
                group.sliding.add(group.part(self._frame))

    def verdicts(self, at: Instant, ambient: Mapping[str, object]) -> list[Verdict]:
        """Return the verdict of every enabled rule at an instant.

        `ambient` holds the facts that are in no snapshot: limits, session, scheduler, calendar,
        and the snapshot's age. Past its limit, all that engine and collector said is unknown.
        """
        known = self._admit(ambient, self._ambient_types)
        self._seen.update(known)
        stale = _is_past(known.get(_SNAPSHOT_AGE), known.get(_SNAPSHOT_LIMIT))
        if not stale:
            known |= self._facts
        readings = [self._reading(group, at, known, stale=stale) for group in self._groups]
        self._readings = readings
        return [_verdict(program, readings[group]) for program, group in self._programs]

    def _note_seen(
        self, raw: Mapping[str, object], facts: Mapping[str, Scalar], stats: Mapping[str, Stats]
    ) -> None:
        before = len(self._seen)
        for name, last in self._unseen.items():
            read = facts if name in self._raw_types else raw
            if read.get(name) is not None or name in stats or raw.get(last) is not None:
                self._seen.add(base_fact(name))
        if len(self._seen) != before:
            self._unseen = {
                n: last for n, last in self._unseen.items() if base_fact(n) not in self._seen
            }

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

    def reading(self, rule: str) -> dict[str, Scalar | None]:
        """Return what an enabled rule's conditions read in the last verdicts, in their order.

        None is unknown. Empty before the first verdicts.
        """
        return {
            name: self._readings[group].values.get(name)
            for program, group in self._programs
            if program.rule.name == rule and self._readings
            for name in program.read
        }

    def examined(self, rule: str) -> tuple[Examined, ...]:
        """Return each condition of an enabled rule as the last verdicts found it.

        Empty before the first verdicts.
        """
        return tuple(
            one
            for program, group in self._programs
            if program.rule.name == rule and self._readings
            for one in examined(program, self._readings[group])
        )

    def _reading(
        self, group: _Group, at: Instant, known: Mapping[str, Scalar], *, stale: bool
    ) -> Reading:
        """Return what the rules of a group read."""
        values = {name: known[name] for name in group.plain if name in known}
        frame = self._frame if group.sliding is None else group.sliding.sum(at)
        if not stale and frame is not None:
            values |= window_values(frame, group.windowed, known)
            values["window.ticks"] = float(frame.ticks)
            values["window.seconds"] = frame.seconds
        return Reading(self._compiler.activation(values), values, self._seen)

    def _admit(self, raw: Mapping[str, object], types: Mapping[str, FactType]) -> dict[str, Scalar]:
        admitted: dict[str, Scalar] = {}
        for name, type_ in types.items():
            value = raw.get(name)
            if value is None:
                continue
            fitting = _fitting(value, type_)
            if fitting is None:
                self.misfits[name] = self.misfits.get(name, 0) + 1
            else:
                admitted[name] = fitting
        return admitted


def _verdict(program: RuleProgram, reading: Reading) -> Verdict:
    rule = program.rule
    found = all_of(program.when, reading)
    if program.unless and found.worth not in ("false", "off"):
        found = _excused(program, reading) or found
    truth = _TRUTHS[found.worth]
    message, severity = "", program.mildest
    if truth == "true":
        message = program.message.fill(reading.values)
    elif truth != "false":
        message = f"{rule.name} {NOT_JUDGED}; {found.why}"
    if truth == "true" or (truth == "unknown" and rule.no_data == "alert"):
        severity = _severity(program, reading)
    context = dict(zip(program.shown, map(reading.values.get, program.shown), strict=True))
    never_seen, off = found.worth == "never", found.worth == "off"
    clear = _clear(program, found, reading) if program.clear_when else TRUE
    return Verdict(
        rule,
        truth,
        severity,
        message,
        context,
        found.why,
        never_seen,
        off,
        _TRUTHS[clear.worth],
        clear.why,
        _suspected(program, found, reading) if program.suspect_when else False,
    )


def _clear(program: RuleProgram, found: Judgement, reading: Reading) -> Judgement:
    """Return whether a condition that counts as false may be over; an excuse always ends it."""
    plainly_false = found.worth == "false" and not found.why
    if not plainly_false and (found.worth != "unknown" or program.rule.no_data != "ok"):
        return TRUE
    clear = all_of(program.clear_when, reading)
    if clear.worth == "off" or _excused(program, reading) is not None:
        return TRUE
    return clear


def _suspected(program: RuleProgram, found: Judgement, reading: Reading) -> bool:
    return found is not TRUE and all_of(program.suspect_when, reading) is TRUE


def _excused(program: RuleProgram, reading: Reading) -> Judgement | None:
    """Return why the rule does not apply; an excuse that is itself unknown is none."""
    for condition in program.unless:
        if judge(condition, reading) is TRUE:
            return Judgement("false", f"{DOES_NOT_APPLY}: {condition.text}")
    return None


def _severity(program: RuleProgram, reading: Reading) -> Severity:
    """Return the first severity that holds; CRITICAL also when that can't be known."""
    for severity, condition in program.severities:
        worth = judge(condition, reading).worth
        if worth == "true" or (severity == "CRITICAL" and worth not in ("false", "off")):
            return severity
    return program.mildest


def _fitting(value: object, type_: FactType) -> Scalar | None:
    """Return the value as its type wants it, None when it is not of it.

    The compiler's library takes a bool for a number without a word and compares it wrongly.
    """
    if type_ == "text":
        return value if isinstance(value, str) else None
    if type_ == "flag":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _is_ambient(fact: Fact) -> bool:
    return fact.source in _AMBIENT_SOURCES


def _is_past(value: Scalar | None, limit: Scalar | None) -> bool:
    return isinstance(value, float) and isinstance(limit, float) and value > limit
