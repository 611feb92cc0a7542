"""Where in a TOML text each key and string stands, for faults that are found after parsing.

The text must have been accepted by `tomllib`, which gives values without their places; this
reads the same grammar (toml.io/en/v1.0.0) for the places alone.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator

import msgspec

Path = tuple[str | int, ...]
_SKIP = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[ \t]*\n[ \t\n]*|.)")


class Places(msgspec.Struct):
    """Indices into the text by path; `("rule", 0, "when", 1)` is the second condition.

    `keys` holds where the key or the element begins, `strings` the index of each character of a
    string's value and of what follows the last one, `starts` those of the lines once asked for.
    """

    text: str
    keys: dict[Path, int] = {}
    strings: dict[Path, list[int]] = {}
    starts: list[int] = []

    def line_column(self, index: int) -> tuple[int, int]:
        """Return the line and column, both from 1, of an index into the text."""
        if not self.starts:
            self.starts = [0, *(match.end() for match in re.finditer("\n", self.text))]
        line = bisect_right(self.starts, index)
        return line, index - self.starts[line - 1] + 1

    def key(self, path: Path) -> int:
        """Return the index of the nearest place on the way to a path that stands in the text."""
        while path and path not in self.keys:
            path = path[:-1]
        return self.keys.get(path, 0)

    def character(self, path: Path, index: int) -> int:
        """Return where character `index` of the string at a path stands; else that of its key."""
        places = self.strings.get(path)
        return self.key(path) if places is None else places[min(index, len(places) - 1)]


def find_places(text: str) -> Places:
    """Return the places of everything in a valid TOML text."""
    reader = _Reader(text.replace("\r\n", "\n"))
    reader.document()
    return reader.places


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.places = Places(text)
        self._arrays: dict[Path, int] = {}

    def document(self) -> None:
        table: Path = ()
        while self._skip() < len(self.text):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        begin = self.at
        is_array = self.text.startswith("[[", begin)
        self.at += 1 + is_array
        names = [name for name, _ in self._dotted()]
        self.at += 1 + is_array
        path: Path = ()
        for name in names[:-1]:
            path = self._current((*path, name))
        path = (*path, names[-1])
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
            path = self._current(path)
        self.places.keys.setdefault(path, begin)
        return path

    def _current(self, path: Path) -> Path:
        index = self._arrays.get(path)
        return path if index is None else (*path, index)

    def _pair(self, table: Path) -> None:
        path = table
        for name, begin in self._dotted():
            path = (*path, name)
            self.places.keys.setdefault(path, begin)
        self.at += 1  # the equals sign
        self._value(path)

    def _dotted(self) -> Iterator[tuple[str, int]]:
        """Yield the parts of a dotted key with their places; stop at what follows it."""
        while True:
            begin = self._skip()
            if self.text[begin] in "\"'":
                characters, _ = self._string()
                yield "".join(characters), begin
            else:
                name = _BARE.match(self.text, begin)
                self.at = begin if name is None else name.end()
                yield self.text[begin : self.at], begin
            if self.text[self._skip()] != ".":
                return
            self.at += 1

    def _value(self, path: Path) -> None:
        sign = self.text[self._skip()]
        if sign in "\"'":
            self.places.strings[path] = self._string()[1]
        elif sign == "[":
            self._array(path)
        elif sign == "{":
            self._inline_table(path)
        else:
            self.at = _end(_SCALAR, self.text, self.at)

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while self.text[self._skip()] != "]":
            self.places.keys[(*path, index)] = self.at
            self._value((*path, index))
            index += 1
            self._comma()
        self.at += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while self.text[self._skip()] != "}":
            self._pair(path)
            self._comma()
        self.at += 1

    def _comma(self) -> None:
        if self.text[self._skip()] == ",":
            self.at += 1

    def _skip(self) -> int:
        self.at = _end(_SKIP, self.text, self.at)
        return self.at

    def _string(self) -> tuple[list[str], list[int]]:
        """Return the characters of a string, and their places and the one after the last."""
        quote = self.text[self.at]
        fence = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(fence)
        if len(fence) == 3 and self.text.startswith("\n", self.at):
            self.at += 1  # a newline right after the opening is not part of the value
        characters: list[str] = []
        indices: list[int] = []
        while not self._closes(fence):
            begin = self.at
            escape = _ESCAPE.match(self.text, begin) if quote == '"' else None
            self.at = begin + 1 if escape is None else escape.end()
            piece = self.text[begin : self.at]
            if escape is not None and piece.rstrip(" \t\n") == "\\":
                continue  # the end of a line, folded away
            characters.append(piece)
            indices.append(begin)
        indices.append(self.at)
        self.at += len(fence)
        return characters, indices

    def _closes(self, fence: str) -> bool:
        """Tell whether the string ends here: `""" "` closes one quote later than it seems." ""
        if not self.text.startswith(fence, self.at):
            return False
        return len(fence) == 1 or not self.text.startswith(fence[0], self.at + 3)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    return at if match is None else match.end()
