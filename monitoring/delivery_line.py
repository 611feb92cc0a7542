"""The deliveries log as others than the notifier read it: what became of each message."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from evaluator.instant import Instant


class DeliveryLine(msgspec.Struct, frozen=True, kw_only=True):
    """What concerns one incident and one channel of a line of `logs/deliveries/<date>.jsonl`."""

    kind: Literal["planned", "passed", "sent", "failed", "dead"]
    at: Instant
    incident: str = ""
    step: str = ""
    over: bool = False
    channels: tuple[str, ...] = ()
    passed: dict[str, str] = {}
    key: str = ""
    attempts: int = 0
    reason: str = ""

    def key_to(self, channel: str) -> str:
        """Return the key by which a planned message goes to a channel."""
        return f"{self.incident}.{self.step}.{channel}"


def read_deliveries(folder: Path) -> Iterator[DeliveryLine]:
    """Yield the whole lines of all files, oldest first, without the states. Raises OSError."""
    names = sorted(os.listdir(folder)) if folder.is_dir() else []
    for name in names:
        for raw in (folder / name).read_bytes().split(b"\n"):
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                yield _decode(raw)


_decode = msgspec.json.Decoder(DeliveryLine).decode
