"""An engine that dies and is restarted all night leaves a bounded mess."""

from __future__ import annotations

import os
from typing import Any

from collectors.segments import MOST_DEAD_FILES, Sweep
from monitoring.config import Retention

Reader = Any
LIVES = 300


def live_and_die(reader: Reader, lines: Any) -> None:
    """Leave the files of many short lives, one every five seconds, the last one just now."""
    for life in range(LIVES):
        writer = f"w{life:04}"
        data = lines.header(writer) + lines.ticks(1, 2, writer) + lines.pulse(writer, 2)
        file = reader.append(f"main-{writer}.jsonl", data)
        ended = reader.now.wall_ms / 1000 - 5 * (LIVES - 1 - life)
        os.utime(file, (ended, ended))


def sweep(reader: Reader) -> list[str]:
    snapshot = reader.snapshot()
    gone = Sweep(reader.folder, "main", Retention()).run(snapshot.collector.cursors, reader.now)
    reader.book.tail.forget(gone)
    return gone


def test_of_the_files_of_short_lives_the_oldest_go_and_none_that_spoke_lately(
    reader: Reader, lines: Any
) -> None:
    live_and_die(reader, lines)
    assert reader.read() == 2 * LIVES
    assert sweep(reader) == []  # not yet 200 of them have been silent for ten minutes
    reader.pass_seconds(3600)
    gone = sweep(reader)
    assert gone == [f"main-w{life:04}.jsonl" for life in range(LIVES - MOST_DEAD_FILES)]
    assert len(os.listdir(reader.folder)) == MOST_DEAD_FILES


def test_their_writers_are_forgotten_with_them_and_nothing_is_counted_twice(
    reader: Reader, lines: Any
) -> None:
    live_and_die(reader, lines)
    reader.read()
    reader.snapshot()
    reader.pass_seconds(2 * 3600)
    sweep(reader)
    reader.read()
    reader.snapshot()
    after = reader.snapshot().collector
    assert len(after.cursors) == len(after.writers) == MOST_DEAD_FILES
    reader.restart()
    assert reader.read() == 0
    assert reader.lapse().cause == "process_frozen"  # the last one is remembered


def test_a_file_with_an_unread_line_is_not_among_those_that_go(reader: Reader, lines: Any) -> None:
    live_and_die(reader, lines)
    reader.read()
    reader.append("main-w0000.jsonl", lines.ticks(3, 3, "w0000"))
    os.utime(reader.folder / "main-w0000.jsonl", (1, 1))
    reader.pass_seconds(3600)
    assert "main-w0000.jsonl" not in sweep(reader)
    assert reader.read() == 1
