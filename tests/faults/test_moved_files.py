"""Files and folders that are moved, made again, or come in pieces, under real processes."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

Monitored = Any
Mount = Any


@pytest.mark.fault("T1", "T7")
def test_a_line_in_pieces_counts_once_though_the_collector_is_killed_between_them(
    monitored: Monitored,
) -> None:
    line = b'{"kind":"tick","writer":"w1","seq":1,"pnl":{"daily":7.5}}\n'
    for piece in (line[:9], line[9:-1]):
        monitored.append("main-w1.jsonl", piece)
        collector = monitored.collector()
        assert monitored.counted() == 0
        assert monitored.snapshots()[-1].collector.cursors == [], "no identity is invented"
        collector.kill()
        collector.wait()
    monitored.append("main-w1.jsonl", line[-1:])
    monitored.collector()
    monitored.wait(lambda: monitored.counted() >= 1, "the tick")
    newest = monitored.snapshots()[-1]
    assert (monitored.counted(), newest.pnl["daily"]) == (1, 7.5)
    assert newest.collector.lines_rejected == 0


@pytest.mark.fault("T6")
@pytest.mark.parametrize("collector_is", ["down", "stopped"])
def test_a_new_file_on_the_inode_of_the_old_one_is_read_from_its_beginning(
    monitored: Monitored, ext4: Path, mount: Mount, collector_is: str
) -> None:
    mount(monitored.home.heartbeat, "-o", "loop", ext4)
    file = monitored.append("main.jsonl", b'{"pnl":{"daily":1}}\n' * 3)
    collector = monitored.collector()
    monitored.wait(lambda: monitored.counted() == 3, "the ticks of the first file")
    inode = file.stat().st_ino
    if collector_is == "down":
        collector.kill()
        collector.wait()
    else:
        collector.send_signal(signal.SIGSTOP)
    file.unlink()
    monitored.append("main.jsonl", b'{"pnl":{"daily":2}}\n' * 7)
    if file.stat().st_ino != inode:
        pytest.skip("this kernel's ext4 did not give the lowest free inode")
    if collector_is == "down":
        monitored.collector()
    else:
        collector.send_signal(signal.SIGCONT)
    monitored.wait(lambda: monitored.counted() >= 10, "the ticks of the second file")
    assert monitored.counted() == 10
    assert "another file than what was read" in monitored.said()


@pytest.mark.fault("T9")
def test_a_folder_renamed_under_engine_and_collector_is_a_gap_until_its_file_is_back(
    monitored: Monitored,
) -> None:
    engine = monitored.engine()
    monitored.collector()
    monitored.tell(engine, "ticks", {"pnl": {"daily": 1.0}})
    monitored.wait(lambda: monitored.counted() >= 3, "ticks")
    folder = monitored.home.heartbeat
    away = folder.with_name("away")
    folder.rename(away)
    before = monitored.counted()
    monitored.wait(lambda: monitored.counted() >= before + 10, "ticks in the new folder")
    monitored.tell(engine, "close")
    assert engine.wait(60) == 0

    def last_seq() -> int | None:
        (mark,) = monitored.snapshots()[-1].collector.writers
        return mark.next_seq - 1 if mark.closed else None

    seqs = monitored.wait(last_seq, "the close line")
    newest = monitored.snapshots()[-1].collector
    lost = sum(gap.last - gap.first + 1 for gap in newest.gaps)
    assert (monitored.counted() + lost, newest.ticks_lost) == (seqs, lost)

    (moved,) = away.iterdir()
    moved.rename(folder / moved.name.replace(".jsonl", ".1.jsonl"))
    monitored.wait(lambda: monitored.counted() >= seqs, "the ticks of the old folder")
    newest = monitored.snapshots()[-1].collector
    assert (monitored.counted(), newest.ticks_lost, newest.gaps) == (seqs, 0, [])
    assert newest.ticks_duplicate == 0
