"""The ballast is really there, and gives its room up when the disk is full."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitoring.ballast import ROOM_TO_SPARE, SIZE_BYTES, Ballast

Fill = Callable[[Path], None]

SIZE = 64 * 1024


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Return where the ballast goes; clear it, since it is big."""
    path = tmp_path / "state" / "collector.ballast"
    yield path
    path.unlink(missing_ok=True)


def test_the_ballast_is_8_mib_unless_said_otherwise() -> None:
    assert SIZE_BYTES == 8 * 1024 * 1024


def test_ensure_makes_the_file_and_its_folder_with_its_blocks_allocated(path: Path) -> None:
    assert Ballast(path, SIZE).ensure() is True
    status = path.stat()
    assert status.st_size == SIZE
    assert status.st_blocks * 512 >= SIZE
    assert stat.S_IMODE(status.st_mode) == 0o600


def test_ensure_leaves_a_ballast_that_is_there_alone(path: Path) -> None:
    ballast = Ballast(path, SIZE)
    ballast.ensure()
    before = path.stat()
    assert ballast.ensure() is True
    after = path.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_release_frees_it_once(path: Path) -> None:
    ballast = Ballast(path, SIZE)
    ballast.ensure()
    assert ballast.release() is True
    assert not path.exists()
    assert ballast.release() is False


@pytest.mark.parametrize("size", [SIZE, 10])
def test_a_ballast_without_its_blocks_or_of_another_size_is_made_anew(
    path: Path, size: int
) -> None:
    path.parent.mkdir()
    with path.open("wb") as sparse:
        sparse.truncate(size)
    assert Ballast(path, SIZE).ensure() is True
    assert path.stat().st_blocks * 512 >= SIZE


def test_a_symlink_in_its_place_is_replaced_and_its_target_left_alone(
    path: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"precious")
    path.parent.mkdir()
    path.symlink_to(target)
    assert Ballast(path, SIZE).ensure() is True
    assert target.read_bytes() == b"precious"
    assert not path.is_symlink()


def test_a_folder_in_its_place_is_told_and_left_alone(path: Path) -> None:
    (path / "inside").mkdir(parents=True)
    ballast = Ballast(path, SIZE)
    assert ballast.ensure() is False
    assert ballast.release() is False
    (path / "inside").rmdir()
    path.rmdir()


def test_a_folder_that_cannot_be_made_is_told_and_nothing_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ballast = Ballast(tmp_path / "file" / "ballast", SIZE)
    assert ballast.ensure() is False
    assert ballast.release() is False


def test_on_a_full_disk_the_ballast_is_the_room_for_what_must_be_written(
    small_disk: Path, fill: Fill
) -> None:
    ballast = Ballast(small_disk / "ballast", SIZE)
    assert ballast.ensure() is True
    fill(small_disk)
    alert = small_disk / "alert"
    with alert.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
        file.write(b"x" * 4096)

    assert ballast.release() is True
    with alert.open("wb", buffering=0) as file:
        for _ in range(SIZE // 4096):  # all that it held in reserve
            assert file.write(b"x" * 4096) == 4096
        os.fsync(file.fileno())


def test_the_ballast_is_not_what_fills_the_disk(small_disk: Path) -> None:
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    too_big = Ballast(small_disk / "ballast", free // ROOM_TO_SPARE + 4096)
    assert too_big.ensure() is False
    assert list(small_disk.iterdir()) == []


def test_after_its_release_it_is_not_taken_again_before_there_is_room_to_spare(
    small_disk: Path, fill: Fill
) -> None:
    ballast = Ballast(small_disk / "ballast", SIZE)
    ballast.ensure()
    fill(small_disk)
    ballast.release()
    assert ballast.ensure() is False
    (small_disk / "filler").unlink()
    assert ballast.ensure() is True
