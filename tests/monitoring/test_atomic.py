"""A file is replaced whole, durably, or not at all."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from monitoring.atomic import FILE_MODE, SECRET_MODE, make_folder, sync_folder, write_atomic


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def calls_of(folder: Path, script: str) -> list[str]:
    """Run the script in the folder under strace; return the calls on files below it, in order."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    traced = folder.parent / "trace"
    command = [strace, "-f", "-y", "-o", str(traced), "-e", "trace=file,write,fsync,fdatasync"]
    done = subprocess.run(
        [*command, sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if "ptrace" in done.stderr:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    calls = [line.partition(" ")[2].strip() for line in traced.read_text().splitlines()]
    return [call for call in calls if re.search(r"[/\"]\.?state\.json|fsync\(", call)]


def test_a_write_is_temporary_name_sync_rename_and_sync_of_the_folder_in_this_order(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    calls = calls_of(
        folder,
        "from pathlib import Path; from monitoring.atomic import write_atomic; "
        "write_atomic(Path('state.json').absolute(), b'new')",
    )
    done = [re.match(r"(\w+)", call)[1] for call in calls if " = -1 " not in call]  # type: ignore[index] # every line of strace begins with a call
    assert done == ["openat", "write", "fsync", "rename", "fsync"]
    opened, written, synced, renamed, folder_synced = (
        call for call in calls if " = -1 " not in call
    )
    assert ".state.json.tmp" in opened
    assert "O_EXCL" in opened
    assert "O_NOFOLLOW" in opened
    assert '"new"' in written
    assert ".state.json.tmp" in synced
    assert re.search(r'\.state\.json\.tmp", "[^"]*/f/state\.json"', renamed)
    assert re.search(r"fsync\(\d+<[^>]*/f>\)", folder_synced)


def test_a_write_that_need_not_be_durable_syncs_nothing_but_is_still_renamed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    calls = calls_of(
        folder,
        "from pathlib import Path; from monitoring.atomic import write_atomic; "
        "write_atomic(Path('state.json').absolute(), b'new', durable=False)",
    )
    done = [call.partition("(")[0] for call in calls if " = -1 " not in call]
    assert done == ["openat", "write", "rename"]


@pytest.mark.parametrize("data", [b"", b"new", b"x" * 3_000_000])
def test_the_file_holds_what_was_written_and_no_temporary_file_is_left(
    tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"the old content, which is longer than the new one")
    write_atomic(path, data)
    assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_reader_that_has_the_old_file_open_goes_on_with_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(b"old")
    with path.open("rb") as reader:
        write_atomic(path, b"new")
        assert reader.read() == b"old"


@pytest.mark.parametrize("mode", [FILE_MODE, SECRET_MODE])
def test_the_file_has_the_mode_asked_for_from_its_first_byte_whatever_it_had_before(
    tmp_path: Path, mode: int
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o666)
    before = os.umask(0)
    try:
        write_atomic(path, b"new", mode=mode)
    finally:
        os.umask(before)
    assert mode_of(path) == mode


def test_nobody_but_the_owner_reads_a_secret_and_no_stranger_any_file(tmp_path: Path) -> None:
    assert SECRET_MODE == 0o600
    write_atomic(tmp_path / "file", b"")
    assert mode_of(tmp_path / "file") & 0o007 == 0


@pytest.mark.fault("O5")
def test_a_symlink_in_place_of_the_file_is_replaced_and_its_target_left_alone(
    tmp_path: Path,
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    path = tmp_path / "state.json"
    path.symlink_to(target)
    write_atomic(path, b"new")
    assert target.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.fault("O5")
def test_a_symlink_under_the_temporary_name_is_not_written_through(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    (tmp_path / ".state.json.tmp").symlink_to(target)
    write_atomic(tmp_path / "state.json", b"new")
    assert target.read_bytes() == b"precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "target"]


def test_what_a_killed_writer_left_is_no_hindrance_and_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".state.json.tmp").write_bytes(b"half of someth")
    write_atomic(tmp_path / "state.json", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_full_disk_leaves_the_old_content_and_no_temporary_file(small_disk: Path) -> None:
    path = small_disk / "state.json"
    path.write_bytes(b"old")
    with pytest.raises(OSError, match="No space left"):
        write_atomic(path, b"x" * 2 * 1024 * 1024)
    assert path.read_bytes() == b"old"
    assert list(small_disk.iterdir()) == [path]


def test_a_name_that_is_taken_by_a_folder_is_refused_without_a_trace(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomic(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_and_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_atomic(tmp_path / "missing" / "state.json", b"new")
    with pytest.raises(FileNotFoundError):
        sync_folder(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_new_folders_are_closed_to_strangers_all_the_way_down(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        make_folder(tmp_path / "a" / "b" / "c")
    finally:
        os.umask(before)
    assert [mode_of(tmp_path / name) for name in ("a", "a/b", "a/b/c")] == [0o750] * 3


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    make_folder(tmp_path)
    assert mode_of(tmp_path) == 0o700


def test_a_folder_cannot_be_made_where_a_file_is(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match="a"):
        make_folder(tmp_path / "a")
