"""The demo's eyes: each complete line once, in order, with the time it was seen."""

from __future__ import annotations

from pathlib import Path

from scripts.paper.lookout import Lines


def test_a_line_is_returned_once_and_only_when_it_is_complete(tmp_path: Path) -> None:
    log = tmp_path / "a.jsonl"
    lines = Lines(tmp_path, "*.jsonl", int)
    assert lines.new() == []

    log.write_text("1\n2\n3")
    assert lines.new() == [1, 2]
    assert lines.new() == []

    with log.open("a") as more:
        more.write("4\n")
    assert lines.new() == [34]


def test_a_new_file_is_read_from_its_beginning_after_the_older_ones(tmp_path: Path) -> None:
    (tmp_path / "2025-10-12.jsonl").write_text("1\n")
    lines = Lines(tmp_path, "*.jsonl", int)
    lines.new()

    (tmp_path / "2025-10-13.jsonl").write_text("3\n")
    with (tmp_path / "2025-10-12.jsonl").open("a") as late:
        late.write("2\n")

    assert lines.new() == [2, 3]
