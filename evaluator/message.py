"""Messages with facts in them, written for somebody who is tired."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from evaluator.incident import Scalar

LONGEST_TEXT = 200
"""Characters of a text fact that a message shows: an engine may report anything."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


class Placeholder(msgspec.Struct, frozen=True):
    """A `{fact}` in a template: the fact's name and the index of its brace."""

    name: str
    at: int


class Template(msgspec.Struct, frozen=True):
    """A message text as pieces: plain strings and names of facts. `{{` stands for a brace."""

    pieces: tuple[str | Placeholder, ...]
    stray: tuple[int, ...] = ()

    @property
    def placeholders(self) -> tuple[Placeholder, ...]:
        """The placeholders in order."""
        return tuple(piece for piece in self.pieces if isinstance(piece, Placeholder))

    def fill(self, values: Mapping[str, Scalar | None]) -> str:
        """Return the message; what has no value reads `unknown`."""
        return "".join(
            piece if isinstance(piece, str) else named(piece.name, values.get(piece.name))
            for piece in self.pieces
        )


def parse(text: str) -> Template:
    """Return the template of a text; `stray` holds the indices of braces without a partner."""
    pieces: list[str | Placeholder] = []
    stray: list[int] = []
    position = 0
    for match in _PIECE.finditer(text):
        pieces.append(text[position : match.start()])
        position = match.end()
        if match[1] is not None:
            pieces.append(Placeholder(match[1].strip(), match.start()))
        elif len(match[0]) == 2:
            pieces.append(match[0][0])
        else:
            stray.append(match.start())
    pieces.append(text[position:])
    return Template(tuple(piece for piece in pieces if piece != ""), tuple(stray))


CODES = ("heartbeat.cause", "breeze.status")
"""Facts whose texts are codes; a human reads `process frozen`."""


def named(name: str, value: Scalar | None) -> str:
    """Return the value of a fact: that of a `…_bytes` as 41 GB, a limit that is not set as
    `none`, a code like process_frozen in words, others as `shown` says.
    """
    if value is None and name.startswith("limits."):
        return "none"
    if name in CODES and isinstance(value, str):
        return shown(value.replace("_", " "))
    if name.endswith("_bytes") and isinstance(value, float) and value >= 0:
        return size(value)
    return shown(value)


def grouped(whole: int) -> str:
    """Return a whole number ≥ 0 in Indian grouping: 12,34,567."""
    digits = str(whole)
    head, tail = digits[:-3], digits[-3:]
    pairs = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)]
    return ",".join([*reversed(pairs), tail])


def size(value: float) -> str:
    """Return bytes as 41 GB, 512 MB, 3 kB (powers of ten, like the limits)."""
    for unit, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if value >= unit:
            share = value / unit
            return f"{share:.1f} {name}" if share < 10 else f"{share:.0f} {name}"
    return f"{value:.0f} B"


def shown(value: Scalar | None) -> str:
    """Return a value as a human reads it: `-2.35`, `1,50,000`, `yes`, `unknown`."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
    if abs(value) >= 1000:
        return f"{'-' if value < 0 else ''}{grouped(round(abs(value)))}"
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    trimmed = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if trimmed == "-0" else trimmed
