"""Gaps, duplicates and marks of writers."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.sequence import MAX_GAPS, MAX_WRITERS, Sequence
from collectors.tick_line import parse
from monitoring.snapshot import Gap

Reader = Any
Lines = Any
CURRENT = "main-w1.jsonl"


def admitted(sequence: Sequence, seqs: list[int]) -> list[int]:
    data = b"".join(b'{"writer":"w","seq":%d}\n' % seq for seq in seqs)
    (run,) = parse(data).runs
    assert isinstance(run, list)
    return [tick.seq for tick in sequence.admit(sequence.mark("w"), run)]


def test_a_missing_tick_is_a_gap_until_it_comes() -> None:
    sequence = Sequence()

    assert admitted(sequence, [1, 2, 6]) == [1, 2, 6]
    assert (sequence.gaps, sequence.ticks_lost) == ([Gap("w", 3, 5)], 3)
    assert admitted(sequence, [4, 4]) == [4]
    assert sequence.gaps == [Gap("w", 3, 3), Gap("w", 5, 5)]
    assert admitted(sequence, [5, 3, 7]) == [5, 3, 7]
    assert (sequence.gaps, sequence.ticks_lost, sequence.ticks_duplicate) == ([], 0, 1)


def test_only_the_newest_gaps_are_named_and_all_are_counted() -> None:
    sequence = Sequence()
    admitted(sequence, list(range(1, 1001, 2)))

    assert len(sequence.gaps) == MAX_GAPS
    assert sequence.gaps[-1] == Gap("w", 998, 998)
    assert sequence.ticks_lost == 499


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 60))
def test_each_seq_counts_once_whatever_the_order(seqs: list[int], size: int) -> None:
    sequence = Sequence()
    kept: list[int] = []
    for first in range(0, len(seqs), size):
        kept += admitted(sequence, seqs[first : first + size])

    start, seen = seqs[0], set(seqs)
    later = {seq for seq in seen if seq >= start}
    assert sorted(kept) == sorted(later)
    assert sequence.ticks_duplicate == len(seqs) - len(later)
    missing = set(range(start, max(seqs) + 1)) - seen
    assert sequence.ticks_lost == len(missing)
    named = {seq for gap in sequence.gaps for seq in range(gap.first, gap.last + 1)}
    assert named == missing


def test_marks_know_the_process_its_pulse_its_drops_and_its_end(
    reader: Reader, lines: Lines
) -> None:
    reader.append(
        CURRENT,
        lines.header(pid=77, pid_started=5, boot_id="b", interval_seconds=2.0)
        + lines.ticks(1, 2)
        + lines.pulse(dropped=3, nulled=2)
        + lines.close(last_seq=6, dropped=4, reason="upgrade", back_within_seconds=300.0),
    )
    reader.read()
    (mark,) = reader.snapshot().collector.writers
    after = reader.snapshot().collector

    assert (mark.pid, mark.pid_started, mark.boot_id, mark.interval_seconds) == (77, 5, "b", 2.0)
    assert mark.last_pulse is not None
    assert mark.closed is not None
    assert (mark.close_reason, mark.back_within_seconds) == ("upgrade", 300.0)
    assert (mark.dropped, mark.nulled, after.writer_dropped) == (4, 2, 4)
    assert after.gaps == [Gap("w1", 3, 6)]
    assert reader.lapse().cause == "stopped_cleanly"


def test_a_writer_that_ticks_after_its_close_is_not_closed(reader: Reader, lines: Lines) -> None:
    reader.append("main.jsonl", lines.tick(writer=None) + lines.close("main"))
    reader.read()
    reader.snapshot()
    assert reader.lapse().cause == "stopped_cleanly"

    reader.pass_seconds(3600)
    reader.append("main.jsonl", lines.tick(writer=None))
    (file,) = reader.folder.iterdir()
    later_ns = reader.now.wall_ms * 1_000_000
    import os  # noqa: PLC0415 -- only here

    os.utime(file, ns=(later_ns, later_ns))
    reader.read()

    assert reader.lapse().cause == "ticking"
    (mark,) = reader.snapshot().collector.writers
    assert (mark.closed, mark.close_reason) == (None, None)


def test_a_file_whose_lines_name_ever_new_writers_fills_no_memory(
    reader: Reader, lines: Lines
) -> None:
    many = b"".join(lines.tick(1, f"w{number}") for number in range(MAX_WRITERS + 50))
    reader.append("main.jsonl", many)

    assert reader.read() == MAX_WRITERS + 50
    assert len(reader.snapshot().collector.writers) == MAX_WRITERS


def test_counts_go_on_after_a_restart(reader: Reader, lines: Lines) -> None:
    reader.append(CURRENT, lines.header() + lines.ticks(1, 2) + lines.ticks(5, 5) + b"garbage\n")
    reader.append(CURRENT, lines.tick(6, pnl={"daily": "1"}) + lines.pulse(dropped=2))
    reader.read()
    before = reader.snapshot().collector
    reader.restart()
    reader.append(CURRENT, lines.pulse(dropped=3) + lines.ticks(5, 5))
    reader.read()
    after = reader.snapshot().collector

    assert (before.lines_read, before.lines_rejected, before.values_rejected) == (7, 1, 1)
    assert (after.lines_read, after.lines_rejected, after.values_rejected) == (9, 1, 1)
    assert (after.ticks_lost, after.ticks_duplicate, after.writer_dropped) == (2, 1, 3)
    assert after.gaps == [Gap("w1", 3, 4)]
