"""What the lines of a heartbeat file say: ticks, headers, pulses, closes, or why they say nothing.

A value of the wrong type costs that value alone, a line that can't be understood that line alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from tickbeat.record import GROUPS, MOST, Close, Header, Pulse, Tick, Whole

Line = Any
"""A tick with what was left out (UNSET) told from what is null (None: not known now).

Made from `tickbeat.record.Tick`, so that the two can't drift apart: `kind`, `writer`, `seq`, the
groups, `artifacts` and `custom`.
"""

Special = Header | Pulse | Close


class Reject(msgspec.Struct, frozen=True):
    """A line that is not used, and why."""

    line: bytes
    reason: str


class Parsed(msgspec.Struct):
    """Lines in order: runs of ticks, and between them the special lines."""

    lines: int = 0
    runs: list[list[Line] | Special] = []
    rejects: list[Reject] = []
    values_rejected: int = 0


def _group_line(record: type[msgspec.Struct]) -> type[msgspec.Struct]:
    fields = [(f.name, f.type | UnsetType, UNSET) for f in msgspec.structs.fields(record)]
    # gc=False: they hold no cycle, and tracking them costs a tenth of the decoding
    return msgspec.defstruct(f"{record.__name__}Line", fields, gc=False)


GROUP_LINES = {name: _group_line(record) for name, record in GROUPS.items()}
_FREE_TYPES: dict[str, Any] = {
    f.name: f.type for f in msgspec.structs.fields(Tick) if f.name in {"artifacts", "custom"}
}
_VALUE_TYPES: dict[str, Any] = {
    "artifacts": float | None,
    "custom": float | bool | str | None,
}
_TICK_LINE = msgspec.defstruct(
    "TickLine",
    [
        ("kind", str, "tick"),
        ("writer", str | None, None),
        ("seq", Whole | None, None),
        *((name, line | None | UnsetType, UNSET) for name, line in GROUP_LINES.items()),
        *((name, free | UnsetType, UNSET) for name, free in _FREE_TYPES.items()),
    ],
    gc=False,
)
_decode_tick: Callable[[bytes], Line] = msgspec.json.Decoder(_TICK_LINE).decode
_decode_any = msgspec.json.Decoder().decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_GROUP_DECODERS = {name: msgspec.json.Decoder(line).decode for name, line in GROUP_LINES.items()}
_FIELD_DECODERS = {
    (name, f.name): msgspec.json.Decoder(f.type).decode
    for name, record in GROUPS.items()
    for f in msgspec.structs.fields(record)
}
_FREE_DECODERS = {name: msgspec.json.Decoder(type_).decode for name, type_ in _VALUE_TYPES.items()}
_SPECIALS: dict[str, msgspec.json.Decoder[Special]] = {
    "header": msgspec.json.Decoder(Header),
    "pulse": msgspec.json.Decoder(Pulse),
    "close": msgspec.json.Decoder(Close),
}
# RecursionError: nested deeper than the stack allows. UnicodeDecodeError: not UTF-8
_FAULTS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def parse(data: bytes) -> Parsed:
    """Return what the lines in `data` say; it must end with a newline."""
    lines = data.split(b"\n")
    lines.pop()
    try:
        if not data.isascii():
            data.decode()  # the typed decoder does not look into the strings that it skips
        ticks = list(map(_decode_tick, lines))
    except _FAULTS:
        return _one_by_one(lines)
    if [tick.kind for tick in ticks].count("tick") == len(ticks):
        return Parsed(lines=len(lines), runs=[ticks])
    return _sorted_out(lines, ticks)


def _one_by_one(lines: list[bytes]) -> Parsed:
    parsed = Parsed()
    read: list[bytes] = []
    ticks: list[Line] = []
    for line in lines:
        try:
            if not line.isascii():
                line.decode()
            tick = _decode_tick(line)
        except _FAULTS as fault:
            tick = _lenient(line, fault, parsed)
        if tick is not None:
            read.append(line)
            ticks.append(tick)
    sorted_out = _sorted_out(read, ticks)
    parsed.lines = len(lines)
    parsed.runs = sorted_out.runs
    parsed.rejects += sorted_out.rejects
    return parsed


def _sorted_out(lines: list[bytes], ticks: list[Line]) -> Parsed:
    """Part ticks from special lines, keeping their order."""
    parsed = Parsed(lines=len(lines))
    run: list[Line] = []
    for line, tick in zip(lines, ticks, strict=True):
        if tick.kind == "tick":
            run.append(tick)
            continue
        decoder = _SPECIALS.get(tick.kind)
        if decoder is None:
            parsed.rejects.append(Reject(line, f"unknown kind {tick.kind[:40]!r}"))
            continue
        try:
            special = decoder.decode(line)
        except _FAULTS as fault:
            parsed.rejects.append(Reject(line, f"{tick.kind} line: {fault}"))
            continue
        if run:
            parsed.runs.append(run)
            run = []
        parsed.runs.append(special)
    if run:
        parsed.runs.append(run)
    return parsed


def _lenient(line: bytes, fault: Exception, parsed: Parsed) -> Line | None:
    """Return the tick with its ill-typed values null, or None with the line among the rejects."""
    if not line.strip():
        parsed.rejects.append(Reject(line, "empty line"))
        return None
    try:
        line.decode()
        fields = _decode_fields(line)
    except _FAULTS:
        parsed.rejects.append(Reject(line, _why_no_object(line)))
        return None
    kind = _value(fields, "kind", parsed)
    if kind is None or kind == "tick":
        return _salvage(fields, parsed)
    if not isinstance(kind, str):
        parsed.rejects.append(Reject(line, "kind is not a text"))
        return None
    if kind in _SPECIALS:
        parsed.rejects.append(Reject(line, f"{kind} line: {fault}"))
        return None
    parsed.rejects.append(Reject(line, f"unknown kind {kind[:40]!r}"))
    return None


def _why_no_object(line: bytes) -> str:
    try:
        line.decode()
        _decode_any(line)
    except RecursionError:
        return "nested too deeply"
    except _FAULTS as fault:
        return f"not JSON: {fault}"
    return "not a JSON object"


def _salvage(fields: dict[str, msgspec.Raw], parsed: Parsed) -> Line:
    tick: Line = _TICK_LINE()
    writer = _value(fields, "writer", parsed)
    if isinstance(writer, str):
        tick.writer = writer
    elif writer is not None:
        parsed.values_rejected += 1
    seq = _value(fields, "seq", parsed)
    if isinstance(seq, float) and seq.is_integer():  # languages without integers write 5.0
        seq = int(seq)
    if isinstance(seq, int) and not isinstance(seq, bool) and 0 <= seq <= MOST:
        tick.seq = seq
    elif seq is not None:
        parsed.values_rejected += 1
    for name in GROUP_LINES:
        if name in fields:
            setattr(tick, name, _group(name, fields[name], parsed))
    for name in _FREE_DECODERS:
        if name in fields:
            setattr(tick, name, _free_group(name, fields[name], parsed))
    return tick


def _group(name: str, raw: msgspec.Raw, parsed: Parsed) -> Line | None:
    try:
        return _GROUP_DECODERS[name](raw)
    except _FAULTS:
        fields = _fields(raw, parsed)
    if fields is None:
        return None
    group: Line = GROUP_LINES[name]()
    for field in group.__struct_fields__:
        if field in fields:
            value = None
            try:
                value = _FIELD_DECODERS[name, field](fields[field])
            except _FAULTS:
                parsed.values_rejected += 1
            setattr(group, field, value)
    return group


def _free_group(name: str, raw: msgspec.Raw, parsed: Parsed) -> dict[str, Any] | None:
    fields = _fields(raw, parsed)
    if fields is None:
        return None
    group: dict[str, Any] = {}
    for field, value in fields.items():
        group[field] = None
        try:
            group[field] = _FREE_DECODERS[name](value)
        except _FAULTS:
            parsed.values_rejected += 1
    return group


def _fields(raw: msgspec.Raw, parsed: Parsed) -> dict[str, msgspec.Raw] | None:
    """Return the fields of a group, None when it is null or (counted) no object."""
    if bytes(raw).strip() == b"null":
        return None
    try:
        return _decode_fields(raw)
    except _FAULTS:
        parsed.values_rejected += 1
        return None


def _value(fields: dict[str, msgspec.Raw], name: str, parsed: Parsed) -> object:
    """Return one top-level value, None when it is absent, null, or (counted) out of range."""
    if name not in fields:
        return None
    try:
        return _decode_any(fields[name])
    except _FAULTS:
        parsed.values_rejected += 1
        return None
