"""A disk with room for bytes and none for another file."""

from __future__ import annotations

import os
from typing import Any

import pytest

Monitored = Any
Mount = Any


@pytest.mark.fault("S2")
def test_it_is_told_and_evaluation_goes_on_and_every_tick_is_in_a_snapshot_later(
    monitored: Monitored, mount: Mount
) -> None:
    data = mount(
        monitored.home.root / "data", "-t", "tmpfs", "-o", "size=96m,nr_inodes=200", "tmpfs"
    )
    line = b'{"kind":"tick","writer":"w1","seq":%d}\n'
    monitored.append("main-w1.jsonl", line % 1)
    monitored.collector()
    monitored.scheduler()
    monitored.wait(lambda: monitored.counted() == 1, "the first tick")
    filler = data / "filler"
    filler.mkdir()
    number = 0

    def fill() -> None:
        nonlocal number
        try:
            while True:
                (filler / str(number)).touch()
                number += 1
        except OSError:
            return

    def told() -> bool:
        fill()  # what is given up or removed meanwhile is taken too
        return "No space left on device" in monitored.said()

    monitored.wait(told, "words about the disk")
    monitored.append("main-w1.jsonl", line % 2)  # the engine's file is there already
    monitored.wait(
        lambda: fill() or monitored.firing("collector_stale"), "an evaluation of what is there"
    )
    for file in filler.iterdir():
        os.unlink(file)
    monitored.wait(lambda: monitored.counted() == 2, "the tick that was read meanwhile")
    assert monitored.snapshots()[-1].collector.ticks_lost == 0
    assert monitored.stop() == [0, 0]
