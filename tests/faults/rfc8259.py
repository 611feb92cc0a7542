"""What RFC 8259 says of a text, by its grammar alone: a judge that shares nothing with ours.

It needs no stack of calls, so nesting is no matter to it.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    rb"[ \t\r\n]*(?:"
    rb'(?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*")'  # section 7
    rb"|(?P<scalar>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null)"
    rb"|(?P<mark>[\[\]{},:])"
    rb"|(?P<end>\Z))"
)
_WITHIN = {"[": ("value", "]"), "{": ("key", "}")}


def is_json(text: bytes) -> bool:
    """Tell whether `text` is a JSON text in UTF-8 (section 8.1: a mark before it is none)."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    place, wanted = 0, {"value"}
    open_ones: list[str] = []
    while token := _TOKEN.match(text, place):
        place = token.end()
        kind = token.lastgroup
        word = token["mark"].decode() if kind == "mark" else kind
        if kind == "end":
            return wanted == {"end"}
        if kind == "string" and "key" in wanted:
            wanted = {":"}
            continue
        if word in _WITHIN and "value" in wanted:
            open_ones.append(word)
            wanted = set(_WITHIN[word])
            continue
        if word in {":", ","} and word in wanted:
            wanted = {"key"} if (word, open_ones[-1]) == (",", "{") else {"value"}
            continue
        if word in {"]", "}"} and word in wanted:
            open_ones.pop()
        elif kind == "mark" or "value" not in wanted:
            return False
        wanted = {",", _WITHIN[open_ones[-1]][1]} if open_ones else {"end"}
    return False
