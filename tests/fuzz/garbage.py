"""What files may hold: bytes of no kind, JSON of every shape, records with a value or two wrong.

Whoever draws from these draws what a torn disk, another program or a stranger would leave.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

from tests.faults.json_cases import MUST_ACCEPT, MUST_REFUSE, OPEN

Json = Any

LARGE = (2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 10**400)
DIGITS = "<five thousand digits>"
"""Stands for a whole number that Python itself refuses to write or to read."""

WHOLE = st.one_of(
    st.integers(-2, 20),
    st.sampled_from([sign * one for one in LARGE for sign in (1, -1)]),
    st.integers(-(2**65), 2**65),
)
NUMBER: st.SearchStrategy[Json] = st.one_of(
    WHOLE,
    st.just(DIGITS),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1e308, -1e308, 5e-324, 1e15, -1e15]),
)
HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07",
    "\r\nCRITICAL",
    "\u202eevil",
    "[bold]red[/bold]",
    "=cmd|' /C calc'!A0",
    "{pnl.daily}",
    "%s%n",
    "../../etc/passwd",
    "\x00",
    "\ud7ff\uffff",
    "é₹𝄞",
    "x" * 5_000,
    "\u200b" * 40,
    "NaN",
    "2025-10-12T12:34:56.120+05:30",
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59-23:59",
    "null",
]
TEXT = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=12))
SCALAR = st.one_of(st.none(), st.booleans(), NUMBER, TEXT)
JSON: st.SearchStrategy[Json] = st.recursive(
    SCALAR,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXT, inner, max_size=4)),
    max_leaves=8,
)
CASES = st.sampled_from([*MUST_ACCEPT, *MUST_REFUSE, *OPEN])
BYTES = st.one_of(st.binary(max_size=80), CASES)


def encoded(value: Json) -> bytes:
    """Return JSON as anybody may write it: whole numbers of any length, lone surrogates."""
    text = json.dumps(value, ensure_ascii=False).replace(json.dumps(DIGITS), "9" * 5_000)
    return text.encode("utf-8", "surrogatepass")


@st.composite
def spoilt(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw bytes with some left out, put in, changed, or written over by NULs."""
    begin = draw(st.integers(0, len(data)))
    length = draw(st.sampled_from([0, 1, 2, 8, 64, len(data)]))
    put = draw(
        st.one_of(st.binary(max_size=6), st.just(b"\0" * length), CASES.map(lambda c: c[:40]))
    )
    return data[:begin] + put + data[begin + length :]


def places(record: Json, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a record, the record itself left out."""
    inner = record.items() if isinstance(record, dict) else enumerate(record)
    found = []
    for name, value in inner:
        found.append((*above, name))
        if isinstance(value, dict | list):
            found += places(value, (*above, name))
    return found


@st.composite
def altered(draw: st.DrawFn, record: Json) -> Json:
    """Draw a record with one to three values replaced by others, or left out."""
    copy = json.loads(json.dumps(record))
    for _ in range(draw(st.integers(1, 3))):
        there = places(copy)
        if not there:
            break
        path = draw(st.sampled_from(there))
        holder = copy
        for name in path[:-1]:
            holder = holder[name]
        if draw(st.integers(0, 5)) == 0:
            del holder[path[-1]]
        else:
            holder[path[-1]] = draw(like(holder[path[-1]]))
    return copy


def like(value: Json) -> st.SearchStrategy[Json]:
    """Return values that may stand where this one did: more often than not of its type."""
    if isinstance(value, bool):
        return st.one_of(st.booleans(), JSON)
    if isinstance(value, int | float):
        return st.one_of(NUMBER, NUMBER, st.just(-value), JSON)
    if isinstance(value, str):
        return st.one_of(TEXT, TEXT, JSON)
    return JSON
