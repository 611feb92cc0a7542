"""What a field did in a stretch of time, and the rows in which many fields are stored.

A row is a msgpack array with a place for each known field: null, a bare number for one that stood
still over one reading (most do), or its `Point`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from monitoring.snapshot import Snapshot, flatten


class Point(msgspec.Struct, array_like=True, frozen=True):
    """What one field did in one stretch of time; flags count as 0 and 1."""

    first: float
    last: float
    min: float
    max: float
    mean: float
    count: int


Doc = dict[str, Point]
"""field → what it did."""

Stored = Point | float | None
Row = list[Stored]

encode_row: Callable[[Row], bytes] = msgspec.msgpack.Encoder().encode
decode_row: Callable[[bytes], Row] = msgspec.msgpack.Decoder(Row).decode


def join(earlier: Point, later: Point) -> Point:
    """Return two adjoining stretches as one."""
    count = earlier.count + later.count
    mean = (earlier.mean * earlier.count + later.mean * later.count) / count
    return Point(
        earlier.first,
        later.last,
        min(earlier.min, later.min),
        max(earlier.max, later.max),
        mean,
        count,
    )


def doc_of(snapshot: Snapshot) -> Doc:
    """Return a snapshot's numbers; those of its window with their true extremes."""
    doc: Doc = {}
    for field, value in flatten(snapshot).items():
        if isinstance(value, bool | int | float) and not field.startswith("last."):
            doc[field] = _still(float(value))
    for field, stats in snapshot.window.stats.items():
        if stats.last is None or stats.count < 1:
            continue
        if stats.min is not None and stats.max is not None:
            first = stats.last if stats.first is None else stats.first
            mean = stats.last if stats.mean is None else stats.mean
            doc[field] = Point(first, stats.last, stats.min, stats.max, mean, stats.count)
        elif stats.any is not None:
            low, high = float(bool(stats.all)), float(stats.any)
            doc[field] = Point(stats.last, stats.last, low, high, stats.last, stats.count)
    return doc


def row_of(doc: Doc, places: Mapping[str, int]) -> Row:
    """Return the row of a doc whose fields all have a place."""
    row: Row = [None] * len(places)
    for field, point in doc.items():
        row[places[field]] = _compact(point)
    return row


def join_rows(into: Row, later: Row) -> None:
    """Add to a row what the fields did next."""
    into += [None] * (len(later) - len(into))
    for place, stored in enumerate(later):
        earlier = into[place]
        if earlier is None:
            into[place] = stored
        elif stored is not None:
            into[place] = join(_whole(earlier), _whole(stored))


def points_decoder(places: Sequence[int]) -> Callable[[bytes], list[Point | None]]:
    """Return what takes the points at these places out of a row; the others it skips unread."""
    slots: list[tuple[str, Any, Any]] = [
        (f"f{place}", Stored if place in places else msgspec.Raw, None)
        for place in range(max(places, default=-1) + 1)
    ]
    row = msgspec.defstruct("Row", slots, array_like=True)
    decode = msgspec.msgpack.Decoder(row).decode
    names = [f"f{place}" for place in places]

    def points(blob: bytes) -> list[Point | None]:
        found = decode(blob)
        stored = [getattr(found, name) for name in names]
        return [None if one is None else _whole(one) for one in stored]

    return points


def _still(number: float) -> Point:
    return Point(number, number, number, number, number, 1)


def _whole(stored: Point | float) -> Point:
    return stored if isinstance(stored, Point) else _still(stored)


def _compact(point: Point) -> Stored:
    """Return the point as it is stored: as few bytes as it takes; whole numbers take few."""
    if point.count == 1 and point.min == point.max:
        return _short(point.last)
    return Point(
        _short(point.first),
        _short(point.last),
        _short(point.min),
        _short(point.max),
        _short(point.mean),
        point.count,
    )


def _short(number: float) -> float:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
