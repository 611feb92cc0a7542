"""Durations as operators write and read them."""

from __future__ import annotations

import re

_PATTERN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNIT_SECONDS = (86_400, 3_600, 60, 1)


def parse_seconds(text: str) -> int | None:
    """Return the seconds of `30s`, `1m`, `1h30m` or `2d`, None when it is none of these."""
    match = _PATTERN.fullmatch(text)
    if match is None or not text:
        return None
    parts = zip(match.groups(), _UNIT_SECONDS, strict=True)
    return sum(int(amount) * unit for amount, unit in parts if amount)


def in_words(seconds: float) -> str:
    """Return a duration the way rules write it: the two largest units, `1h30m`, `45s`, `0s`.

    A few seconds have a decimal, `0.2s`: what was over at once is not what never was.
    """
    if 0 < seconds < 9.95 and (tenths := round(seconds * 10)) % 10:
        return f"{tenths / 10}s"
    left = max(0, int(seconds))
    words: list[str] = []
    for unit, name in zip(_UNIT_SECONDS, "dhms", strict=True):
        amount, left = divmod(left, unit)
        if amount:
            words.append(f"{amount}{name}")
        elif words:
            break
    return "".join(words[:2]) or "0s"
