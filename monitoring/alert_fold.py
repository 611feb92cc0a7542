"""Reading the alert log: lines, and the state of all alerts that follows from them.

A record is whole when its JSON is, with a newline after it or not. A *block* is what a file
begins with: `carry` lines of every incident that was open, of the silences, and of what was over
so lately that it matters to flapping; then a `carry_end` that counts them.
The state is that of the complete block with the greatest seq, whatever file it is in, and all
lines with a greater seq, from whatever files they are in. So the clock may be set back over
midnight, a block may be torn, and any file older than the newest block may be deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from evaluator.incident import Incident, States
from evaluator.instant import Instant
from evaluator.silence import Silence
from monitoring.alert_line import AlertLine, incident_of
from monitoring.market_override import Overrides, take

FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}\.jsonl")
TAIL_BYTES = 65_536
DAY_MS = 86_400_000
_LINE = msgspec.json.Decoder(AlertLine)


class Folded(msgspec.Struct, kw_only=True):
    """What the alert log says: open incidents by rule, overrides of the market by id, and where
    the log stands.

    `silences` are by id; `past` is by rule the last incident that fired and is over.
    `snapshot` is the number in the newest line, `at` that line's instant; `faults` names what
    could not be read. `holding` are the files that this was read from: no other is needed.
    """

    states: States = {}
    market: Overrides = {}
    silences: dict[str, Silence] = {}
    past: dict[str, Incident] = {}
    seq: int = 0
    snapshot: int = 0
    at: Instant | None = None
    requests: set[str] = msgspec.field(default_factory=set)
    faults: list[str] = []
    holding: list[str] = []


class Scanned(msgspec.Struct, kw_only=True):
    """One file. `faults` are lines that are not records, by byte offset; `torn` is the offset of
    a last line without newline that is no record (None: there is none); `open_ended`: the file
    ends without a newline.
    """

    lines: list[AlertLine] = []
    faults: dict[int, str] = {}
    torn: int | None = None
    open_ended: bool = False
    size: int = 0


def log_files(folder: Path) -> list[Path]:
    """Return the files of the alert log, oldest date first. Raises OSError (not for no folder)."""
    try:
        with os.scandir(folder) as entries:
            found = [
                folder / entry.name
                for entry in entries
                if FILE_NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    return sorted(found)


def scan(data: bytes) -> Scanned:
    """Return every record in the bytes of one file, and what is not a record."""
    found = Scanned(size=len(data), open_ended=bool(data) and not data.endswith(b"\n"))
    offset = 0
    for number, raw in enumerate(data.split(b"\n"), 1):
        begin, offset = offset, offset + len(raw) + 1
        if not raw:
            continue
        line = _record(raw)
        if line is None:
            if begin + len(raw) == len(data):
                found.torn = begin
            else:
                found.faults[begin] = f"line {number} is not a record: {raw[:60]!r}"
            continue
        if line.kind == "healed":
            found.faults.pop(_count(line, "offset"), None)
        found.lines.append(line)
    return found


def newest_block(lines: list[AlertLine]) -> list[AlertLine] | None:
    """Return the carry lines and the carry_end of the last complete block, None without one."""
    by_seq = {line.seq: line for line in lines}
    for end in reversed(lines):
        if end.kind != "carry_end":
            continue
        carries = _count(end, "carries")
        if carries > len(lines):
            continue
        block = [by_seq.get(seq) for seq in range(end.seq - carries, end.seq)]
        whole = [line for line in block if line is not None and line.kind == "carry"]
        if len(whole) == carries:
            return [*whole, end]
    return None


def fold(folder: Path) -> Folded:
    """Return the state of all alerts. Raises OSError when the log can't be read."""
    lasts = [(_last_seq(path), path) for path in log_files(folder)]
    block: list[AlertLine] = []
    lines: list[AlertLine] = []
    folded = Folded()
    for last_seq, path in sorted(lasts, reverse=True):
        if block and last_seq <= block[-1].seq:
            break
        scanned = scan(path.read_bytes())
        folded.holding.append(path.name)
        folded.faults += [f"{path.name}: {fault}" for fault in scanned.faults.values()]
        lines += scanned.lines
        found = newest_block(scanned.lines)
        if found is not None and (not block or found[-1].seq > block[-1].seq):
            block = found
    for line in block:
        _apply(folded, line)
    for line in sorted(lines, key=_seq):
        if line.seq <= folded.seq:
            continue
        if block and line.kind == "carry":
            # Of a later block that is torn: it repeats what is known, and its seq is used up.
            folded.seq = line.seq
        else:
            _apply(folded, line)
    folded.requests = {line.request for line in lines if line.request is not None}
    return folded


def read(folder: Path, since_ms: int | None = None, after_seq: int = 0) -> Iterator[AlertLine]:
    """Yield lines with a seq past `after_seq` in their order, each seq once; lines older than
    `since_ms` (POSIX ms) are left out. Raises OSError when the log can't be read.
    """
    found: dict[int, AlertLine] = {}
    for path in log_files(folder):
        last = last_line(path)
        if last is None or last.seq <= after_seq:
            continue
        # A day more, as a clock that was set back may have written younger lines before it.
        if since_ms is None or wall_ms(last) >= since_ms - DAY_MS:
            for line in scan(path.read_bytes()).lines:
                if line.seq > after_seq:
                    found.setdefault(line.seq, line)
    for seq in sorted(found):
        if since_ms is None or wall_ms(found[seq]) >= since_ms:
            yield found[seq]


def last_line(path: Path) -> AlertLine | None:
    """Return the last record of a file, None when it holds none. Raises OSError."""
    with path.open("rb") as file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES)
        while True:
            file.seek(start)
            for raw in reversed(file.read().split(b"\n")):
                if (line := _record(raw)) is not None:
                    return line
            if start == 0:
                return None
            start = 0


def wall_ms(line: AlertLine) -> int:
    """Return a line's timestamp as POSIX milliseconds, 0 when it can't be understood."""
    try:
        return round(datetime.fromisoformat(line.timestamp).timestamp() * 1000)
    except ValueError:
        return 0


def absorb(folded: Folded, line: AlertLine) -> None:
    """Take one more line, the next by seq, into the state."""
    _apply(folded, line)
    if line.request is not None:
        folded.requests.add(line.request)


def _apply(folded: Folded, line: AlertLine) -> None:
    folded.seq, folded.snapshot = line.seq, line.snapshot
    folded.at = Instant(wall_ms(line), line.boottime_ns, line.boot_id)
    if line.market is not None:
        take(folded.market, line.market)
        return
    if line.silence is not None:
        if line.status == "active":
            folded.silences[line.silence.id] = line.silence
        else:
            folded.silences.pop(line.silence.id, None)
        return
    if line.kind not in ("alert", "carry"):
        return
    incident = incident_of(line)
    if incident is None:
        return
    if incident.status in ("pending", "firing"):
        folded.states[incident.rule] = incident
        return
    if line.kind == "alert":  # a carried one that is over may stand beside an open one
        folded.states.pop(incident.rule, None)
    if incident.status == "resolved":
        folded.past[incident.rule] = incident


def _record(raw: bytes) -> AlertLine | None:
    try:
        return _LINE.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _count(line: AlertLine, name: str) -> int:
    """Return a number in a line's context, 0 when there is none of that name."""
    value = line.context.get(name)
    return int(value) if isinstance(value, int | float) else 0


def _last_seq(path: Path) -> int:
    line = last_line(path)
    return line.seq if line is not None else 0


def _seq(line: AlertLine) -> int:
    return line.seq
