"""Where log lines end up: a terminal that may be stuck, a file on a disk that may be full."""

from __future__ import annotations

import atexit
import errno
import json
import os
import queue
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from monitoring.atomic import FILE_MODE, make_folder
from monitoring.redaction import without_hidden

if TYPE_CHECKING:
    from loguru import Message

WAITING_LINES = 1000
LEAVE_SECONDS = 1.0
"""At its end a process waits this long for the terminal to take the last lines."""

FILE_BYTES = 10_000_000
KEPT_FILES = 5
"""With the current one: a process's logs never take more than this many times FILE_BYTES."""


def printable(text: str) -> str:
    """Return the text with control characters as escapes, line breaks too: it may come from an
    engine's file, and a terminal would obey it.
    """
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )


class Terminal:
    """Writes short lines to a descriptor from a thread of its own; when that is stuck, lines are
    dropped and counted, and the count is written when it goes on.

    The thread writes to the bare descriptor: stuck inside `sys.stderr`, it would hold a lock that
    the interpreter needs at its end. O_NONBLOCK is no way out: it would be set for all processes
    that share the terminal.
    """

    def __init__(self, descriptor: int, capacity: int = WAITING_LINES) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[str | None] = queue.Queue(capacity)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log-terminal", daemon=True)
        self._thread.start()
        atexit.register(self.close)

    def write(self, message: Message) -> None:
        """Hand one record over; never waits."""
        record = message.record
        head = (
            f"{record['time']:%H:%M:%S} {record['level'].name:<8} "
            f"{record['extra'].get('process')}: {printable(without_hidden(record['message']))}"
        )
        trace = [printable(line) for line in without_hidden(str(message)).splitlines()]
        self.say("\n".join([head, *trace]))

    def say(self, line: str) -> None:
        """Hand one line over; never waits."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self, patience_seconds: float = LEAVE_SECONDS) -> None:
        """Let the last lines out, as long as that takes no longer than the patience."""
        try:
            self._lines.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(patience_seconds)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            try:
                self._put(line)
                if self._dropped:
                    dropped, self._dropped = self._dropped, 0
                    self._put(f"{dropped} log lines are missing here: nobody took them")
            except OSError:
                return  # a closed pipe: nobody reads any more

    def _put(self, line: str) -> None:
        view = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        while view:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:  # another process of this terminal has set O_NONBLOCK
                select.select([], [self._descriptor], [])


class JsonFile:
    """Appends records as JSON lines to a file that is rotated by size.

    A line that can't be written is dropped: `tell` hears of the first one, and, when it works
    again, how many there were.
    """

    def __init__(
        self, path: Path, tell: Callable[[str], None], largest_bytes: int = FILE_BYTES
    ) -> None:
        self._path = path
        self._tell = tell
        self._largest_bytes = largest_bytes
        self._descriptor: int | None = None
        self._size = 0
        self._dropped = 0
        self._torn = False

    def write(self, message: Message) -> None:
        """Append one record. Never raises OSError."""
        try:
            self._append(_json_line(message))
        except OSError as fault:
            self._close()
            self._dropped += 1
            if self._dropped == 1:
                self._tell(f"log lines are lost: {self._path} can't be written ({fault.strerror})")
            return
        if self._dropped:
            self._tell(f"{self._path} is written again; {self._dropped} log lines are lost")
            self._dropped = 0

    def _append(self, line: bytes) -> None:
        if self._descriptor is not None and self._size + len(line) > self._largest_bytes:
            self._close()
            self._rotate()
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None  # noqa: S101 -- opened just above
        if self._torn:
            line = b"\n" + line  # not glued to what a disk that filled up had no room for
        written = os.write(self._descriptor, line)
        self._size += written
        self._torn = written < len(line)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> None:
        make_folder(self._path.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags | os.O_NONBLOCK, FILE_MODE)
        self._size = os.fstat(self._descriptor).st_size

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _rotate(self) -> None:
        """Rename `x.jsonl` to `x.1.jsonl`, that to `x.2.jsonl` and so on; the oldest goes."""
        names = [self._path] + [
            self._path.with_suffix(f".{number}.jsonl") for number in range(1, KEPT_FILES)
        ]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                os.replace(newer, older)


def _json_line(message: Message) -> bytes:
    record = message.record
    line: dict[str, Any] = {
        "timestamp": record["time"].isoformat(timespec="milliseconds"),
        "level": record["level"].name,
        **record["extra"],
        "message": without_hidden(record["message"]),
    }
    if trace := without_hidden(str(message)).strip():
        line["exception"] = trace
    try:
        text = msgspec.json.encode(line, enc_hook=str).decode()
    except UnicodeEncodeError:  # a file name that is no UTF-8
        text = json.dumps(line, default=str)
    if not text.isprintable():  # JSON itself lets DEL, C1 and bidirectional marks stand
        text = "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)
    return f"{text}\n".encode()
