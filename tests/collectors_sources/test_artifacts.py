from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest

from collectors.artifacts import MAX_FILES, ages
from monitoring.config import Artifact

NOW_MS = 1_760_000_000_000
HOUR = 3600.0


def model(path: Path, hours: float, text: str = "weights") -> Path:
    """A file that was modified some hours ago."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return date(path, hours)


def date(path: Path, hours: float) -> Path:
    moment = NOW_MS / 1000 - hours * HOUR
    os.utime(path, (moment, moment))
    return path


def age(home: Path, pattern: str) -> float | None:
    return ages(home, {"teacher_model": Artifact(path=pattern)}, NOW_MS)["teacher_model"]


def test_the_age_is_that_of_the_newest_match_in_hours(tmp_path: Path) -> None:
    model(tmp_path / "models" / "teacher-1.pt", 49.5)
    model(tmp_path / "models" / "teacher-2.pt", 1.5)

    assert age(tmp_path, "models/teacher-*.pt") == pytest.approx(1.5)


def test_a_path_without_wildcards_and_an_absolute_glob_work_too(tmp_path: Path) -> None:
    path = model(tmp_path / "models" / "teacher.pt", 3)
    elsewhere = tmp_path / "home"

    assert age(tmp_path, "models/teacher.pt") == pytest.approx(3)
    assert age(elsewhere, str(path)) == pytest.approx(3)
    assert age(elsewhere, f"{tmp_path}/models/*.pt") == pytest.approx(3)


def test_an_artifact_without_a_glob_is_not_watched(tmp_path: Path) -> None:
    assert ages(tmp_path, {"teacher_model": Artifact(), "b": Artifact(path="")}, NOW_MS) == {}


def test_each_artifact_is_told_by_its_name(tmp_path: Path) -> None:
    model(tmp_path / "a.pt", 1)
    found = ages(tmp_path, {"a": Artifact(path="a.pt"), "b": Artifact(path="b.pt")}, NOW_MS)

    assert found == {"a": pytest.approx(1), "b": None}


@pytest.mark.fault("S4")
@pytest.mark.parametrize(
    "pattern", ["none.pt", "none/*.pt", "*.pt", "nul\0.pt", "a" * 5000, "/none/at/all", "**a/*"]
)
def test_what_is_not_there_is_unknown(tmp_path: Path, pattern: str) -> None:
    assert age(tmp_path, pattern) is None


@pytest.mark.fault("S4")
def test_a_file_in_the_future_is_unknown_never_fresh(tmp_path: Path) -> None:
    model(tmp_path / "teacher.pt", -1)

    assert age(tmp_path, "teacher.pt") is None


def test_a_clock_a_few_seconds_ahead_is_an_age_of_zero(tmp_path: Path) -> None:
    model(tmp_path / "teacher.pt", -4 / HOUR)

    assert age(tmp_path, "teacher.pt") == 0.0


@pytest.mark.fault("S4")
@pytest.mark.parametrize("name", ["teacher.pt.tmp", "teacher.pt.part", ".teacher.pt.x", "teacher~"])
def test_a_replacement_under_a_temporary_name_is_not_the_model(tmp_path: Path, name: str) -> None:
    model(tmp_path / "models" / name, 0.001)

    assert age(tmp_path, "models/*") is None

    model(tmp_path / "models" / "teacher.pt", 50)
    assert age(tmp_path, "models/*") == pytest.approx(50)


def test_an_empty_file_is_not_a_model_yet(tmp_path: Path) -> None:
    model(tmp_path / "teacher.pt", 0.001, text="")

    assert age(tmp_path, "teacher.pt") is None


def test_a_folder_is_as_new_as_the_newest_file_in_it_not_as_itself(tmp_path: Path) -> None:
    model(tmp_path / "teacher" / "weights" / "part-1", 30)
    model(tmp_path / "teacher" / "config.json", 40)
    model(tmp_path / "teacher" / "weights" / "part-2.tmp", 0)

    assert age(tmp_path, "teacher") == pytest.approx(30)
    assert age(tmp_path, "teach*") == pytest.approx(30)


def test_an_empty_folder_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "teacher").mkdir()

    assert age(tmp_path, "teacher") is None


def test_a_link_to_the_current_model_is_as_old_as_the_model(tmp_path: Path) -> None:
    real = model(tmp_path / "store" / "v7.pt", 12)
    (tmp_path / "current.pt").symlink_to(real)
    (tmp_path / "dangling.pt").symlink_to(tmp_path / "gone.pt")

    assert age(tmp_path, "current.pt") == pytest.approx(12)
    assert age(tmp_path, "dangling.pt") is None
    assert age(tmp_path, "*.pt") == pytest.approx(12)


def test_links_that_lead_in_circles_end(tmp_path: Path) -> None:
    model(tmp_path / "teacher" / "a", 2)
    (tmp_path / "teacher" / "again").symlink_to(tmp_path / "teacher")
    (tmp_path / "self").symlink_to(tmp_path / "self")

    assert age(tmp_path, "teacher") == pytest.approx(2)
    assert age(tmp_path, "self") is None


def test_a_socket_or_fifo_is_not_a_model_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "teacher.pt")

    assert age(tmp_path, "teacher.pt") is None


def test_a_folder_with_too_many_files_is_unknown(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    first = model(many / "0", 1)
    for number in range(1, MAX_FILES + 1):
        os.link(first, many / str(number)) if number % 5000 else model(many / str(number), 1)

    assert age(tmp_path, "many/*") is None


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder: run as a plain user")
def test_an_unreadable_folder_is_unknown_for_a_plain_user(tmp_path: Path) -> None:
    model(tmp_path / "models" / "teacher.pt", 1)
    (tmp_path / "models").chmod(0)
    try:
        assert age(tmp_path, "models/*.pt") is None
        assert age(tmp_path, "models/teacher.pt") is None
    finally:
        (tmp_path / "models").chmod(0o700)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a plain user for a moment")
def test_an_unreadable_folder_is_unknown_as_uid_65534(tmp_path: Path) -> None:
    model(tmp_path / "models" / "sub" / "teacher.pt", 1)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "models").chmod(0)
    os.seteuid(65534)
    try:
        found = [
            age(tmp_path, pattern)
            for pattern in ("models/*", "models/sub", "models/sub/teacher.pt", "models/sub/*.pt")
        ]
    finally:
        os.seteuid(0)
        (tmp_path / "models").chmod(0o700)

    assert found == [None] * 4


@pytest.mark.fault("S4")
def test_a_model_that_is_replaced_all_the_time_is_never_fresh_by_mistake(tmp_path: Path) -> None:
    model(tmp_path / "models" / "teacher.pt", 60)
    done = threading.Event()

    def replace() -> None:
        while not done.is_set():
            for name in ("new.tmp", "other.tmp"):
                fresh = tmp_path / "models" / name
                fresh.write_text("half")
                date(fresh, 60)
                fresh.rename(tmp_path / "models" / "teacher.pt")

    trainer = threading.Thread(target=replace)
    trainer.start()
    try:
        seen: set[float | None] = set()
        until = time.monotonic() + 0.5
        while time.monotonic() < until or not seen - {None}:
            seen.add(age(tmp_path, "models/*"))
        assert all(found is None or found > 59 for found in seen)
    finally:
        done.set()
        trainer.join()
