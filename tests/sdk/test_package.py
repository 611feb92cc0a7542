"""What an engine gets when it installs and imports the package."""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

Engine = Callable[..., subprocess.CompletedProcess[str]]

SDK = Path(__file__).parents[2] / "engine_sdk"


def test_the_package_needs_msgspec_alone() -> None:
    project = tomllib.loads((SDK / "pyproject.toml").read_text())["project"]
    assert [need.split(">")[0] for need in project["dependencies"]] == ["msgspec"]


def test_an_import_brings_nothing_but_msgspec_and_parts_of_python(engine: Engine) -> None:
    done = engine(
        """
import sys
before = set(sys.modules)
import tickbeat
strangers = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(strangers - sys.stdlib_module_names - {"tickbeat"}))
print("logging" in sys.modules)
"""
    )
    # typing_extensions is taken by msgspec where somebody has installed it
    strangers, slow = done.stdout.splitlines()
    assert set(strangers.split()) <= {"msgspec", "typing_extensions"}
    assert slow == "False"


def test_the_readmes_example_runs_as_it_stands(tmp_path: Path, engine: Engine) -> None:
    text = (SDK / "README.md").read_text()
    (example,) = [part.partition("```")[0] for part in text.split("```python\n")[1:]]
    example = example.replace("/srv/monitor/data/heartbeat", str(tmp_path))
    turns = "turns = [1, 1, 0]\ndef trade(): pass\n"
    engine(turns + example.replace("while trading:", "while turns.pop(0):"))
    (file,) = tmp_path.iterdir()
    kinds = [line.split(b'"')[3] for line in file.read_bytes().splitlines()]
    assert kinds == [b"header", b"tick", b"tick", b"close"]


def test_it_runs_where_posix_calls_are_missing(tmp_path: Path, engine: Engine) -> None:
    engine(
        """
import os, sys
del os.register_at_fork, os.O_NOFOLLOW
from tickbeat import HeartbeatWriter
with HeartbeatWriter(sys.argv[1]) as heartbeat:
    heartbeat.record_tick()
""",
        tmp_path,
    )
    (file,) = tmp_path.iterdir()
    assert file.read_bytes().count(b"\n") == 3
