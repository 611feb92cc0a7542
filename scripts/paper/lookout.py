"""What the demo sees: new lines of the alert log and of the engine's journal, as they land."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from monitoring.alert_line import AlertLine

T = TypeVar("T")


class Lines(Generic[T]):
    """The complete lines of the files that match a pattern, each decoded and returned once."""

    def __init__(self, folder: Path, pattern: str, type_: type[T]) -> None:
        self._folder = folder
        self._pattern = pattern
        self._decode = msgspec.json.Decoder(type_).decode
        self._read: dict[Path, int] = {}

    def new(self) -> list[T]:
        """Return what was appended since the last call; a line without its newline waits."""
        found = []
        for file in sorted(self._folder.glob(self._pattern)):
            offset = self._read.get(file, 0)
            with file.open("rb") as lines:
                lines.seek(offset)
                whole = lines.read().rpartition(b"\n")
            self._read[file] = offset + len(whole[0]) + len(whole[1])
            found += [self._decode(line) for line in whole[0].splitlines()]
        return found


class Alerts:
    """The alert log: every line that tells of an alert, with the monotonic ns it was seen at."""

    def __init__(self, folder: Path) -> None:
        self._lines = Lines(folder, "*.jsonl", AlertLine)
        self._seen: list[tuple[int, AlertLine]] = []

    def look(self) -> list[tuple[int, AlertLine]]:
        """Return the lines that landed since the last look."""
        new = [line for line in self._lines.new() if line.kind == "alert"]
        now_ns = time.monotonic_ns()
        self._seen += [(now_ns, line) for line in new]
        return [(now_ns, line) for line in new]

    def find(self, rule: str, status: str, after_ns: int = 0) -> AlertLine | None:
        """Return the first line of `rule` with `status` that was seen after `after_ns`."""
        for seen_ns, line in self._seen:
            if (line.rule, line.status) == (rule, status) and seen_ns > after_ns:
                return line
        return None

    def ended_ns(self, rule: str, before_ns: int) -> int:
        """Return when `rule` was last resolved before `before_ns`; 0 when it never was."""
        ends = (
            seen_ns
            for seen_ns, line in self._seen
            if (line.rule, line.status) == (rule, "resolved") and seen_ns < before_ns
        )
        return max(ends, default=0)
