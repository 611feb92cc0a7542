"""What the writer does about the file system: its own files, and what others do to them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tickbeat import HeartbeatWriter
from tickbeat.segment import SegmentedFile

Read = Callable[..., list[dict[str, Any]]]
Until = Callable[[Callable[[], object]], None]

DAY_NS = 86_400 * 1_000_000_000


def header(segment: int, first_seq: int) -> bytes:
    return b'{"kind":"header","segment":%d,"first_seq":%d}\n' % (segment, first_seq)


def line(seq: int) -> bytes:
    return b'{"kind":"tick","seq":%d}\n' % seq


def test_files_and_folders_are_closed_to_strangers_even_with_an_open_umask(
    tmp_path: Path, until: Until
) -> None:
    before = os.umask(0)
    try:
        with HeartbeatWriter(tmp_path / "data" / "heartbeat") as heartbeat:
            file = Path(heartbeat.stats().path)
            until(file.exists)
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (file, *file.parents[:2])]
    finally:
        os.umask(before)
    assert modes == [0o640, 0o750, 0o750]


def test_a_segment_rolls_by_size_and_the_next_says_where_it_begins(
    tmp_path: Path, read: Read
) -> None:
    with HeartbeatWriter(tmp_path, segment_bytes=2000) as heartbeat:
        writer = heartbeat.stats().writer
        for _ in range(50):
            heartbeat.record_tick({"pnl": {"daily": 1.0}})
            while heartbeat.stats().queued:
                pass
    lines = read(tmp_path)
    assert [tick["seq"] for tick in lines if tick["kind"] == "tick"] == list(range(1, 51))
    headers = [index for index, line in enumerate(lines) if line["kind"] == "header"]
    assert [lines[index]["segment"] for index in headers] == list(range(1, len(headers) + 1))
    assert all(lines[index]["first_seq"] == lines[index + 1]["seq"] for index in headers)
    assert {path.name for path in tmp_path.iterdir()} == {
        f"main-{writer}.jsonl",
        *(f"main-{writer}.{number}.jsonl" for number in range(1, len(headers))),
    }


def test_a_segment_rolls_when_the_utc_day_changes(tmp_path: Path) -> None:
    file = SegmentedFile(str(tmp_path), "main-x", 10_000, header)
    file.append([line(1)], 1, 20 * DAY_NS - 1)
    file.append([line(2)], 2, 20 * DAY_NS)
    file.append([line(3)], 3, 20 * DAY_NS + 1)
    file.close()
    assert (tmp_path / "main-x.1.jsonl").read_bytes() == header(1, 1) + line(1)
    assert (tmp_path / "main-x.jsonl").read_bytes() == header(2, 2) + line(2) + line(3)


def test_a_finished_segment_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "main-x.1.jsonl").write_text("somebody's")
    file = SegmentedFile(str(tmp_path), "main-x", 10, header)
    file.append([line(1)], 1, 0)
    file.append([line(2)], 2, 0)
    file.close()
    assert (tmp_path / "main-x.1.jsonl").read_text() == "somebody's"
    assert (tmp_path / "main-x.2.jsonl").read_bytes() == header(1, 1) + line(1)


@pytest.mark.parametrize(
    "harm", ["file removed", "folder removed", "renamed", "truncated", "copied"]
)
def test_a_path_that_no_longer_leads_to_the_file_is_opened_anew(
    tmp_path: Path, until: Until, harm: str
) -> None:
    folder = tmp_path / "heartbeat"
    with HeartbeatWriter(folder) as heartbeat:
        file = Path(heartbeat.stats().path)
        heartbeat.record_tick()
        until(lambda: file.exists() and file.read_bytes().count(b"\n") == 2)
        match harm:
            case "file removed":
                file.unlink()
            case "folder removed":
                shutil.rmtree(folder)
            case "renamed":
                file.rename(folder / "elsewhere")
            case "truncated":
                os.truncate(file, 0)
            case "copied":
                shutil.copy(file, folder / "copy")
                (folder / "copy").replace(file)

        def seen_again() -> bool:
            heartbeat.record_tick({"custom": {"after": 1}})
            return file.exists() and b'"segment":2' in file.read_bytes()

        until(seen_again)
    lines = file.read_bytes().splitlines()
    assert lines[0].startswith(b'{"kind":"header"')
    assert b'"after":1' in lines[1]


@pytest.mark.fault("W4")
def test_what_is_no_file_at_the_path_is_refused_with_one_warning_until_it_goes(
    tmp_path: Path, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("precious\n")
    makers: list[Callable[[Path], None]] = [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to(elsewhere),
        lambda path: path.symlink_to(tmp_path / "nowhere"),
    ]
    heartbeats = [HeartbeatWriter(tmp_path / "heartbeat") for _ in makers]
    files = [Path(heartbeat.stats().path) for heartbeat in heartbeats]
    until(lambda: all(file.exists() for file in files))
    for file, make in zip(files, makers, strict=True):
        file.unlink()
        make(file)

    def refused_twice() -> bool:
        for heartbeat in heartbeats:
            heartbeat.record_tick()
        return all(heartbeat.stats().write_errors > 1 for heartbeat in heartbeats)

    until(refused_twice)
    assert all("left alone" in str(heartbeat.stats().fault) for heartbeat in heartbeats)
    for file in files:
        file.rmdir() if file.is_dir() and not file.is_symlink() else file.unlink()
    until(lambda: all(heartbeat.stats().fault is None for heartbeat in heartbeats))
    for file, heartbeat in zip(files, heartbeats, strict=True):
        heartbeat.close()
        assert b'"tick"' in file.read_bytes()
    warnings = [record.name for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["tickbeat"] * len(heartbeats)
    assert elsewhere.read_text() == "precious\n"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.fault("W4")
@pytest.mark.parametrize("stranger", ["file", "fifo", "dangling link"])
def test_a_folder_that_is_none_is_refused_with_one_warning(
    tmp_path: Path, until: Until, caplog: pytest.LogCaptureFixture, stranger: str
) -> None:
    folder = tmp_path / "heartbeat"
    match stranger:
        case "file":
            folder.write_text("not a folder")
        case "fifo":
            os.mkfifo(folder)
        case "dangling link":
            folder.symlink_to(tmp_path / "nowhere")
    heartbeat = HeartbeatWriter(folder)
    heartbeat.record_tick()
    until(lambda: heartbeat.stats().write_errors > 1)
    heartbeat.record_tick()
    heartbeat.close(timeout_seconds=0.2)
    assert [record.levelname for record in caplog.records] == ["WARNING"]


def test_a_folder_may_be_a_link_to_another_disk(tmp_path: Path, read: Read) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "heartbeat").symlink_to(tmp_path / "big")
    with HeartbeatWriter(tmp_path / "heartbeat") as heartbeat:
        heartbeat.record_tick()
    assert len(read(tmp_path / "big", "tick")) == 1


def test_a_working_folder_that_is_gone_is_the_disks_fault(
    engine: Callable[..., Any], tmp_path: Path
) -> None:
    engine(
        """
