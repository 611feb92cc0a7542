"""The lines of a heartbeat file as bytes: ticks put together by hand, for speed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Literal

import msgspec

from tickbeat.encode import Encoding
from tickbeat.intake import Entry
from tickbeat.record import FORMAT_VERSION, Header

_Forbidden = Literal["\0"]


class _NoneOfOurs(msgspec.Struct):
    """Decoding into this checks a tick's JSON, and fails if it fills what is the writer's to fill.

    All other fields are skipped, so it costs a third of an encode.
    """

    kind: _Forbidden = "\0"
    writer: _Forbidden = "\0"
    seq: _Forbidden = "\0"
    timestamp: _Forbidden = "\0"


_EMPTY = (b"{}", b"null")
_clean = msgspec.json.Decoder(_NoneOfOurs | None).decode_lines
_fields_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


class TickLines:
    """Compose the tick lines of one writer."""

    def __init__(self, writer: str, encoding: Encoding) -> None:
        self._encoding = encoding
        self._head = b'{"kind":"tick","writer":"%b","seq":' % writer.encode()
        self._stamped_ms = -1
        self._stamp = b""
        self._second = -1
        self._second_text = b""

    def compose(self, entries: Sequence[Entry], bodies: bytes) -> list[bytes]:
        """Return the lines of `entries`, whose JSON texts are in `bodies`, a line each.

        Each line is the engine's fields with kind, writer, seq and timestamp in front. What
        is not a JSON object is left out and counted. A timestamp of the engine's own is
        kept; a kind, writer or seq of its own is not.
        """
        try:
            # A Decimal of 1E+400 is fine JSON, and beyond every double.
            checked = not (b"+" in bodies and b"E+" in bodies)
            _clean(bodies)
        except msgspec.DecodeError:
            checked = False
        lines = []
        for seq, at_ns, body, _ in entries:
            ms = at_ns // 1_000_000
            stamp = self._stamp if ms == self._stamped_ms else self._new_stamp(ms)
            if not checked:
                stamp, body = self._checked(stamp, body)  # noqa: PLW2901 - what it should have been
            rest = b"}" if body in _EMPTY else b"," + body[1:]
            lines.append(b"%b%d%b%b\n" % (self._head, seq, stamp, rest))
        return lines

    def _new_stamp(self, ms: int) -> bytes:
        second, self._stamped_ms = ms // 1_000, ms
        if second != self._second:
            self._second, self._second_text = second, _utc(second).encode()
        self._stamp = b',"timestamp":"%b.%03dZ"' % (self._second_text, ms % 1_000)
        return self._stamp

    def _checked(self, stamp: bytes, body: bytes) -> tuple[bytes, bytes]:
        if b"E+" in body:
            body = self._encoding.repair(body)
        try:
            _clean(body)
        except msgspec.DecodeError:
            pass
        else:
            return stamp, body
        try:
            fields = _fields_of(self._encoding.repair(body))
        except msgspec.DecodeError:
            self._encoding.nulled += 1
            return stamp, b"{}"
        for name in ("kind", "writer", "seq"):
            fields.pop(name, None)
        own = bytes(fields.pop("timestamp", b""))
        if own.startswith(b'"'):
            stamp = b',"timestamp":' + own
        return stamp, msgspec.json.encode(fields)


def now() -> str:
    """Return the present UTC time as ISO 8601 with milliseconds."""
    second, ms = divmod(time.time_ns() // 1_000_000, 1_000)
    return f"{_utc(second)}.{ms:03d}Z"


def header_line(
    engine: str, writer: str, segment: int, first_seq: int, interval_seconds: float | None
) -> bytes:
    """Return the first line of a file, which tells whose process writes it."""
    from tickbeat import __version__  # noqa: PLC0415 - the package imports this module

    return record_line(
        Header(
            format=FORMAT_VERSION,
            sdk=f"python/{__version__}",
            engine=engine,
            writer=writer,
            segment=segment,
            boot_id=_boot_id(),
            pid=os.getpid(),
            pid_started=_pid_started(),
            first_seq=first_seq,
            interval_seconds=interval_seconds,
            timestamp=now(),
        )
    )


def record_line(record: msgspec.Struct) -> bytes:
    """Return a header, pulse or close record as its line."""
    return msgspec.json.encode(record) + b"\n"


def _utc(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _boot_id() -> str | None:
    try:
        # As bytes: a codec is a module to import, and an engine that has changed its user since it
        # was started may not be allowed to read Python's own files any more.
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:
            return file.read().decode().strip()
    except OSError:
        return None


def _pid_started() -> int | None:
    """Return field 22 of /proc/self/stat; the name in field 2 may hold spaces and brackets."""
    try:
        with open("/proc/self/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
