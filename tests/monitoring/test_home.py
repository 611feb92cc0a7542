"""Which folder is the home."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from monitoring.home import Home, find_home


def test_monitor_home_says_where_the_home_is(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").touch()
    elsewhere = tmp_path / "elsewhere"  # it need not be there yet
    assert find_home({"MONITOR_HOME": str(elsewhere)}, tmp_path) == Home(elsewhere)


def test_a_relative_monitor_home_is_below_the_current_folder(tmp_path: Path) -> None:
    home = find_home({"MONITOR_HOME": "a/b"}, tmp_path)
    assert home.root == tmp_path / "a" / "b"
    assert home.root.is_absolute()


def test_a_tilde_in_monitor_home_is_the_users_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "asha"))
    assert find_home({"MONITOR_HOME": "~/m"}, tmp_path).root == tmp_path / "asha" / "m"


def test_the_tilde_of_a_user_that_there_is_not_is_a_folder_like_any_other(tmp_path: Path) -> None:
    home = find_home({"MONITOR_HOME": "~no-such-user/m"}, tmp_path)
    assert home.root == tmp_path / "~no-such-user" / "m"


def test_the_current_folder_with_monitor_toml_is_the_home(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").touch()
    inner = tmp_path / "a"
    inner.mkdir()
    (inner / "monitor.toml").touch()
    assert find_home({}, inner) == Home(inner)


@pytest.mark.parametrize("environ", [{}, {"MONITOR_HOME": ""}])
def test_the_nearest_folder_upward_with_monitor_toml_is_the_home(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    (tmp_path / "monitor.toml").touch()
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "monitor.toml").touch()
    deep = tmp_path / "a" / "b" / "c"
    deep.mkdir(parents=True)
    assert find_home(environ, deep) == Home(tmp_path / "a")


def test_a_folder_called_monitor_toml_is_no_settings_file(tmp_path: Path) -> None:
    (tmp_path / "monitor.toml").touch()
    inner = tmp_path / "a"
    (inner / "monitor.toml").mkdir(parents=True)
    assert find_home({}, inner) == Home(tmp_path)


def test_without_any_monitor_toml_the_current_folder_is_the_home(tmp_path: Path) -> None:
    if any((folder / "monitor.toml").exists() for folder in tmp_path.parents):
        pytest.skip("a folder above the tests' own is somebody's home")
    assert find_home({}, tmp_path) == Home(tmp_path)


def test_the_home_is_absolute_though_the_current_folder_is_given_as_a_dot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monitor.toml").touch()
    assert find_home({}, Path()).root == tmp_path


def test_every_path_of_the_layout_is_below_the_home_and_no_two_are_the_same(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path)
    names = [name for name, of in vars(Home).items() if isinstance(of, property)]
    paths = [getattr(home, name) for name in names]
    assert len(names) >= 10
    assert len(set(paths)) == len(paths)
    assert all(os.path.commonpath([path, tmp_path]) == str(tmp_path) for path in paths)
    assert msgspec.structs.asdict(home) == {"root": tmp_path}
