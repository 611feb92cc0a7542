"""What the engines wrote, read from their files by somebody who trusts no collector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

Line = dict[str, Any]


class Ledger:
    """The ticks on disk by writer. Files of a writer that died don't change any more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.seqs: dict[str, set[int]] = {}
        self.told: dict[str, int] = {}
        self.doubled = 0
        self._read: set[Path] = set()

    def enter(self) -> None:
        """Read all files that were not read before. To be called while no engine runs."""
        for file in set(self._folder.glob("*.jsonl")) - self._read:
            self._read.add(file)
            for text in file.read_bytes().split(b"\n")[:-1]:
                try:
                    line: Line = msgspec.json.decode(text)
                except msgspec.DecodeError:
                    continue  # a torn line costs itself alone
                self._enter(line)

    def _enter(self, line: Line) -> None:
        writer = line["writer"]
        if line["kind"] == "tick":
            seqs = self.seqs.setdefault(writer, set())
            self.doubled += line["seq"] in seqs
            seqs.add(line["seq"])
        elif line["kind"] == "close":
            self.told[writer] = line["last_seq"]

    @property
    def ticks(self) -> int:
        """How many different ticks stand on disk."""
        return sum(map(len, self.seqs.values()))

    @property
    def sum_of_numbers(self) -> int:
        """What the `custom.n` of all of them add up to: each is its tick's seq."""
        return sum(map(sum, self.seqs.values()))

    def missing(self, writer: str) -> set[int]:
        """Return what a writer gave a seq and did not write before its last tick.

        After its last tick only a close line tells how many there were.
        """
        seqs = self.seqs.get(writer, set())
        last = max(self.told.get(writer, 0), *seqs, 0)
        return set(range(1, last + 1)) - seqs
