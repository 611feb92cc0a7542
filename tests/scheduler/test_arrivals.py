"""A snapshot that arrives is taken without listing the folder, and none is ever passed over."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import pytest

from monitoring.alert_fold import Folded
from monitoring.folder_watch import Arrivals
from monitoring.snapshot import CollectorStatus, Snapshot, file_name
from monitoring.snapshots import SnapshotStore
from monitoring.troubles import Troubles
from scheduler.feed import Feed

BEGIN_MS = 1_760_250_600_000


class Listed(SnapshotStore):
    """A folder that counts how often it was listed."""

    times = 0

    def names_after(self, name: str | None) -> list[str]:
        self.times += 1
        return super().names_after(name)


class Taken:
    """A course that notes the numbers of what it takes."""

    def __init__(self) -> None:
        self.numbers: list[int] = []

    def take(self, snapshot: Snapshot) -> None:
        self.numbers.append(snapshot.snapshot)


class Scene:
    """A feed that has evaluated snapshot 1, and listed the folder for that."""

    def __init__(self, folder: Path) -> None:
        self.store = Listed(folder)
        self.course: Any = Taken()
        self.arrived: Arrivals = deque()
        self.troubles = Troubles()
        self.feed = Feed(self.store, self.course, self.troubles, self.arrived)
        self.feed.resume(None, Folded(), 0)
        self.write(1)
        self.arrived.clear()
        self.pass_()
        self.store.times = 0

    def write(self, number: int) -> str:
        name = self.store.write(
            Snapshot(
                snapshot=number,
                timestamp="",
                wall_ms=BEGIN_MS + 10_000 * number,
                boottime_ns=number,
                boot_id="boot",
                engine="main",
                reason="interval",
                collector=CollectorStatus(app_version="test"),
            )
        )
        self.arrived.append(name)
        return name

    def pass_(self) -> list[int]:
        del self.course.numbers[:]
        assert [reached.number for reached in self.feed.fresh()] == self.course.numbers
        return list(self.course.numbers)


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_the_next_in_count_is_taken_without_listing_the_folder(scene: Scene) -> None:
    for number in (2, 3, 4):
        scene.write(number)
        assert scene.pass_() == [number]
    scene.write(5)
    scene.write(6)
    assert scene.pass_() == [5, 6]
    assert scene.store.times == 0


def test_one_whose_event_was_lost_is_taken_before_the_one_that_arrived(scene: Scene) -> None:
    scene.write(2)
    scene.arrived.clear()
    scene.write(3)
    assert scene.pass_() == [2, 3]


def test_one_whose_event_was_lost_after_another_is_taken_in_the_same_pass(scene: Scene) -> None:
    scene.write(2)
    scene.write(3)
    scene.arrived.pop()
    scene.arrived.append(None)  # the kernel's queue overflowed
    assert scene.pass_() == [2, 3]


def test_without_any_event_the_folder_is_listed(scene: Scene) -> None:
    scene.write(2)
    scene.arrived.clear()
    assert scene.pass_() == [2]
    assert scene.pass_() == []
    assert scene.store.times == 2


def test_files_that_are_no_snapshots_do_not_stand_for_a_look(scene: Scene) -> None:
    scene.write(2)
    scene.arrived.clear()
    scene.arrived.extend(["rules.toml", ".metrics_20251012T070456.123Z.json.tmp", file_name(0)])
    assert scene.pass_() == [2]


def test_one_that_is_gone_or_torn_is_left_to_the_listing_to_tell(scene: Scene) -> None:
    (scene.store.folder / scene.write(2)).unlink()
    assert scene.pass_() == []
    assert scene.troubles.words == []
    (scene.store.folder / scene.write(3)).write_bytes(b"{")
    assert scene.pass_() == []
    assert "a snapshot was left out" in scene.troubles.words[0]
    scene.write(4)
    assert scene.pass_() == [4]
    scene.write(5)
    assert scene.pass_() == [5]
    assert scene.troubles.words == []


def test_a_pass_that_ends_early_goes_on_where_it_was(scene: Scene) -> None:
    for number in (2, 3, 4):
        scene.write(number)
    assert next(scene.feed.fresh()).number == 2
    assert scene.pass_() == [3, 4]
    assert scene.store.times == 0
