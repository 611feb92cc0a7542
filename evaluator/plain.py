"""Conditions that mean the same in Python as in CEL, made into Python.

Most conditions compare facts with limits. On facts that are all known, comparisons, `&&`, `||`,
`!`, `+`, `-` and `*` of doubles, flags and texts have one meaning in both languages (IEEE 754,
short circuit), and in Python they cost a tenth. All else is left to CEL: division (infinite
there, an error here), order of texts, `in`, `? :`, functions, comments, and whatever is not known
by its tokens. A test asks both about conditions made at random.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from evaluator.facts import FactType
from evaluator.incident import Scalar

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![\w.])
  | (?P<text>'[^'\\\n]*'|"[^"\\\n]*")
  | (?P<name>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)
  | (?P<sign>\|\||&&|[<>=!]=|[-<>!+*()])
    )\s*""",
    re.VERBOSE | re.ASCII,
)
_ORDER = ("<", ">", "<=", ">=")
_RELATIONS = (*_ORDER, "==", "!=")
_DEEPEST = 30
"""Python's parser bounds nesting, at 200 brackets; nobody writes so many."""

Source = tuple[str, str]
"""A piece of Python, and the type of its value: number, flag or text."""


class Plain:
    """A condition in Python. `holds` wants the values of at least all that it reads."""

    __slots__ = ("holds", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self.holds: Callable[[Mapping[str, Scalar]], bool] = _made(source)


class _NotPlain(Exception):
    """Something in the condition means something else in Python, or is not known here."""


def plain(condition: str, types: Mapping[str, FactType]) -> Plain | None:
    """Return a condition that CEL compiled as a Python function, None when it is for CEL alone.

    `types` are those of all names that it may read.
    """
    try:
        return Plain(_Reader(condition, types).whole())
    except _NotPlain:
        return None


def not_refuted(
    rules: Iterable[tuple[int, Iterable[Iterable[Plain]]]],
) -> Callable[[Mapping[str, Scalar]], list[int]]:
    """Return a function that gives the numbers of the rules none of whose conditions is false.

    Each has a number from 0 and its conditions, each of those its alternatives.
    """
    terms = [
        f"{number} if {' and '.join(map(_any_of, conditions))} else -1"
        for number, conditions in rules
    ]
    tried = "".join(f"({term}), " for term in terms)
    found: Callable[[Mapping[str, Scalar]], list[int]] = _made(f"[n for n in ({tried}) if n >= 0]")
    return found


def _any_of(alternatives: Iterable[Plain]) -> str:
    return f"({' or '.join(one.source for one in alternatives)})"


def _made(source: str) -> Any:
    return eval(f"lambda v: {source}")  # noqa: S307 -- of numbers, quoted names and signs alone


class _Reader:
    """Reads a condition by CEL's grammar (langdef.md, Syntax), one method a level."""

    def __init__(self, condition: str, types: Mapping[str, FactType]) -> None:
        self._types = types
        self._tokens = _tokens(condition)
        self._at = 0
        self._depth = 0

    def whole(self) -> str:
        source, type_ = self._either()
        if self._at != len(self._tokens) or type_ != "flag":
            raise _NotPlain
        return source

    def _either(self) -> Source:
        return self._chain({"||": "or"}, "flag", self._both)

    def _both(self) -> Source:
        return self._chain({"&&": "and"}, "flag", self._relation)

    def _relation(self) -> Source:
        left, type_ = self._sum()
        sign = self._take(*_RELATIONS)
        if sign is None:
            return left, type_
        right, other = self._sum()
        # Of two relations in a row Python makes a chain; CEL compares the outcome of the first.
        if type_ != other or (sign in _ORDER and type_ != "number") or self._take(*_RELATIONS):
            raise _NotPlain
        return f"({left} {sign} {right})", "flag"

    def _sum(self) -> Source:
        return self._chain({"+": "+", "-": "-"}, "number", self._product)

    def _product(self) -> Source:
        return self._chain({"*": "*"}, "number", self._unary)

    def _chain(
        self, words: Mapping[str, str], wanted: str, operand: Callable[[], Source]
    ) -> Source:
        source, type_ = operand()
        pieces = [source]
        while sign := self._take(*words):
            following, other = operand()
            if type_ != wanted or other != wanted:
                raise _NotPlain
            pieces += [words[sign], following]
        return (source if len(pieces) == 1 else f"({' '.join(pieces)})"), type_

    def _unary(self) -> Source:
        sign = self._take("!", "-")
        if sign is None:
            return self._operand()
        source, type_ = self._inner(self._unary)
        if type_ != ("flag" if sign == "!" else "number"):
            raise _NotPlain
        return f"({'not' if sign == '!' else '-'} {source})", type_

    def _operand(self) -> Source:
        if self._take("("):
            inner = self._inner(self._either)
            if not self._take(")"):
                raise _NotPlain
            return inner
        kind, text = self._tokens[self._at] if self._at < len(self._tokens) else ("", "")
        self._at += 1
        if kind == "number" and math.isfinite(float(text)):
            return repr(float(text)), "number"
        if kind == "text":
            return repr(text[1:-1]), "text"
        if text in ("true", "false"):
            return text.capitalize(), "flag"
        type_ = self._types.get(text)
        if kind != "name" or type_ is None:
            raise _NotPlain
        return f"v[{text!r}]", "number" if type_ == "counter" else type_

    def _inner(self, read: Callable[[], Source]) -> Source:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise _NotPlain
        source = read()
        self._depth -= 1
        return source

    def _take(self, *signs: str) -> str | None:
        """Return the next token and go past it if it is one of these signs."""
        if self._at < len(self._tokens):
            kind, text = self._tokens[self._at]
            if kind == "sign" and text in signs:
                self._at += 1
                return text
        return None


def _tokens(condition: str) -> list[tuple[str, str]]:
    found = []
    at = 0
    while at < len(condition):
        match = _TOKEN.match(condition, at)
        if match is None:
            raise _NotPlain
        kind = match.lastgroup or ""
        found.append((kind, match[kind]))
        at = match.end()
    return found
