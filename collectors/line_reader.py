"""Whole lines out of one growing file, in bounded pieces.

*Incomplete* (no newline yet: wait), *oversize* (skipped to its newline) and *whole* are three
different answers.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from hashlib import blake2b

import msgspec

CHUNK_BYTES = 64 * 1024
"""What is parsed at once: larger ones leave the caches (a fifth slower) and take more memory."""

MAX_LINE_BYTES = 1024 * 1024
"""A longer line is no tick: it is thrown away, keeping its beginning for the quarantine."""

HEAD_BYTES = 1024
TAIL_BYTES = 64
KEPT_BYTES = 512


class Piece(msgspec.Struct, frozen=True):
    """The bytes from `start` to `end` of a file: whole lines, or (empty) a part of a line too long.

    `oversize` is the beginning of such a line, given once. `skipping`: at `end` it still goes on.
    """

    start: int
    end: int
    data: bytes
    tail: bytes
    skipping: bool = False
    oversize: bytes | None = None


def pieces(
    descriptor: int, start: int, end: int, tail: bytes, *, skipping: bool
) -> Iterator[Piece]:
    """Yield what lies between two offsets, save a last line without its newline.

    `tail` are the last bytes before `start`; `skipping`: `start` lies within a line too long.
    Raises OSError.
    """
    while start < end:
        data = os.pread(descriptor, min(CHUNK_BYTES, end - start), start)
        cut = (data.find(b"\n") if skipping else data.rfind(b"\n")) + 1
        if not cut and not skipping and len(data) == CHUNK_BYTES:
            data = os.pread(descriptor, min(MAX_LINE_BYTES + 1, end - start), start)
            cut = data.rfind(b"\n") + 1
        oversize = None
        if skipping:
            skipping = not cut
            cut, lines = cut or len(data), b""
        elif cut:
            lines = data[:cut]
        elif len(data) > MAX_LINE_BYTES:
            skipping, oversize = True, data[:KEPT_BYTES]
            cut, lines = len(data), b""
        else:
            return
        if not cut:  # the file became shorter under us
            return
        tail = (tail + data[:cut][-TAIL_BYTES:])[-TAIL_BYTES:]
        yield Piece(start, start + cut, lines, tail, skipping, oversize)
        start += cut


def head_at(descriptor: int) -> bytes | None:
    """Return the first line of a file, None while that has no newline yet.

    Of a line longer than `HEAD_BYTES` the beginning is returned. Raises OSError.
    """
    data = os.pread(descriptor, HEAD_BYTES, 0)
    newline = data.find(b"\n")
    if newline < 0 and len(data) < HEAD_BYTES:
        return None
    return data if newline < 0 else data[: newline + 1]


def tail_at(descriptor: int, offset: int) -> bytes:
    """Return the last bytes before `offset`. Raises OSError."""
    length = min(TAIL_BYTES, offset)
    return os.pread(descriptor, length, offset - length)


def digest(data: bytes) -> str:
    """Return a short hash (it tells files apart, it protects nothing)."""
    return blake2b(data, digest_size=8).hexdigest()
