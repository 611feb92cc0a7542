"""A link in the place of every file that the product opens, renames or deletes."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitoring.history_file import connect
from monitoring.snapshot import file_name
from tests.faults.conftest import Monitored

TICK = b'{"kind":"tick","writer":"w1","seq":%d}\n'
THEIRS = "theirs: private\n"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Monitored]:
    (tmp_path / "home").mkdir(mode=0o700)
    one = Monitored(tmp_path / "home", tmp_path)
    yield one
    one.end()


class Trap:
    """A file of somebody else's, and what must not have become of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "elsewhere"
        self.file.write_text(THEIRS)
        os.chmod(self.file, 0o600)
        self.before = self._look()

    def _look(self) -> tuple[object, ...]:
        there = self.file.lstat()
        return there.st_ino, there.st_size, stat.S_IMODE(there.st_mode), there.st_mtime_ns

    def plant(self, *paths: Path) -> None:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
            path.unlink(missing_ok=True)
            path.symlink_to(self.file)

    def is_untouched(self) -> bool:
        return self._look() == self.before and self.file.read_text() == THEIRS


def planted_everywhere(home: Monitored, trap: Trap) -> None:
    """Put links under every name that the processes replace, append to, or read."""
    at = home.home
    now = datetime.now(UTC)
    old = file_name(round(now.timestamp() * 1000) - 3_600_000)
    soon = file_name(round(now.timestamp() * 1000) + 3_600_000)
    for process in ("collector", "scheduler"):
        for name in (f"{process}.json", f".{process}.json.tmp", f"{process}.ballast"):
            trap.plant(at.state / name)
        trap.plant(at.logs / f"monitoring_{process}.jsonl")
    trap.plant(
        at.state / "rules_in_force.toml",
        at.state / ".rules_in_force.toml.tmp",
        at.snapshots / old,
        at.snapshots / f".{soon}.tmp",
        at.snapshots / f"metrics_{now:%Y%m%d}.jsonl.gz",
        at.snapshots / f".metrics_{now:%Y%m%d}.jsonl.gz.tmp",
        at.quarantine / "rejected.jsonl",
        at.heartbeat / "main-w9.jsonl",
        at.heartbeat / "main-w9.1.jsonl",
        at.spool / "0000000000001-a.json",
        at.history.with_name("history.sqlite3-wal"),
        at.history.with_name("history.sqlite3-journal"),
        at.root / "data" / "breeze_session",
        at.root / "data" / ".breeze_session.tmp",
    )


def test_none_of_them_is_followed_and_the_work_goes_on(home: Monitored, tmp_path: Path) -> None:
    trap = Trap(tmp_path)
    planted_everywhere(home, trap)
    home.start("-m", "collectors")
    home.start("-m", "scheduler")
    home.append("main-w1.jsonl", TICK % 1 + b"no tick\n")
    home.wait(lambda: home.counted() == 1, "the tick")
    home.wait(lambda: home.state("scheduler") and home.state("collector"), "both states")
    home.wait(lambda: not list(home.home.spool.iterdir()), "the answer to the spool")
    home.wait(home.home.history.is_file, "the index")
    assert home.monitor("ack", "nothing").returncode != 0
    login = home.start("-m", "scripts.monitor", "breeze", "login")
    login.stdin.write("session-key-1\n")
    login.stdin.close()
    assert login.wait(60) == 0
    assert home.monitor("tail", "--no-follow").returncode == 0
    assert home.stop()[:2] == [0, 0]
    assert trap.is_untouched()
    assert THEIRS.strip() not in home.said()
    session = home.home.root / "data" / "breeze_session"
    assert stat.S_IMODE(session.lstat().st_mode) == 0o600


def test_a_lock_is_not_taken_through_a_link(home: Monitored, tmp_path: Path) -> None:
    trap = Trap(tmp_path)
    trap.plant(home.home.state / "collector.lock")
    refused = home.start("-m", "collectors")
    assert refused.wait(60) != 0
    assert "Traceback" not in home.said()
    assert trap.is_untouched()


@pytest.mark.parametrize("suffix", ["", "-shm", "-wal", "-journal"])
def test_sqlite_writes_through_no_link(tmp_path: Path, suffix: str) -> None:
    trap = Trap(tmp_path)
    history = tmp_path / "history.sqlite3"
    trap.plant(Path(f"{history}{suffix}"))
    with contextlib.suppress(OSError, sqlite3.Error), contextlib.closing(connect(history)) as base:
        base.execute("INSERT INTO field VALUES (0, 'pnl.daily')")
        base.commit()
    assert trap.is_untouched()
