"""More file events than the kernel keeps for a reader that is stopped."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
LIMIT = Path("/proc/sys/fs/inotify/max_queued_events")


@pytest.mark.fault("T8")
def test_the_poll_finds_every_tick_whose_event_was_dropped(monitored: Monitored) -> None:
    kept = int(LIMIT.read_text())
    if kept > 100_000:
        pytest.skip(f"this machine keeps {kept} events: writing more would take too long")
    collector = monitored.collector()
    collector.send_signal(signal.SIGSTOP)
    ticks = kept // 2 + 2_000
    folder = monitored.home.heartbeat
    folder.mkdir(parents=True, exist_ok=True)
    # By turns: of two alike that follow each other the kernel makes one (inotify(7)).
    with (
        (folder / "main-w1.jsonl").open("ab", buffering=0) as one,
        (folder / "main-w2.jsonl").open("ab", buffering=0) as other,
    ):
        for seq in range(1, ticks + 1):
            one.write(b'{"kind":"tick","writer":"w1","seq":%d}\n' % seq)
            other.write(b'{"kind":"tick","writer":"w2","seq":%d}\n' % seq)
    collector.send_signal(signal.SIGCONT)
    monitored.wait(lambda: monitored.counted() >= 2 * ticks, "every tick")

    monitored.append("main-w1.jsonl", b'{"kind":"tick","writer":"w1","seq":%d}\n' % (ticks + 1))
    monitored.wait(lambda: monitored.counted() >= 2 * ticks + 1, "a tick after that")
    newest = monitored.snapshots()[-1].collector
    assert monitored.counted() == 2 * ticks + 1
    assert (newest.ticks_lost, newest.gaps, newest.ticks_duplicate) == (0, [], 0)
