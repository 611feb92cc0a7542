"""Rules that read the same window: judged together, and only when what they read has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from evaluator.expression import Compiler, Condition
from evaluator.incident import Scalar, Severity
from evaluator.judgement import TRUE, Judgement, Reading, Worth, all_of, is_off, judge, lacks_choice
from evaluator.names import base_fact
from evaluator.plain import Plain
from evaluator.program import RuleProgram
from evaluator.verdict import Truth, Verdict
from evaluator.windows import Frame, window_values

SPAN_FACTS = ("window.ticks", "window.seconds")
_TRUTHS: dict[Worth, Truth] = {
    "true": "true",
    "false": "false",
    "off": "false",
    "unknown": "unknown",
    "never": "unknown",
    "error": "error",
}


class Names:
    """Names that rules read: plain ones, and of which facts they read which statistics."""

    def __init__(self, names: Iterable[str]) -> None:
        wanted: dict[str, list[tuple[str, str]]] = {}
        plain = []
        for name in sorted(names):
            if not name.startswith("window."):
                plain.append(name)
            elif name not in SPAN_FACTS:
                wanted.setdefault(base_fact(name), []).append((name.rpartition(".")[2], name))
        self.plain = tuple(plain)
        self.windowed = {fact: tuple(pairs) for fact, pairs in wanted.items()}

    def values(self, known: Mapping[str, Scalar], frame: Frame | None) -> dict[str, Scalar]:
        """Return what is known of them; without a frame nothing is known of the window."""
        values = {name: known[name] for name in self.plain if name in known}
        if frame is not None:
            values |= self.of_window(known, frame)
        return values

    def of_window(self, known: Mapping[str, Scalar], frame: Frame) -> dict[str, Scalar]:
        """Return `window.*` of these names."""
        values = window_values(frame, self.windowed, known)
        values["window.ticks"] = float(frame.ticks)
        values["window.seconds"] = frame.seconds
        return values


class View:
    """What is known at one instant: facts of the snapshot, all facts by name, the window's frame.

    `facts` and `frame` are the same objects for as long as there is nothing newer. `frame` None:
    nothing is known of the window. `seen` are the facts that were ever reported.
    """

    __slots__ = ("_window", "facts", "frame", "known", "seen")

    def __init__(
        self,
        facts: Mapping[str, Scalar],
        known: Mapping[str, Scalar],
        frame: Frame | None,
        seen: AbstractSet[str],
    ) -> None:
        self.facts = facts
        self.known = known
        self.frame = frame
        self.seen = seen
        self._window: dict[str, Scalar] | None = None

    def get(self, name: str, names: Names) -> Scalar | None:
        """Return the value of one of the names, None when it is unknown."""
        if not name.startswith("window."):
            return self.known.get(name)
        if self.frame is None:
            return None
        if self._window is None:
            self._window = names.of_window(self.known, self.frame)
        return self._window.get(name)


class Group:
    """Rules whose `window.*` covers the same span. `ambient` are names that are in no snapshot.

    `quiet`: none of the last verdicts begins an incident, or is an error.
    """

    def __init__(
        self, programs: list[RuleProgram], compiler: Compiler, ambient: Collection[str]
    ) -> None:
        self.programs = programs
        self.quiet = False
        self.names = Names({name for program in programs for name in program.names})
        self._judged = Names({name for program in programs for name in program.judged})
        self._ambient = tuple(name for name in self.names.plain if name in ambient)
        self._rules = frozenset(program.rule.name for program in programs)
        self._compiler = compiler
        self._plain: list[tuple[int, tuple[tuple[Plain, ...], ...]]] = []
        self._others: list[int] = []
        self._known: AbstractSet[str] | None = None
        self._calm = [Verdict(one.rule, "false", one.mildest, "", {}) for one in programs]
        self._last: dict[RuleProgram, tuple[tuple[object, ...], Judgement, Verdict | None]] = {}
        self._read: tuple[object, ...] = ()
        self._facts: Mapping[str, Scalar] | None = None
        self._frame: Frame | None = None
        self._verdicts: list[Verdict] = []

    def verdicts(self, view: View, told: Collection[str] | None) -> list[Verdict]:
        """Return a verdict for each rule; the same list as before when all they read is the same.

        `told` are the rules whose context somebody will look at whatever the verdict, None: all.
        """
        open_ = self._rules if told is None else self._rules.intersection(told)
        read = (len(view.seen), open_, *map(view.known.get, self._ambient))
        if view.facts is self._facts and view.frame is self._frame and read == self._read:
            return self._verdicts
        self._facts, self._frame, self._read = view.facts, view.frame, read
        values = self._judged.values(view.known, view.frame)
        if values.keys() != self._known:
            self._sort(values.keys())
        reading = Reading(self._compiler, values, view.seen)
        alone = self._others + [n for n, one in self._plain if not _is_false(one, values)]
        if open_:
            alone += [n for n, one in enumerate(self.programs) if one.rule.name in open_]
        verdicts = self._calm.copy()
        self.quiet = True
        for number in alone:
            program = self.programs[number]
            bare = program.rule.name not in open_
            verdict = self._judged_alone(program, reading, view, bare=bare)
            verdicts[number] = verdict
            self.quiet = self.quiet and _is_quiet(verdict)
        self._verdicts = verdicts
        return verdicts

    def _sort(self, known: AbstractSet[str]) -> None:
        """Find the rules that Python can tell to be false: those that are not off."""
        self._known = frozenset(known)
        self._plain, self._others = [], []
        for number, program in enumerate(self.programs):
            off = any(is_off(condition, self._known) for condition in program.when)
            found = [_refutable(condition, self._known) for condition in program.when]
            conditions = tuple(one for one in found if one)
            if conditions and not off:
                self._plain.append((number, conditions))
            else:
                self._others.append(number)

    def _judged_alone(
        self, program: RuleProgram, reading: Reading, view: View, *, bare: bool
    ) -> Verdict:
        """Return the verdict of one rule, worked out anew when something that it asks for changed.

        `bare`: it may come without the context of today when it is none to be told.
        """
        inputs = (len(view.seen), *map(reading.values.get, program.asked))
        last = self._last.get(program)
        if last is not None and last[0] == inputs:
            _, found, quiet = last
            if bare and quiet is not None:
                return quiet
        else:
            found = all_of(program.when, reading)
            if program.unless and found.worth not in ("false", "off"):
                found = _excused(program, reading) or found
        verdict = self._worded(program, found, reading, view)
        self._last[program] = inputs, found, verdict if _is_quiet(verdict) else None
        return verdict

    def _worded(
        self, program: RuleProgram, found: Judgement, reading: Reading, view: View
    ) -> Verdict:
        rule = program.rule
        truth = _TRUTHS[found.worth]
        message, severity = "", program.mildest
        if truth == "true":
            message = program.message.fill(self.names.values(view.known, view.frame))
        elif truth != "false":
            message = f"{rule.name} can't be judged; {found.why}"
        if truth == "true" or (truth == "unknown" and rule.no_data == "alert"):
            severity = _severity(program, reading)
        context = {name: view.get(name, self.names) for name in program.shown}
        never_seen, off = found.worth == "never", found.worth == "off"
        return Verdict(rule, truth, severity, message, context, found.why, never_seen, off)


def _refutable(condition: Condition, known: AbstractSet[str]) -> tuple[Plain, ...]:
    """Return functions that all say no only when a condition is false; none: CEL has to be asked.

    Alternatives that are off are left out, as they are when the condition is judged.
    """
    alternatives = [condition.whole]
    if not condition.whole.names <= known:
        alternatives = [one for one in condition.alternatives if not lacks_choice(one, known)]
    functions = [one.plain for one in alternatives if one.names <= known and one.plain is not None]
    return tuple(functions) if len(functions) == len(alternatives) else ()


def _is_false(conditions: Iterable[tuple[Plain, ...]], values: Mapping[str, Scalar]) -> bool:
    """Tell whether one of the conditions is refuted."""
    for alternatives in conditions:
        for holds in alternatives:
            if holds(values):
                break
        else:
            return True
    return False


def _is_quiet(verdict: Verdict) -> bool:
    """Tell whether a verdict begins no incident and is no error: nobody looks at its context."""
    if verdict.truth == "false" or (verdict.never_seen and verdict.rule.seen):
        return True
    return verdict.truth == "unknown" and verdict.rule.no_data != "alert"


def _excused(program: RuleProgram, reading: Reading) -> Judgement | None:
    """Return why the rule does not apply; an excuse that is itself unknown is none."""
    for condition in program.unless:
        if judge(condition, reading) is TRUE:
            return Judgement("false", f"does not apply: {condition.text}")
    return None


def _severity(program: RuleProgram, reading: Reading) -> Severity:
    """Return the first severity that holds; CRITICAL also when that can't be known."""
    for severity, condition in program.severities:
        worth = judge(condition, reading).worth
        if worth == "true" or (severity == "CRITICAL" and worth not in ("false", "off")):
            return severity
    return program.mildest
