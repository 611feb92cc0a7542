"""Names that a heartbeat folder and its lines may hold, and that must not stop the collector."""

from __future__ import annotations

import os
from typing import Any

NOT_UTF8 = os.fsdecode(b"main-\xff.jsonl")


def test_a_file_whose_name_is_not_utf8_is_left_alone_and_the_others_are_read(
    collecting: Any, lines: Any
) -> None:
    collecting.append("main-w1.jsonl", lines.header() + lines.ticks(1, 3))
    (collecting.home.heartbeat / NOT_UTF8).write_bytes(lines.tick(1, None) + b"garbage\n")
    collecting.start()
    collecting.wait_for_ticks(3)
    collecting.append("main-w1.jsonl", lines.ticks(4, 5))
    collecting.wait_for_ticks(5)
    assert not collecting.newest().collector.degraded
    assert "is not a file of engine main: left alone" in collecting.said()
    assert collecting.stop() == 0


def test_a_file_renamed_to_what_is_not_utf8_is_given_up_with_a_warning(
    reader: Any, lines: Any, warned: list[str]
) -> None:
    file = reader.append("main-w1.jsonl", lines.header() + lines.ticks(1, 3))
    assert reader.read() == 3
    file.rename(reader.folder / NOT_UTF8)
    reader.append("main-w2.jsonl", lines.header("w2") + lines.ticks(1, 2, "w2"))
    assert reader.read() == 5
    assert reader.snapshot().window.ticks == 5
    assert any("left alone" in words for words in warned)


def test_a_writer_with_an_endless_name_does_not_fill_every_snapshot(
    reader: Any, lines: Any
) -> None:
    long, other = "w" * 900_000, "w" * 899_999 + "x"
    reader.append("main.jsonl", lines.tick(1, long) + lines.tick(1, other) + lines.tick(1, long))
    assert reader.read() == 2  # two writers, and one of them said the same tick twice
    reader.append("main.jsonl", lines.close(long, 1, reason="r" * 900_000))
    reader.read()
    reader.snapshot()
    newest = reader.home.snapshots / reader.store.names_after(None)[-1]
    assert newest.stat().st_size < 20_000
