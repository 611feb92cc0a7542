"""What wakes the loop: a file moved into a folder, whichever folder has that name by now."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.bell import Bell
from monitoring.folder_watch import FolderWatch


class Watched:
    """A folder, its watch, and whether a file that arrives there wakes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bell = Bell()
        self.watch = FolderWatch(self.bell, [folder])

    def wakes(self) -> bool:
        """Tell whether a file wakes, once all that happened before has been slept off."""
        self.watch.renew()
        while self.bell.wait(0.2):
            self.watch.renew()
        (self.folder / ".new.tmp").touch()
        (self.folder / ".new.tmp").rename(self.folder / "new")
        return self.bell.wait(60)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    one = Watched(tmp_path / "folder")
    yield one
    one.watch.close()


def test_a_file_that_is_moved_into_the_folder_wakes(watched: Watched) -> None:
    watched.folder.mkdir()
    assert watched.wakes()


def test_a_folder_that_is_not_there_yet_is_watched_once_it_is(watched: Watched) -> None:
    watched.watch.renew()
    watched.folder.mkdir()
    assert watched.wakes()


def test_a_folder_removed_and_made_again_is_watched_again_whatever_its_inode(
    watched: Watched,
) -> None:
    watched.folder.mkdir()
    for _ in range(3):  # most file systems give the inode of the folder that went to the next
        assert watched.wakes()
        shutil.rmtree(watched.folder)
        watched.folder.mkdir()
    assert watched.wakes()


def test_a_folder_that_another_took_the_place_of_is_watched(watched: Watched) -> None:
    watched.folder.mkdir()
    assert watched.wakes()
    watched.folder.rename(watched.folder.with_name("aside"))
    watched.folder.mkdir()
    assert watched.wakes()


def test_the_name_of_what_arrives_is_told_and_first_that_some_may_have_come_before(
    watched: Watched,
) -> None:
    watched.folder.mkdir()
    assert watched.wakes()
    assert list(watched.watch.arrived) == [None, "new"]
