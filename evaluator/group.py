"""Rules that read the same window: judged together, and only when what they read has changed."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet

from evaluator.expression import Compiler, Condition
from evaluator.incident import Scalar, Severity
from evaluator.judgement import TRUE, Judgement, Reading, Worth, all_of, is_off, judge, lacks_choice
from evaluator.plain import Plain, not_refuted
from evaluator.program import RuleProgram
from evaluator.verdict import Truth, Verdict
from evaluator.view import Names, View

_TRUTHS: dict[Worth, Truth] = {
    "true": "true",
    "false": "false",
    "off": "false",
    "unknown": "unknown",
    "never": "unknown",
    "error": "error",
}


class Group:
    """Rules whose `window.*` covers the same span. `ambient` are names that are in no snapshot.

    `names` are all that they read. `quiet`: none of the last verdicts begins an incident, or is
    an error.
    """

    def __init__(
        self, programs: list[RuleProgram], compiler: Compiler, ambient: Collection[str]
    ) -> None:
        self.programs = programs
        self.quiet = False
        self.names = Names({name for program in programs for name in program.names})
        self._asked = Names({name for program in programs for name in program.judged})
        self._ambient = tuple(name for name in self.names.plain if name in ambient)
        self._rules = frozenset(program.rule.name for program in programs)
        self._compiler = compiler
        self._calm = [Verdict(one.rule, "false", one.mildest, "", {}) for one in programs]
        self._last: dict[RuleProgram, tuple[tuple[object, ...], Judgement, Verdict | None]] = {}
        self._known: frozenset[str] | None = None
        self._others: list[int] = []
        self._not_refuted = not_refuted(())
        self._read: tuple[object, ...] = ()
        self._view = View({}, {}, None, frozenset())
        self._verdicts: list[Verdict] = []

    def verdicts(self, view: View, told: Collection[str] | None) -> list[Verdict]:
        """Return a verdict for each rule; the same list as before when all they read is the same.

        `told` are the rules whose context somebody will look at whatever the verdict, None: all.
        """
        open_ = self._rules if told is None else self._rules.intersection(told)
        read = (len(view.seen), open_, *map(view.known.get, self._ambient))
        before = self._view
        if read == self._read and view.facts is before.facts and view.frame is before.frame:
            return self._verdicts
        self._view, self._read = view, read
        values = self._asked.values(view.known, view.frame)
        if values.keys() != self._known:
            self._known = frozenset(values)
            self._sort(self._known)
        alone = self._others + self._not_refuted(values)
        if open_:
            alone += [n for n, one in enumerate(self.programs) if one.rule.name in open_]
        verdicts = self._calm.copy()
        self.quiet = True
        if alone:
            reading = Reading(self._compiler, values, view.seen)
            shown = _Shown(self.names, view)
            for number in alone:
                program = self.programs[number]
                bare = program.rule.name not in open_
                verdict = self._judged_alone(program, reading, shown, bare=bare)
                verdicts[number] = verdict
                self.quiet = self.quiet and _is_quiet(verdict)
        self._verdicts = verdicts
        return verdicts

    def _sort(self, known: frozenset[str]) -> None:
        """Find the rules that Python can tell to be false: those that are not off."""
        self._others = []
        plain = []
        for number, program in enumerate(self.programs):
            off = any(is_off(condition, known) for condition in program.when)
            found = [_refutable(condition, known) for condition in program.when]
            conditions = [one for one in found if one]
            if conditions and not off:
                plain.append((number, conditions))
            else:
                self._others.append(number)
        self._not_refuted = not_refuted(plain)

    def _judged_alone(
        self, program: RuleProgram, reading: Reading, shown: _Shown, *, bare: bool
    ) -> Verdict:
        """Return the verdict of one rule, worked out anew when something that it asks for changed.

        `bare`: it may come without the context of today when it is none to be told.
        """
        inputs = (len(reading.seen), *map(reading.values.get, program.asked))
        last = self._last.get(program)
        if last is not None and last[0] == inputs:
            _, found, quiet = last
            if bare and quiet is not None:
                return quiet
        else:
            found = all_of(program.when, reading)
            if program.unless and found.worth not in ("false", "off"):
                found = _excused(program, reading) or found
        verdict = _worded(program, found, reading, shown)
        self._last[program] = inputs, found, verdict if _is_quiet(verdict) else None
        return verdict


class _Shown:
    """What messages and contexts show at one instant; looked up when it is asked for."""

    def __init__(self, names: Names, view: View) -> None:
        self._names = names
        self._view = view
        self._window: dict[str, Scalar] | None = None

    def get(self, name: str) -> Scalar | None:
        if not name.startswith("window."):
            return self._view.known.get(name)
        if self._window is None:
            self._window = self._names.of_window(self._view.known, self._view.frame)
        return self._window.get(name)


def _worded(program: RuleProgram, found: Judgement, reading: Reading, shown: _Shown) -> Verdict:
    rule = program.rule
    truth = _TRUTHS[found.worth]
    message, severity = "", program.mildest
    if truth == "true":
        message = program.message.fill({name: shown.get(name) for name in program.told})
    elif truth != "false":
        message = f"{rule.name} can't be judged; {found.why}"
    if truth == "true" or (truth == "unknown" and rule.no_data == "alert"):
        severity = _severity(program, reading)
    context = {name: shown.get(name) for name in program.shown}
    never_seen, off = found.worth == "never", found.worth == "off"
    return Verdict(rule, truth, severity, message, context, found.why, never_seen, off)


def _refutable(condition: Condition, known: AbstractSet[str]) -> tuple[Plain, ...]:
    """Return what refutes a condition when none of it holds; nothing: CEL has to be asked.

    Alternatives that are off are left out, as they are when the condition is judged.
    """
    alternatives = [condition.whole]
    if not condition.whole.names <= known:
        alternatives = [one for one in condition.alternatives if not lacks_choice(one, known)]
    found = [one.plain for one in alternatives if one.names <= known and one.plain is not None]
    return tuple(found) if len(found) == len(alternatives) else ()


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
