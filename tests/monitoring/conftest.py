"""Settings read from real files, and a disk small enough to fill."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from monitoring.home import Home
from monitoring.settings import Settings, SettingsError, load

DISK_KIB = 1024

Give = Callable[..., Settings]
Refusal = Callable[..., list[str]]


@pytest.fixture
def give(tmp_path: Path) -> Give:
    """Return what reads settings from `monitor.toml`, `.env` and the environment given."""

    def read(toml: str = "", *, env: Mapping[str, str] | None = None, dotenv: str = "") -> Settings:
        (tmp_path / "monitor.toml").write_text(toml)
        if dotenv:
            (tmp_path / ".env").write_text(dotenv)
        return load(Home(tmp_path), env or {})

    return read


@pytest.fixture
def refusal(give: Give) -> Refusal:
    """Return what gives the faults of settings that must be refused."""

    def faults(
        toml: str = "", *, env: Mapping[str, str] | None = None, dotenv: str = ""
    ) -> list[str]:
        with pytest.raises(SettingsError) as refused:
            give(toml, env=env, dotenv=dotenv)
        return refused.value.faults

    return faults


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 1 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_KIB}k", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=60)


@pytest.fixture
def fill() -> Callable[[Path], None]:
    """Return what writes until a disk has no block left."""

    def until_full(disk: Path) -> None:
        with (disk / "filler").open("ab", buffering=0) as filler:
            while os.statvfs(disk).f_bavail:
                filler.write(b"x" * 4096)

    return until_full
