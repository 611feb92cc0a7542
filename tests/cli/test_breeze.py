from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.cli.breeze import login_url, session_key


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("12345678\n", "12345678"),
        ("https://localhost/?apisession=87654321", "87654321"),
        ("http://127.0.0.1:8000/cb?x=1&apisession=87654321&y=2", "87654321"),
        ("https://localhost/?API_Session=1&ApiSession=4444", "4444"),
        ("apisession=4444", "4444"),
        ("https://localhost/?apisession=", None),
        ("https://localhost/?other=1", None),
        ("two words", None),
        ("\x1b[2J", None),
        ("", None),
        ("x" * 300, None),
    ],
)
def test_a_session_key_is_found_alone_or_in_the_link(said: str, key: str | None) -> None:
    assert session_key(said) == key


def test_the_app_key_is_escaped_in_the_login_link() -> None:
    assert login_url("a+b/c=").endswith("?api_key=a%2Bb%2Fc%3D")


def test_the_key_goes_from_stdin_into_a_file_that_only_the_owner_reads(
    monitor, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    done = monitor("breeze", "login", said="https://localhost/?apisession=12345678\n")
    assert done.returncode == 0
    file = tmp_path / "home" / "data" / "breeze_session"
    assert file.read_text() == "12345678\n"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "12345678" not in done.stdout + done.stderr
    again = monitor("breeze", "login", "--json", said="87654321\n")
    assert json.loads(again.stdout) == {"session_file": str(file)}
    assert file.read_text() == "87654321\n"


def test_a_hostile_link_in_the_way_is_replaced_not_followed(monitor, tmp_path: Path) -> None:
    folder = tmp_path / "home" / "data"
    folder.mkdir(parents=True)
    (tmp_path / "victim").write_text("precious")
    (folder / "breeze_session").symlink_to(tmp_path / "victim")
    assert monitor("breeze", "login", said="12345678\n").returncode == 0
    assert (tmp_path / "victim").read_text() == "precious"
    assert not (folder / "breeze_session").is_symlink()


def test_what_holds_no_key_is_refused(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    done = monitor("breeze", "login", said="not a key\n")
    assert done.returncode == 1
    assert "no session key" in done.stderr
    assert not (tmp_path / "home" / "data").exists()


def test_broken_settings_do_not_keep_the_operator_from_logging_in(monitor, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "monitor.toml").write_text("nosuch = 1\n")
    done = monitor("breeze", "login", said="12345678\n")
    assert done.returncode == 0
    assert "nosuch" in done.stderr
