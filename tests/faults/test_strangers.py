"""Processes of a user who owns nothing but the home, with an umask that hides nothing."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import unmeasured

NOBODY = 65534
BECOME = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups"
# Where root keeps this Python for itself: the same files, seen through a mount of our own.
OPENED = f"""
mount --bind "$1" "$2" && mount -t tmpfs -o mode=755 none "$3" && mkdir -p "$1" &&
mount --bind "$2" "$1" && shift 3 && umask 000 && exec {BECOME} "$@"
"""
FILES, FOLDERS = {0o600, 0o640}, {0o700, 0o750}


@pytest.fixture
def as_nobody(tmp_path: Path) -> tuple[str, ...]:
    """Return the words before a command that run it as uid 65534 under umask 000."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    if shutil.which("setpriv") is None or shutil.which("unshare") is None:
        pytest.skip("setpriv and unshare are not installed")
    prefix = Path(sys.base_prefix)
    closed = [one for one in prefix.parents if not one.stat().st_mode & stat.S_IXOTH]
    words: tuple[str, ...] = ("sh", "-c", f'umask 000; exec {BECOME} "$@"', "sh")
    if closed:
        between = tmp_path / "python"
        between.mkdir()
        words = ("unshare", "-m", "sh", "-c", OPENED, "sh", str(prefix), str(between))
        words = (*words, str(closed[-1]))
    tried = subprocess.run(
        [*words, sys.executable, "-c", ""], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0:
        pytest.skip(f"uid {NOBODY} can't run this Python here: {tried.stderr.strip()}")
    return words


@pytest.fixture
def public_home(monitored: Any) -> Iterator[Any]:
    """Return a home that belongs to uid 65534, below folders that everybody may enter."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        root = Path(folder) / "home"
        root.mkdir(mode=0o700)
        home = type(monitored)(root)
        for name in home.environ.keys() & os.environ.keys() - unmeasured.environ().keys():
            del home.environ[name]
        os.chown(root, NOBODY, NOBODY)
        yield home
        home.end()


def given_away(home: Any) -> None:
    for file in home.home.root.rglob("*"):
        os.chown(file, NOBODY, NOBODY, follow_symlinks=False)


@pytest.mark.fault("O5")
def test_all_works_and_nothing_is_open_to_others(public_home: Any, as_nobody: Any) -> None:
    public_home.start("-m", "collectors", wrapper=as_nobody)
    public_home.start("-m", "scheduler", wrapper=as_nobody)
    public_home.wait(
        lambda: public_home.state("scheduler") and public_home.state("collector"), "both states"
    )
    public_home.append("main-w1.jsonl", b'{"kind":"tick","writer":"w1","seq":1}\n')
    os.chown(public_home.home.heartbeat / "main-w1.jsonl", NOBODY, NOBODY)
    public_home.wait(lambda: public_home.counted() == 1, "the tick")
    ours = {public_home.home.settings, public_home.home.heartbeat / "main-w1.jsonl"}
    modes: dict[str, int] = {}
    for path in public_home.home.root.rglob("*"):
        status = path.lstat()
        wanted = FOLDERS if path.is_dir() else FILES
        if path not in ours and path.suffix != ".out" and not path.name.startswith("."):
            assert status.st_uid == NOBODY, path
            if stat.S_IMODE(status.st_mode) not in wanted:
                modes[str(path)] = stat.S_IMODE(status.st_mode)
    assert modes == {}
    assert public_home.stop() == [0, 0]


@pytest.mark.fault("O5")
def test_a_hostile_link_is_not_followed(public_home: Any, as_nobody: Any) -> None:
    elsewhere = public_home.home.root.parent / "elsewhere"
    elsewhere.write_text("theirs")
    elsewhere.chmod(0o666)
    state = public_home.home.state
    state.mkdir(parents=True)
    for name in ("collector.json", "scheduler.json", "collector.ballast"):
        (state / name).symlink_to(elsewhere)
    given_away(public_home)
    public_home.start("-m", "collectors", wrapper=as_nobody)
    public_home.start("-m", "scheduler", wrapper=as_nobody)
    public_home.wait(
        lambda: public_home.state("scheduler") and public_home.state("collector"), "both states"
    )
    assert elsewhere.read_text() == "theirs"
    assert public_home.stop() == [0, 0]


@pytest.mark.fault("T13")
def test_a_file_that_may_not_be_read_for_a_while_goes_on_where_it_was(
    public_home: Any, as_nobody: Any
) -> None:
    line = b'{"kind":"tick","writer":"w1","seq":%d}\n'
    file = public_home.append("main-w1.jsonl", line % 1 + line % 2)
    given_away(public_home)
    collector = public_home.start("-m", "collectors", wrapper=as_nobody)
    public_home.wait(lambda: public_home.counted() == 2, "the first ticks")
    collector.terminate()
    assert collector.wait(60) == 0
    file.chmod(0)
    os.chown(file, 0, 0)
    public_home.append("main-w1.jsonl", line % 3)
    before = len(public_home.snapshots())
    public_home.start("-m", "collectors", wrapper=as_nobody)
    public_home.wait(lambda: len(public_home.snapshots()) > before + 2, "snapshots without it")
    assert public_home.counted() == 2
    said = "main-w1.jsonl can't be read: Permission denied"
    public_home.wait(lambda: said in public_home.degraded("collector"), "the operator is told")
    assert said in public_home.monitor("health").stdout.replace("\n", " ")
    other = public_home.home.heartbeat / "main-w2.jsonl"
    unread = public_home.home.root / "w2"  # closed before it is there, else it may be read first
    unread.write_bytes(line % 1)
    unread.chmod(0)
    unread.rename(other)
    public_home.wait(lambda: "(and 1 more)" in public_home.degraded("collector"), "of both")
    other.unlink()
    os.chown(file, NOBODY, NOBODY)
    file.chmod(0o600)
    public_home.wait(lambda: public_home.counted() >= 3, "the tick after")
    newest = public_home.snapshots()[-1].collector
    assert (public_home.counted(), newest.ticks_lost, newest.ticks_duplicate) == (3, 0, 0)
    public_home.wait(lambda: public_home.degraded("collector") == "", "all is well again")
