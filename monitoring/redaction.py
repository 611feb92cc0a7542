"""Secrets kept out of text that somebody else had a hand in: a server, a library's exception."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

SHORTEST = 4
"""What is shorter is no secret, and would be found in every other word."""

_CHARACTER = re.compile(r"\\+(?:x|u00)([0-9a-f]{2})|\\*([^\\])|\\+", re.IGNORECASE)
_hidden: set[str] = set()


def hide(secret: str) -> None:
    """Keep a secret out of all that this process logs from now on."""
    _hidden.add(secret)


def without_hidden(text: str) -> str:
    """Return the text without what `hide` was told."""
    return redacted(text, _hidden)


def redacted(text: str, secrets: Iterable[str]) -> str:
    """Return the text with … for each secret, in either case, as a URL has it, and however JSON
    and Python that quote it (and each other) have escaped its characters.

    Pieces of a secret are not known again, nor what is encoded as a whole.
    """
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    for form in sorted(forms, key=len, reverse=True):
        text = _without(text, form)
    return text


def _without(text: str, form: str) -> str:
    wanted, _ = _unescaped(form)
    if len(wanted) < SHORTEST:
        return text
    plain, spans = _unescaped(text)
    kept, end = [], 0
    at = plain.find(wanted)
    while at >= 0:
        kept += [text[end : spans[at][0]], "…"]
        end = spans[at + len(wanted) - 1][1]
        at = plain.find(wanted, at + len(wanted))
    return "".join([*kept, text[end:]])


def _unescaped(text: str) -> tuple[str, list[tuple[int, int]]]:
    """Return the text without escapes, backslashes and capitals, and where each character was."""
    characters, spans = [], []
    for found in _CHARACTER.finditer(text):
        character = chr(int(found[1], 16)) if found[1] else found[2]
        if character:
            characters.append(character.lower() if character.isascii() else character)
            spans.append(found.span())
    return "".join(characters), spans
