"""Every line once, whatever happens to the files."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from monitoring.snapshot import Gap

Reader = Any
Lines = Any
CURRENT = "main-w1.jsonl"


@pytest.mark.fault("T1")
def test_a_line_that_arrives_in_pieces_counts_when_its_newline_comes(
    reader: Reader, lines: Lines
) -> None:
    line = lines.tick(1)
    for piece in (line[:5], line[5:-1]):
        reader.append(CURRENT, piece)
        assert reader.read() == 0
        reader.snapshot()
        reader.restart()
    reader.append(CURRENT, line[-1:])

    assert reader.read() == 1
    assert reader.snapshot().collector.lines_rejected == 0


@pytest.mark.fault("T7")
@pytest.mark.parametrize("there", [0, 1, 20])
def test_a_file_that_is_empty_or_has_no_newline_yet_has_no_identity(
    reader: Reader, lines: Lines, there: int
) -> None:
    line = lines.tick(1)
    reader.append(CURRENT, line[:there])
    reader.read()
    assert reader.book.tail.cursors == []

    reader.append(CURRENT, line[there:])
    assert reader.read() == 1


@pytest.mark.fault("T2")
def test_late_writes_to_a_renamed_file_are_read_before_the_new_file(
    reader: Reader, lines: Lines
) -> None:
    old = reader.append(CURRENT, lines.header() + lines.ticks(1, 3)).open("ab", buffering=0)
    assert reader.read() == 3
    (reader.folder / CURRENT).rename(reader.folder / "main-w1.1.jsonl")
    old.write(lines.ticks(4, 5))
    reader.append(CURRENT, lines.header(segment=2, first_seq=6) + lines.ticks(6, 7))
    old.close()

    assert reader.read() == 7
    assert reader.snapshot().collector.gaps == []


def test_a_late_write_after_its_successor_was_read_closes_the_gap(
    reader: Reader, lines: Lines
) -> None:
    reader.append("main-w1.1.jsonl", lines.header() + lines.ticks(1, 3))
    reader.append(CURRENT, lines.header(segment=2, first_seq=6) + lines.ticks(6, 7))
    reader.read()
    assert reader.snapshot().collector.gaps == [Gap("w1", 4, 5)]

    reader.append("main-w1.1.jsonl", lines.ticks(4, 5))
    reader.read()
    after = reader.snapshot()

    assert after.window.ticks == 2
    assert (after.collector.gaps, after.collector.ticks_lost) == ([], 0)


@pytest.mark.fault("T3")
def test_segments_rotated_while_nobody_looked_are_read_in_order(
    reader: Reader, lines: Lines
) -> None:
    reader.append(CURRENT, lines.header() + lines.ticks(1, 3))
    reader.read()
    reader.snapshot()
    reader.append(CURRENT, lines.ticks(4, 4))
    (reader.folder / CURRENT).rename(reader.folder / "main-w1.1.jsonl")
    for segment in range(2, 12):
        first = segment * 3 - 1
        name = f"main-w1.{segment}.jsonl" if segment < 11 else CURRENT
        header = lines.header(segment=segment, first_seq=first)
        reader.append(name, header + lines.ticks(first, first + 2))
    reader.restart()

    assert reader.read() == 31
    after = reader.snapshot().collector
    assert (after.gaps, after.ticks_duplicate) == ([], 0)


@pytest.mark.fault("T4")
def test_a_segment_deleted_unread_is_a_gap_with_its_range(reader: Reader, lines: Lines) -> None:
    reader.append("main-w1.1.jsonl", lines.header() + lines.ticks(1, 3))
    reader.append(CURRENT, lines.header(segment=3, first_seq=8) + lines.ticks(8, 9))

    assert reader.read() == 5
    after = reader.snapshot().collector
    assert after.gaps == [Gap("w1", 4, 7)]
    assert (after.ticks_lost, after.ticks_duplicate) == (4, 0)


@pytest.mark.fault("T4")
def test_the_first_segments_of_a_writer_deleted_unread_are_a_gap_too(
    reader: Reader, lines: Lines
) -> None:
    reader.append(CURRENT, lines.header(segment=2, first_seq=5) + lines.ticks(5, 6))
    reader.read()

    assert reader.snapshot().collector.gaps == [Gap("w1", 1, 4)]


def test_a_forked_writer_that_begins_at_a_high_seq_lost_nothing(
    reader: Reader, lines: Lines
) -> None:
    reader.append(CURRENT, lines.header(first_seq=5001) + lines.ticks(5001, 5002))
    reader.read()

    assert reader.snapshot().collector.ticks_lost == 0


@pytest.mark.fault("T5")
def test_a_file_that_shrank_and_grew_past_the_old_place_is_read_anew(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    file = reader.append("main.jsonl", lines.tick(pnl={"daily": 1}) * 5)
    assert reader.read() == 5
    reader.snapshot()
    with file.open("r+b") as out:
        out.truncate(0)
        out.write(lines.tick(pnl={"daily": 2, "realized": 3}) * 9)
    reader.restart()

    assert reader.read() == 9
    assert any("another file than what was read" in words for words in warned)


@pytest.mark.fault("T5")
def test_a_file_cut_short_is_read_anew_and_its_ticks_are_not_counted_twice(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    file = reader.append(CURRENT, lines.header() + lines.ticks(1, 9))
    reader.read()
    reader.snapshot()
    os.truncate(file, file.stat().st_size // 2)
    reader.restart()

    assert reader.read() == 0
    assert any("shorter than what was read" in words for words in warned)
    with file.open("ab") as out:
        out.write(b"\n" + lines.ticks(10, 11))
    assert reader.read() == 2
    assert reader.snapshot().collector.gaps == []


def test_an_inode_used_again_at_once_is_a_new_file(reader: Reader, lines: Lines) -> None:
    file = reader.append("main.jsonl", lines.tick(pnl={"daily": 1}) * 3)
    reader.read()
    reader.snapshot()
    cursor = reader.book.tail.cursors[0]
    file.unlink()
    reader.append("main.jsonl", lines.tick(pnl={"daily": 2}) * 7)
    # Whether the file system gives the same inode again is its own business: here it surely did.
    cursor.inode = file.stat().st_ino
    reader.store.write(_with_cursor(reader, cursor))
    reader.restart()

    assert reader.read() == 7


def _with_cursor(reader: Reader, cursor: Any) -> Any:
    snapshot = reader.store.newest()[1]
    snapshot.collector.cursors = [cursor]
    return snapshot


def test_a_renamed_file_keeps_its_place_whatever_its_new_name(reader: Reader, lines: Lines) -> None:
    file = reader.append("main.jsonl", lines.tick(pnl={"daily": 1}) * 3)
    reader.read()
    reader.snapshot()
    file.rename(reader.folder / "main.jsonl.1")
    with (reader.folder / "main.jsonl.1").open("ab") as late:
        late.write(lines.tick())
    reader.append("main.jsonl", lines.tick(pnl={"daily": 4}) * 2)
    reader.restart()

    assert reader.read() == 3


@pytest.mark.fault("T9")
def test_a_folder_moved_away_and_back_is_not_read_twice(reader: Reader, lines: Lines) -> None:
    reader.append("main.jsonl", lines.tick(pnl={"daily": 1}) * 3)
    assert reader.read() == 3
    reader.folder.rename(reader.folder.with_name("elsewhere"))
    assert reader.read() == 3
    assert reader.folder.is_dir()
    reader.folder.rmdir()
    reader.folder.with_name("elsewhere").rename(reader.folder)
    reader.append("main.jsonl", lines.tick())

    assert reader.read() == 4


@pytest.mark.fault("C4")
def test_a_place_beyond_the_end_of_its_file_is_told_and_begun_anew(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    reader.append("main.jsonl", lines.tick() * 2)
    reader.read()
    snapshot = reader.snapshot()
    snapshot.collector.cursors[0].offset = 10_000_000
    reader.store.write(snapshot)
    reader.restart()

    assert reader.read() == 2
    assert any("shorter than" in words for words in warned)


@pytest.mark.fault("C4")
def test_a_file_that_is_gone_with_bytes_unread_is_told(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    file = reader.append(CURRENT, lines.ticks(1, 2) + b'{"half a line')
    reader.read()
    file.unlink()
    reader.read()

    assert any("is gone with 13 bytes unread" in words for words in warned)


@pytest.mark.fault("C4")
def test_a_file_that_went_while_nobody_looked_is_told_and_what_it_held_is_a_gap(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    file = reader.append(CURRENT, lines.header() + lines.ticks(1, 3))
    reader.read()
    reader.snapshot()
    reader.append(CURRENT, lines.ticks(4, 5))
    file.rename(reader.home.root / "away")  # its inode is not free to be used again
    reader.append(CURRENT, lines.header(segment=2, first_seq=6) + lines.ticks(6, 7))
    reader.restart()

    assert reader.read() == 2
    after = reader.snapshot().collector
    assert (after.gaps, after.ticks_lost, after.ticks_duplicate) == ([Gap("w1", 4, 5)], 2, 0)
    assert any("is gone since the last snapshot" in words for words in warned)


@pytest.mark.fault("C4")
def test_a_place_beyond_the_end_counts_no_tick_twice_and_names_what_is_missing(
    reader: Reader, lines: Lines
) -> None:
    file = reader.append(CURRENT, lines.header() + lines.ticks(1, 5))
    reader.read()
    snapshot = reader.snapshot()
    snapshot.collector.cursors[0].offset = 10_000_000
    reader.store.write(snapshot)
    with file.open("ab") as out:
        out.write(lines.ticks(8, 9))
    reader.restart()

    assert reader.read() == 2
    after = reader.snapshot().collector
    assert (after.gaps, after.ticks_lost) == ([Gap("w1", 6, 7)], 2)


def test_a_gone_file_is_forgotten_after_an_hour_and_its_writer_after_a_day(
    reader: Reader, lines: Lines
) -> None:
    reader.append(CURRENT, lines.ticks(1, 2)).unlink()
    reader.append(CURRENT, lines.ticks(1, 2))
    reader.read()
    (reader.folder / CURRENT).unlink()
    for hours, cursors, writers in ((0, 1, 1), (0.9, 1, 1), (0.2, 0, 1), (23, 0, 1), (0, 0, 0)):
        reader.pass_seconds(hours * 3600)
        reader.read()
        after = reader.snapshot().collector
        assert (len(after.cursors), len(after.writers)) == (cursors, writers)


def test_only_regular_files_of_this_engine_are_read(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    elsewhere = reader.home.root / "elsewhere.jsonl"
    elsewhere.write_bytes(lines.tick())
    (reader.folder / "main-link.jsonl").symlink_to(elsewhere)
    os.mkfifo(reader.folder / "main-fifo.jsonl")
    (reader.folder / "main-folder.jsonl").mkdir()
    reader.append("other.jsonl", lines.tick())
    reader.append("main2.jsonl", lines.tick())
    reader.append("main-2-abc.jsonl", lines.header(engine="main-2", writer="abc") + lines.tick())
    reader.append("main.jsonl", lines.tick())

    assert reader.read() == 1
    reader.append("main-2-abc.jsonl", lines.tick())
    assert reader.read() == 1
    told = [words for words in warned if "left alone" in words]
    assert len(told) == 3
    assert any("main-2-abc.jsonl is of engine 'main-2'" in words for words in told)


@pytest.mark.fault("W7")
def test_four_writers_side_by_side_each_count(reader: Reader, lines: Lines) -> None:
    for number in range(4):
        writer = f"w{number}"
        reader.append(f"main-{writer}.jsonl", lines.header(writer) + lines.ticks(1, 25, writer))

    assert reader.read() == 100
    assert reader.snapshot().collector.ticks_duplicate == 0


def test_the_writer_that_wrote_last_has_the_last_word(reader: Reader, lines: Lines) -> None:
    newer = reader.append("main-a.jsonl", lines.tick(1, "a", pnl={"daily": 2}))
    older = reader.append("main-b.jsonl", lines.tick(1, "b", pnl={"daily": 1}))
    now_ns = reader.now.wall_ms * 1_000_000
    os.utime(older, ns=(now_ns, now_ns - 60_000_000_000))
    os.utime(newer, ns=(now_ns, now_ns - 1_000_000_000))
    reader.read()

    assert reader.snapshot().pnl["daily"] == 2.0


def test_a_copy_of_a_file_is_not_counted_again(
    reader: Reader, lines: Lines, warned: list[str]
) -> None:
    file = reader.append(CURRENT, lines.header() + lines.ticks(1, 5))
    reader.read()
    shutil.copy(file, reader.folder / "main-copy.jsonl")
    reader.read()
    after = reader.snapshot()

    assert (after.window.ticks, after.collector.ticks_duplicate) == (5, 5)
    assert any("counted before" in words for words in warned)


def test_a_seq_without_a_writer_is_no_reason_to_leave_a_tick_out(
    reader: Reader, lines: Lines
) -> None:
    reader.append("main.jsonl", lines.tick(1, None) + lines.tick(2, None) + lines.tick(1, None))

    assert reader.read() == 3
    assert reader.snapshot().collector.ticks_duplicate == 0


@pytest.mark.fault("R6")
def test_an_old_backlog_is_not_mistaken_for_life(reader: Reader, lines: Lines) -> None:
    file = reader.append(CURRENT, lines.header() + lines.ticks(1, 5))
    an_hour_ago_ns = (reader.now.wall_ms - 3_600_000) * 1_000_000
    os.utime(file, ns=(an_hour_ago_ns, an_hour_ago_ns))
    reader.read()

    assert reader.lapse().age_seconds == 3600.0


@pytest.mark.fault("R6")
@pytest.mark.parametrize("dated", ["1999-12-31T23:59:59+05:30", "2099-01-01T00:00:00Z"])
def test_a_tick_is_as_old_as_its_receipt_whatever_its_date(
    reader: Reader, lines: Lines, dated: str
) -> None:
    beat = {"last_tick": dated, "uptime_seconds": 1}
    for seq in (1, 2):  # the first read has the file's own time to go by, the second is live
        reader.append(CURRENT, lines.tick(seq, timestamp=dated, heartbeat=beat))
        reader.read()
        assert 0.0 <= reader.lapse().age_seconds < 60.0
    reader.pass_seconds(100)
    reader.read()
    assert 100.0 <= reader.lapse().age_seconds < 160.0


def test_fresh_ticks_stay_fresh_when_the_wall_clock_is_stepped(
    reader: Reader, lines: Lines
) -> None:
    reader.append(CURRENT, lines.header() + lines.ticks(1, 5))
    reader.read()
    reader.append(CURRENT, lines.ticks(6, 6))
    reader.pass_seconds(2)
    at = reader.now
    reader.now = type(at)(at.wall_ms + 3_600_000, at.boottime_ns, at.boot_id)
    reader.read()

    assert reader.lapse().age_seconds <= 2.0


def test_who_lives_is_known_before_the_backlog_is_read(reader: Reader, lines: Lines) -> None:
    reader.append("main-w1.1.jsonl", lines.header() + lines.ticks(1, 2000))
    backlog = lines.header(segment=2, first_seq=2001) + lines.ticks(2001, 6000)
    reader.append(CURRENT, backlog + lines.pulse(last_seq=6000))
    assert reader.lapse().cause == "never_started"

    reader.book.look_ahead(reader.now)

    assert reader.lapse().cause == "ticking"
    assert reader.book.sequence.marks["w1"].pid == 4121
    assert reader.book.fold.ticks == 0
    assert reader.read() == 6000
    assert reader.snapshot().collector.gaps == []


def test_a_close_at_the_end_of_a_backlog_is_seen_ahead(reader: Reader, lines: Lines) -> None:
    backlog = lines.header() + lines.ticks(1, 4000)
    reader.append(CURRENT, backlog + lines.close(last_seq=4000, reason="done"))
    reader.append("main-x.jsonl", lines.header("x", engine="main-x") + lines.ticks(1, 3000, "x"))

    reader.book.look_ahead(reader.now)

    assert reader.lapse().cause == "stopped_cleanly"
    assert set(reader.book.sequence.marks) == {"w1"}