import os, sys, time
from tickbeat import HeartbeatWriter
os.chdir(sys.argv[1])
os.rmdir(sys.argv[1])
heartbeat = HeartbeatWriter("heartbeat")
heartbeat.record_tick()
while heartbeat.stats().fault is None:
    time.sleep(0.01)
heartbeat.close(timeout_seconds=0)
""",
        tmp_path,
    )


TEAR = """
import os, resource, sys
from tickbeat.segment import SegmentedFile

def line(seq):
    return b'{"kind":"tick","seq":%d}\\n' % seq

unlimited = resource.RLIM_INFINITY
def room(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, unlimited))

file = SegmentedFile(sys.argv[1], "main-x", 1 << 30, lambda segment, first_seq: b"{}\\n")
file.append([], 1, 0)
seq = 1
for free in range(3 * len(line(10)) + 1):
    lines = [line(10 + seq), line(11 + seq), line(12 + seq)]
    seq += 3
    room(os.path.getsize(file.path) + free)
    try:
        file.append(lines, 1, 0)
    except OSError as error:
        assert error.errno == 27, error
    room(os.path.getsize(file.path) + 2)  # a little more, not enough for a line
    try:
        file.append(lines, 1, 0)
    except OSError as error:
        assert error.errno == 27, error
    room(unlimited)
    file.append(lines, 1, 0)
    assert not lines
"""


@pytest.mark.fault("W3")
def test_a_write_torn_at_any_byte_is_written_again_whole_and_nothing_twice(
    engine: Callable[..., Any], tmp_path: Path
) -> None:
    engine(TEAR, tmp_path)
    whole = [
        int(text.split(b":")[-1][:-1])
        for text in (tmp_path / "main-x.jsonl").read_bytes().splitlines()
        if text.startswith(b'{"kind":"tick","seq":') and text.endswith(b"}")
    ]
    assert whole == list(range(11, 11 + len(whole)))
    assert len(whole) == 3 * (3 * len(line(10)) + 1)


@pytest.mark.fault("W3")
def test_a_line_that_lacks_only_its_newline_gets_it_before_the_segment_rolls(
    engine: Callable[..., Any], tmp_path: Path
) -> None:
    engine(
        """
import os, resource, sys
from tickbeat.segment import SegmentedFile

def room(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

file = SegmentedFile(sys.argv[1], "main-x", 30, lambda segment, first_seq: b"{}\\n")
lines = [b'{"seq":1}\\n', b'{"seq":2}\\n']
room(len(b"".join([b"{}\\n", *lines])) - 1)
try:
    file.append(lines, 1, 0)
except OSError as error:
    assert error.errno == 27, error
room(resource.RLIM_INFINITY)
file.append([*lines, b'{"seq":3}\\n', b'{"seq":4}\\n'], 1, 86_400 * 10**9)
file.append([b'{"seq":5}\\n'], 5, 86_400 * 10**9)
""",
        tmp_path,
    )
    ticks = [b'{"seq":%d}\n' % seq for seq in range(1, 6)]
    assert (tmp_path / "main-x.1.jsonl").read_bytes() == b"".join([b"{}\n", *ticks[:4]])
    assert (tmp_path / "main-x.jsonl").read_bytes() == b"".join([b"{}\n", ticks[4]])


def test_a_file_without_room_for_its_header_is_not_left_behind(
    engine: Callable[..., Any], tmp_path: Path
) -> None:
    engine(
        """
import os, resource, sys, time
from tickbeat import HeartbeatWriter
for room in (0, 10):
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
    heartbeat = HeartbeatWriter(sys.argv[1])
    heartbeat.record_tick()
    while heartbeat.stats().fault is None:
        time.sleep(0.01)
    assert os.listdir(sys.argv[1]) == []
    heartbeat.close(timeout_seconds=0)
""",
        tmp_path,
    )
