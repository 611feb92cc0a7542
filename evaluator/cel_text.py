"""What can be said of a CEL expression by reading its text, before it is compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>(?:[rR][bB]?|[bB][rR])(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
      | [bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}
                |"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|\d*\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\d+[uU])
  | (?P<whole>\d+)
  | (?P<sign>\|\||&&|.)
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = frozenset({"true", "false", "null", "in"})


class Token(msgspec.Struct, frozen=True):
    """A piece of an expression: its kind, text, and index in it."""

    kind: str
    text: str
    at: int


class Reference(msgspec.Struct, frozen=True):
    """A dotted name that an expression reads, the index it begins at and the one it ends before."""

    name: str
    at: int
    end: int


def tokens(expression: str) -> list[Token]:
    """Return the tokens of an expression without spaces and comments."""
    found = (Token(m.lastgroup or "", m.group(), m.start()) for m in _TOKEN.finditer(expression))
    return [token for token in found if token.kind != "space"]


def references(expression: str) -> tuple[list[Reference], list[Token]]:
    """Return the names that an expression reads, and the names that it calls as functions."""
    read: list[Reference] = []
    called: list[Token] = []
    for chain, follower in _chains(tokens(expression)):
        names = chain
        if follower == "(":
            if len(chain) == 1:
                called.append(chain[0])
            names = chain[:-1]
        if names and not (len(names) == 1 and names[0].text in _WORDS):
            last = names[-1]
            dotted = ".".join(name.text for name in names)
            read.append(Reference(dotted, names[0].at, last.at + len(last.text)))
    return read, called


def _chains(found: list[Token]) -> Iterator[tuple[list[Token], str]]:
    """Yield each dotted name as its parts, with the token that follows it."""
    index = 0
    while index < len(found):
        token = found[index]
        index += 1
        if token.kind != "name":
            continue
        chain = [token]
        while (
            index + 1 < len(found) and found[index].text == "." and found[index + 1].kind == "name"
        ):
            chain.append(found[index + 1])
            index += 2
        begin = index - 2 * len(chain)
        of_a_value = begin > 0 and found[begin].text == "." and _is_value(found[begin - 1])
        if not of_a_value:
            yield chain, found[index].text if index < len(found) else ""


def _is_value(token: Token) -> bool:
    return token.kind in ("string", "number", "whole") or token.text in (")", "]", "}")


def with_doubles(expression: str) -> tuple[str, list[int]]:
    """Return the expression with every bare integer as a double, and where it came from.

    The list holds, for each index of the new text and the one after it, the index in the old:
    a fault in the new text is shown in the text that the operator wrote.
    """
    pieces: list[str] = []
    origin: list[int] = []
    position = 0
    for token in tokens(expression):
        if token.kind != "whole":
            continue
        end = token.at + len(token.text)
        pieces += [expression[position:end], ".0"]
        origin += [*range(position, end), end - 1, end - 1]
        position = end
    pieces.append(expression[position:])
    origin += range(position, len(expression) + 1)
    return "".join(pieces), origin


def alternatives(expression: str) -> list[str]:
    """Return the operands of the outermost `||`, the expression itself when it has none."""
    cuts: list[int] = []
    depth = 0
    for token in tokens(expression):
        if token.kind != "sign":
            continue
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 0 and token.text == "?":
            return [expression]  # `a || b ? c : d` is a choice between c and d
        if depth == 0 and token.text == "||":
            cuts.append(token.at)
    starts = [0, *(cut + 2 for cut in cuts)]
    ends = [*cuts, len(expression)]
    return [expression[start:end].strip() for start, end in zip(starts, ends, strict=True)]
