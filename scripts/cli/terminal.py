"""What goes to the operator's terminal: escaped, coloured with meaning, cut to its width.

Rich would do this too, and costs more time to import than the whole of `monitor health` may take.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any, Literal, NamedTuple, TextIO

import msgspec

Style = Literal["", "bad", "warn", "good", "dim", "strong"]
ANSI: dict[Style, str] = {
    "bad": "\x1b[1;31m",
    "warn": "\x1b[33m",
    "good": "\x1b[32m",
    "dim": "\x1b[2m",
    "strong": "\x1b[1m",
}
PIPE_WIDTH = 100
_JOINERS = "\u200c\u200d"
_WORD = re.compile(r"\s*\S+|\s+")


class Span(NamedTuple):
    """A piece of a line in one style."""

    text: str
    style: Style = ""


Line = list[Span]
"""One line of output; an empty list is an empty line."""


class Terminal(msgspec.Struct, frozen=True):
    """Whether it shows colours, how many columns it has, and whether lines are cut to them."""

    colour: bool
    width: int
    cut: bool


PLAIN = Terminal(colour=False, width=PIPE_WIDTH, cut=False)


def uncut(terminal: Terminal) -> Terminal:
    """Return the same terminal, for lines of which nothing may be lost: it wraps them itself."""
    return Terminal(colour=terminal.colour, width=terminal.width, cut=False)


def terminal_of(stream: TextIO, environ: Mapping[str, str]) -> Terminal:
    """Return what the stream can show. A pipe gets plain, uncut lines (https://no-color.org)."""
    wanted = environ.get("COLUMNS", "")
    named = int(wanted) if wanted.isdigit() and int(wanted) > 0 else None
    try:
        is_terminal = stream.isatty()
        columns = os.get_terminal_size(stream.fileno()).columns if is_terminal else 0
    except (OSError, ValueError):
        is_terminal, columns = False, 0
    if not is_terminal:
        return Terminal(colour=False, width=named or PIPE_WIDTH, cut=False)
    colour = not environ.get("NO_COLOR") and environ.get("TERM") not in {"dumb", None}
    return Terminal(colour=colour, width=max(40, named or columns or 80), cut=True)


def clean(text: str) -> str:
    """Return the text with all that could move a cursor or reorder a line shown as an escape.

    Joiners stay: Indian scripts are spelt with them.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _JOINERS else _escape(char) for char in text
    )


def _escape(char: str) -> str:
    code = ord(char)
    if code < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def columns_of(text: str) -> int:
    """Return how many columns the cleaned text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(char) for char in text)


def _columns(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, columns: int) -> str:
    """Return the text in at most so many columns, ending in … where something was left out."""
    if columns_of(text) <= columns:
        return text
    kept, used = [], 0
    for char in text:
        used += _columns(char)
        if used > columns - 1:
            break
        kept.append(char)
    return "".join(kept).rstrip() + "…"


def line_columns(line: Line) -> int:
    """Return how many columns the line takes uncut."""
    return sum(columns_of(clean(span.text)) for span in line)


def render(line: Line, terminal: Terminal) -> str:
    """Return the line as it is printed, without its newline."""
    parts = []
    left = terminal.width
    for span in line:
        text = clean(span.text)
        if terminal.cut:
            if left <= 0:
                break
            text = cut(text, left)
            left -= columns_of(text)
        if terminal.colour and span.style and text:
            text = f"{ANSI[span.style]}{text}\x1b[0m"
        parts.append(text)
    return "".join(parts).rstrip() if not terminal.colour else "".join(parts)


def spread(left: Line, right: Line, terminal: Terminal) -> Line:
    """Return one line with `right` at the right edge, where it fits."""
    gap = terminal.width - line_columns(left) - line_columns(right)
    return [*left, Span(" " * max(3, gap)), *right]


def at_words(line: Line) -> list[Line]:
    """Return the line in pieces of a word each, with the blanks before it."""
    return [[Span(text, span.style)] for span in line for text in _WORD.findall(span.text)]


def at_gaps(line: Line) -> list[Line]:
    """Return the line in pieces that belong together: a new one begins with three blanks."""
    pieces: list[Line] = [[]]
    for span in line:
        if span.text.startswith("   ") and pieces[-1]:
            pieces.append([])
        pieces[-1].append(span)
    return pieces


def wrap(pieces: list[Line], terminal: Terminal, indent: int) -> list[Line]:
    """Return the pieces as one line where it fits or the terminal wraps it, else as several.

    What follows the first line is indented; no piece is taken apart.
    """
    whole = [span for piece in pieces for span in piece]
    if not terminal.cut or line_columns(whole) <= terminal.width:
        return [_joined(whole)]
    lines: list[Line] = [[]]
    for piece in pieces:
        if lines[-1] and line_columns([*lines[-1], *piece]) > terminal.width:
            first, *rest = piece
            lines.append([Span(" " * indent), Span(first.text.lstrip(), first.style), *rest])
        else:
            lines[-1] += piece
    return [_joined(line) for line in lines]


def _joined(line: Line) -> Line:
    """Return the line with neighbours of one style as one span: a colour is switched on once."""
    groups = groupby(line, key=lambda span: span.style)
    return [Span("".join(span.text for span in spans), style) for style, spans in groups]


def show(lines: Iterable[Line], terminal: Terminal, stream: TextIO | None = None) -> None:
    """Write the lines to `stream` (standard output) at one go."""
    text = "".join(render(line, terminal) + "\n" for line in lines)
    (stream or sys.stdout).write(text)


_NOT_PLAIN = re.compile("[^\x00-\x7e]")


def show_json(value: Any, *, compact: bool = False) -> None:
    """Write a record as JSON to standard output; what a terminal might obey is escaped in it."""
    data = msgspec.json.encode(value, enc_hook=str)
    text = (data if compact else msgspec.json.format(data, indent=2)).decode()
    sys.stdout.write(_NOT_PLAIN.sub(lambda hit: _in_json(hit[0]), text) + "\n")


def _in_json(char: str) -> str:
    """Return a character of a JSON text as it is where it shows, else as its escape."""
    if char.isprintable() or char in _JOINERS:
        return char
    units = char.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
