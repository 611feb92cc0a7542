"""Rules that read the same window: judged together, and only when what they read has changed.

Every verdict is what it would be if its rule were judged alone and anew. Three things are left
out, each for what is the same without it: all of it while nothing that any of them reads is
another value; asking CEL about what Python can tell to be false; and working a rule's `when` and
`unless` out again on the values that they were worked out on.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Set as AbstractSet

import msgspec

from evaluator.expression import Compiler, Condition
from evaluator.incident import Severity
from evaluator.judgement import (
    FALSE,
    TRUE,
    Judgement,
    Reading,
    Worth,
    all_of,
    is_off,
    judge,
    lacks_choice,
)
from evaluator.plain import Plain, not_refuted
from evaluator.program import RuleProgram
from evaluator.verdict import DOES_NOT_APPLY, NOT_JUDGED, Truth, Verdict
from evaluator.view import Names, View

_TRUTHS: dict[Worth, Truth] = {
    "true": "true",
    "false": "false",
    "off": "false",
    "unknown": "unknown",
    "never": "unknown",
    "error": "error",
}
_NOTHING = View({}, {}, None, frozenset())


class Group:
    """Rules whose `window.*` covers the same span. `ambient` are names that are in no snapshot.

    `names` are all that they read; `reading` what is known of them in the last verdicts, None:
    there were none. `asleep` is what is said in place of verdicts that nobody needs. `terse` leaves
    out the contexts of rules that are clear, see `Evaluation`.
    """

    def __init__(
        self,
        programs: list[RuleProgram],
        compiler: Compiler,
        ambient: Collection[str],
        *,
        terse: bool = False,
    ) -> None:
        self.programs = programs
        self.asleep = [Verdict(one.rule, "false", one.mildest, "", {}) for one in programs]
        # By number what is said of a rule that is clear, and for which judgement.
        self._clear = {
            number: (FALSE, said)
            for number, (one, said) in enumerate(zip(programs, self.asleep, strict=True))
            if terse and not (one.clear_when or one.suspect_when)
        }
        self._in_full = tuple(n for n in range(len(programs)) if n not in self._clear)
        self.names = Names({name for program in programs for name in program.names})
        self.reading: Reading | None = None
        self._ambient = tuple(name for name in self.names.plain if name in ambient)
        self._compiler = compiler
        self._found: dict[int, tuple[str, Judgement]] = {}
        self._known: frozenset[str] | None = None
        self._others: list[int] = []
        self._not_refuted = not_refuted(())
        self._read: tuple[object, ...] = ()
        self._view = _NOTHING
        self._verdicts: list[Verdict] = []

    def verdicts(self, view: View) -> list[Verdict]:
        """Return a verdict for each rule; the same list while all that they read is the same."""
        read = (len(view.seen), *map(view.known.get, self._ambient))
        before = self._view
        if read == self._read and view.facts is before.facts and view.frame is before.frame:
            return self._verdicts
        self._view, self._read = view, read
        values = self.names.values(view.known, view.frame)
        if values.keys() != self._known:
            self._known = frozenset(values)
            self._sort(self._known)
        self.reading = reading = Reading(self._compiler, values, view.seen)
        found = dict.fromkeys(self._in_full, FALSE)
        for number in (*self._others, *self._not_refuted(values)):
            found[number] = self._judged(number, reading)
        self._verdicts = self.asleep.copy()
        for number, one in found.items():
            self._verdicts[number] = self._said(number, one, reading)
        return self._verdicts

    def _said(self, number: int, found: Judgement, reading: Reading) -> Verdict:
        """Return the verdict of a rule; when terse, of a clear one the same for one judgement."""
        last = self._clear.get(number)
        if last is None or found.worth not in ("false", "off"):
            return _verdict(self.programs[number], found, reading)
        if last[0] is not found:
            said = _verdict(self.programs[number], found, reading)
            last = self._clear[number] = found, msgspec.structs.replace(said, context={})
        return last[1]

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

    def _judged(self, number: int, reading: Reading) -> Judgement:
        """Return what `when` and `unless` say, worked out anew when something they ask changed."""
        program = self.programs[number]
        # As text: 0.0 and -0.0 are equal, and not the same.
        asked = repr((len(reading.seen), *map(reading.values.get, program.asked)))
        last = self._found.get(number)
        if last is not None and last[0] == asked:
            return last[1]
        found = all_of(program.when, reading)
        if program.unless and found.worth not in ("false", "off"):
            found = _excused(program, reading) or found
        self._found[number] = asked, found
        return found


def _verdict(program: RuleProgram, found: Judgement, reading: Reading) -> Verdict:
    rule = program.rule
    context = dict(zip(program.shown, map(reading.values.get, program.shown), strict=True))
    if found is FALSE and not program.clear_when and not program.suspect_when:
        return Verdict(rule, "false", program.mildest, "", context)  # as below, and most are
    truth = _TRUTHS[found.worth]
    message, severity = "", program.mildest
    if truth == "true":
        message = program.message.fill(reading.values)
    elif truth != "false":
        message = f"{rule.name} {NOT_JUDGED}; {found.why}"
    if truth == "true" or (truth == "unknown" and rule.no_data == "alert"):
        severity = _severity(program, reading)
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


def _refutable(condition: Condition, known: AbstractSet[str]) -> tuple[Plain, ...]:
    """Return what refutes a condition when none of it holds; nothing: CEL has to be asked.

    Alternatives that are off are left out, as they are when the condition is judged.
    """
    alternatives = [condition.whole]
    if not condition.whole.names <= known:
        alternatives = [one for one in condition.alternatives if not lacks_choice(one, known)]
    found = [one.plain for one in alternatives if one.names <= known and one.plain is not None]
    return tuple(found) if len(found) == len(alternatives) else ()


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
