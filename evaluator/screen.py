"""Many rules asked at once whether any of them could hold.

Most rules are false most of the time, and each evaluation finds so anew. Their conditions joined
by `||` are one expression, which is false exactly when each of them is: CEL's `||` is false when
both sides are, true when one is, and an error otherwise. So one call settles all that is calm;
whatever else it answers, each rule is judged by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from cel_expr_python import cel  # type: ignore[import-untyped] # it ships no py.typed

from evaluator.expression import Compiler
from evaluator.judgement import Reading
from evaluator.program import RuleProgram

PATIENCE = 3
"""How often the same rules must be asked for before an expression is compiled for them (ms)."""
MOST_UNIONS = 32
"""Expressions kept; which rules are calm changes with what fires."""
MOST_RULES = 64
"""Rules in one expression: the parser bounds its size."""

Programs = frozenset[RuleProgram]
Unions = tuple[cel.Expression, ...]
_NONE: Programs = frozenset()


class Screen:
    """Finds the rules of a group that are false for a reading, without judging each of them."""

    def __init__(self, compiler: Compiler, programs: Iterable[RuleProgram]) -> None:
        self._compiler = compiler
        self._needs = {
            one: frozenset(name for condition in one.when for name in condition.whole.names)
            for one in programs
        }
        self._known: frozenset[str] = frozenset()
        self._judgeable: Programs = frozenset()
        self._restless: Programs = frozenset()
        self._calm: Programs = frozenset()
        self._asked = 0
        self._unions: dict[Programs, Unions | None] = {}

    def clear(self, reading: Reading) -> Programs:
        """Return rules all of whose facts are known and whose conditions don't all hold.

        None of them may be returned though some are such.
        """
        if reading.known != self._known:
            self._known = frozenset(reading.known)
            self._judgeable = frozenset(
                one for one, names in self._needs.items() if names <= self._known
            )
            self._settle()
        unions = self._union()
        if unions is None:
            return _NONE
        for union in unions:
            if union.eval(reading.activation).value() is not False:
                return _NONE
        return self._calm

    def note(self, restless: Programs) -> None:
        """Learn which rules were not false when each was judged by itself."""
        if restless != self._restless:
            self._restless = restless
            self._settle()

    def _settle(self) -> None:
        calm = self._judgeable - self._restless
        if calm != self._calm:
            self._calm, self._asked = calm, 0

    def _union(self) -> Unions | None:
        if self._calm in self._unions:
            return self._unions[self._calm]
        self._asked += 1
        if self._asked <= PATIENCE or len(self._calm) < 2:
            return None
        if len(self._unions) >= MOST_UNIONS:
            self._unions.clear()
        calm = [one for one in self._needs if one in self._calm]
        parts = [calm[start : start + MOST_RULES] for start in range(0, len(calm), MOST_RULES)]
        unions = [self._compiler.any_of(map(_whole, part)) for part in parts]
        whole = [one for one in unions if one is not None]
        self._unions[self._calm] = tuple(whole) if len(whole) == len(parts) else None
        return self._unions[self._calm]


def _whole(program: RuleProgram) -> str:
    # The line break ends a comment that a condition may end with.
    return " && ".join(f"({condition.text}\n)" for condition in program.when)
