"""Conditions: CEL texts compiled, checked and evaluated with three outcomes and an error.

The language is CEL as cel-expr-python (the C++ implementation) has it. What it does that a
condition must not fall over: an absent variable and a wrong type are values of the type ERROR;
`true || <absent>` is true and `false && <absent>` is false; `has(a.b)` on a dotted name
compiles to the fact's own type; division by zero is infinite.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NewType

import msgspec
from cel_expr_python import cel  # type: ignore[import-untyped] # it ships no py.typed

from evaluator.cel_text import Reference, alternatives, references, with_doubles
from evaluator.facts import FactType
from evaluator.incident import Scalar
from evaluator.names import nearest
from evaluator.plain import Plain, plain

_TYPES: dict[FactType, cel.Type] = {
    "number": cel.Type.DOUBLE,
    "counter": cel.Type.DOUBLE,
    "flag": cel.Type.BOOL,
    "text": cel.Type.STRING,
}
_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '\((.*)\)'")
_IN_WORDS = {"double": "number", "int": "whole number", "string": "text", "bool": "flag"}


Activation = NewType("Activation", object)
"""Values by name, ready to evaluate conditions on."""


class Problem(msgspec.Struct, frozen=True):
    """What is wrong with a text, at which index of it, and what may have been meant."""

    at: int
    reason: str
    hint: str | None = None


class Alternative:
    """One operand of a condition's outermost `||`: the program and the names it reads, in order.

    `plain` is the same in Python, None when only CEL can tell.
    """

    __slots__ = ("names", "ordered", "plain", "program")

    def __init__(
        self, program: cel.Expression, ordered: tuple[str, ...], plain: Plain | None
    ) -> None:
        self.program = program
        self.ordered = ordered
        self.names = frozenset(ordered)
        self.plain = plain


class Condition:
    """A compiled condition; holds when one of its alternatives does."""

    __slots__ = ("alternatives", "text", "whole")

    def __init__(
        self, text: str, whole: Alternative, alternatives: tuple[Alternative, ...]
    ) -> None:
        self.text = text
        self.whole = whole
        self.alternatives = alternatives


class Compiler:
    """Compiles conditions over a given set of names."""

    def __init__(self, names: Mapping[str, FactType]) -> None:
        self.names = names
        self._environment = cel.NewEnv(
            variables={name: _TYPES[type_] for name, type_ in names.items()}
        )

    def activation(self, values: Mapping[str, Scalar]) -> Activation:
        """Return the values, each of its name's type, for any number of evaluations."""
        return Activation(self._environment.Activation(values))

    def compile(self, text: str) -> Condition | list[Problem]:
        """Return the condition, or everything that is wrong with it."""
        read, called = references(text)
        unknown = [one for one in read if "." in one.name and one.name not in self.names]
        problems = [self._undeclared(one) for one in unknown]
        has = [one for one in called if one.text == "has"]
        problems += [
            Problem(one.at, "has() is not for facts: an unknown fact makes its condition unknown")
            for one in has
        ]
        # It makes numbers and texts of conditions, and the compiler's faults would be about that.
        found = [] if has else self._check(text)
        problems += [
            one for one in found if not any(name.at <= one.at < name.end for name in unknown)
        ]
        if problems:
            return sorted(problems, key=lambda problem: problem.at)
        operands = tuple(self._alternative(one) for one in alternatives(text))
        return Condition(text, self._alternative(text), operands)

    def _alternative(self, text: str) -> Alternative:
        program = self._environment.compile(with_doubles(text)[0])
        read = (one.name for one in references(text)[0])
        ordered = tuple(dict.fromkeys(name for name in read if name in self.names))
        return Alternative(program, ordered, plain(text, self.names))

    def _check(self, text: str) -> list[Problem]:
        doubled, origin = with_doubles(text)
        try:
            program = self._environment.compile(doubled)
        except RuntimeError as error:
            return self._problems(str(error), doubled, origin)
        type_ = program.return_type()
        if type_ == cel.Type.BOOL:
            return []
        name = _in_words(type_.name().lower())
        return [Problem(0, f"is a {name}, and a condition must be true or false")]

    def _problems(self, error: str, doubled: str, origin: list[int]) -> list[Problem]:
        """Read the compiler's report: any number of `ERROR: <input>:LINE:COLUMN: reason`."""
        lines = doubled.split("\n")
        problems = []
        for line, column, reason in _FAULT.findall(error):
            before = sum(len(one) + 1 for one in lines[: int(line) - 1])
            at = origin[min(before + int(column) - 1, len(origin) - 1)]
            problems.append(self._problem(at, reason.removesuffix(" [INVALID_ARGUMENT]")))
        return problems or [Problem(0, error.partition(": ")[2].rpartition(" [")[0] or error)]

    def _problem(self, at: int, reason: str) -> Problem:
        mismatch = _OVERLOAD.match(reason)
        if mismatch is not None:
            types = ", ".join(_in_words(one) for one in mismatch[2].split(", "))
            return Problem(at, f"{mismatch[1].strip('_')} can't be applied to ({types})")
        if reason.startswith("undeclared reference to '"):
            name = reason.split("'")[1]
            return Problem(at, f"unknown name {name}", nearest(name, self.names))
        return Problem(at, reason.partition(" expecting {")[0])

    def _undeclared(self, one: Reference) -> Problem:
        return Problem(one.at, f"unknown fact {one.name}", nearest(one.name, self.names))


def _in_words(type_: str) -> str:
    return _IN_WORDS.get(type_, type_)
