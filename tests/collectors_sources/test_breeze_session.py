from __future__ import annotations

import os
from pathlib import Path

import pytest

from collectors.breeze_session import SessionFile
from monitoring.atomic import SECRET_MODE, write_atomic

KEY = "58593421"


def put(path: Path, text: str, mode: int = 0o600) -> None:
    write_atomic(path, text.encode(), mode=SECRET_MODE, durable=False)
    path.chmod(mode)


def look(path: Path) -> SessionFile:
    session = SessionFile(path)
    session.refresh()
    return session


@pytest.mark.parametrize("text", [KEY, f"{KEY}\n", f"  {KEY}\r\n"])
def test_the_key_is_the_one_line_of_the_file(tmp_path: Path, text: str) -> None:
    put(tmp_path / "key", text)
    session = look(tmp_path / "key")

    assert (session.key, session.fault) == (KEY, None)


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    session = look(tmp_path / "key")

    assert session.key is None
    assert session.fault == "no session file yet: run `monitor breeze login`"


@pytest.mark.parametrize(
    "text", ["", " \n", "two keys", "two\nlines", "kęy", "ke\x1b[0my", "x" * 5000]
)
def test_what_is_not_one_key_is_refused_without_being_quoted(tmp_path: Path, text: str) -> None:
    put(tmp_path / "key", text)
    session = look(tmp_path / "key")

    assert session.key is None
    assert session.fault is not None
    assert "does not hold one session key" in session.fault
    assert not text.strip() or text not in session.fault


def test_a_symlink_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "real", KEY)
    (tmp_path / "key").symlink_to("real")
    session = look(tmp_path / "key")

    assert session.key is None
    assert "symlink" in (session.fault or "")


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666, 0o602])
def test_a_file_that_everybody_may_read_or_write_is_refused(tmp_path: Path, mode: int) -> None:
    put(tmp_path / "key", KEY, mode)
    session = look(tmp_path / "key")

    assert session.key is None
    assert f"{'written' if mode == 0o602 else 'read'} by everybody" in (session.fault or "")


def test_tightening_the_mode_is_a_change_that_is_seen(tmp_path: Path) -> None:
    put(tmp_path / "key", KEY, 0o644)
    session = look(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)

    assert session.refresh()
    assert session.key == KEY


def test_a_fifo_or_a_folder_is_refused_and_nothing_hangs(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()

    for name in ("fifo", "folder"):
        session = look(tmp_path / name)
        assert session.key is None
        assert "not a regular file" in (session.fault or "")


def test_a_folder_on_the_way_that_is_a_file_is_a_fault_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    session = look(tmp_path / "file" / "key")

    assert session.key is None
    assert "can't be read" in (session.fault or "")


def test_a_new_key_is_seen_even_with_the_same_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "key"
    put(path, "11111111")
    os.utime(path, (1, 1))
    session = SessionFile(path)
    assert not session.refresh()
    assert not session.refresh()

    put(path, "22222222")
    os.utime(path, (1, 1))
    assert session.refresh()
    assert session.key == "22222222"
    assert not session.refresh()


def test_coming_and_going_are_changes_too(tmp_path: Path) -> None:
    path = tmp_path / "key"
    session = look(path)
    put(path, KEY)
    assert session.refresh()
    assert session.key == KEY
    path.unlink()
    assert session.refresh()
    assert session.key is None
    assert not session.refresh()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a plain user for a moment")
def test_a_file_of_somebody_else_is_a_fault_in_words(tmp_path: Path) -> None:
    put(tmp_path / "key", KEY)
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    os.seteuid(65534)
    try:
        session = look(tmp_path / "key")
    finally:
        os.seteuid(0)

    assert session.key is None
    assert "Permission denied" in (session.fault or "")
