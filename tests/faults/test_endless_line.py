"""A "line" of 1 GiB without a newline."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
GIB = 1024**3
MOST_GROWTH_BYTES = 32 * 1024 * 1024


def peak_bytes(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.fault("T11")
@pytest.mark.timeout(300)
def test_it_costs_itself_alone_and_no_memory(monitored: Monitored) -> None:
    monitored.append("main-w1.jsonl", b'{"kind":"tick","writer":"w1","seq":1}\n')
    collector = monitored.collector()
    monitored.wait(lambda: monitored.counted() == 1, "the tick before")
    before = peak_bytes(collector.pid)

    file = monitored.home.heartbeat / "main-w1.jsonl"
    os.truncate(file, file.stat().st_size + GIB)  # a hole: a gibibyte of NULs
    monitored.append("main-w1.jsonl", b'\n{"kind":"tick","writer":"w1","seq":2}\n')
    monitored.wait(lambda: monitored.counted() == 2, "the tick after", seconds=240)

    assert peak_bytes(collector.pid) - before < MOST_GROWTH_BYTES
    assert monitored.snapshots()[-1].collector.lines_rejected == 1
    kept = "".join(file.read_text() for file in monitored.home.quarantine.iterdir())
    assert "longer than 1 MiB" in kept
