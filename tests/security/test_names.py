"""Names that come from elsewhere and become parts of paths, queries or lines."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collectors.segments import finished
from monitoring.entry import REFUSED
from monitoring.home import Home
from monitoring.settings import SettingsError, load
from monitoring.snapshot import Cursor
from monitoring.spool import Request, submit
from monitoring.supervisor import Supervisor
from tests.faults.conftest import Monitored
from tickbeat import HeartbeatWriter

BAD = ["../x", "a/b", "..", "", "a\0b", "a\nb", "é", ".hidden", "-x", "a" * 65, "a.b"]


@pytest.mark.parametrize("name", [one for one in BAD if "\0" not in one and one])
def test_an_engines_name_leads_to_no_other_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        load(Home(tmp_path), {"MONITOR_ENGINE": name})


@pytest.mark.parametrize("name", BAD)
def test_nor_does_that_of_the_engines_own_writer(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "heartbeat"
    with pytest.raises(ValueError, match="can't name a file"):
        HeartbeatWriter(str(folder), engine=name)
    assert not folder.exists()


@pytest.mark.parametrize("id_", ["../x", "a/b", "", ".", "a" * 65, "é", "a\n"])
def test_a_requests_id_leads_to_no_other_folder(tmp_path: Path, id_: str) -> None:
    request = Request(id=id_, action="ack", target="x", by="x", at_ms=1)
    with pytest.raises(ValueError, match="a request's id"):
        submit(tmp_path / "spool", request)
    assert list(tmp_path.iterdir()) == []


def test_a_writers_id_in_a_snapshot_deletes_nothing_elsewhere(tmp_path: Path) -> None:
    """`finished` is what the collector deletes from."""
    folder = tmp_path / "heartbeat"
    (folder / "main-x").mkdir(parents=True)
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_text("{}\n")
    ours = folder / "main-w1.jsonl"
    ours.write_text("{}\n")

    def cursor(name: str, writer: str, file: Path) -> Cursor:
        there = file.stat()
        blank = Cursor(name=name, inode=there.st_ino, offset=there.st_size, head="", tail="")
        return msgspec.structs.replace(blank, writer=writer)

    found = finished(
        folder, "main",
        [
            cursor("main-x/../../theirs.jsonl", "x/../../theirs", theirs),
            cursor("main-w1.jsonl", "w1", ours),
        ],
    )  # fmt: skip
    assert [one.name for one in found] == ["main-w1.jsonl"]


HOSTILE = "full: \x1b[2J\x9b31m\u202e\udcff \x00 now\nMAINPID=1"


def test_systemds_status_is_one_line_without_what_steers_a_terminal(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        supervisor = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "notify")}, lambda: 0)
        supervisor.turned(HOSTILE)
        ready, status, *rest = systemd.recv(4096).decode().split("\n")
    assert (ready, rest) == ("READY=1", ["WATCHDOG=1"])
    assert status == "STATUS=full: \\x1b[2J\\x9b31m\\u202e\\udcff \\x00 now"


@pytest.fixture
def escaping(tmp_path: Path) -> Iterator[Monitored]:
    """Return a home whose very name steers a terminal, and can't be used."""
    root = tmp_path / "\x1b]0;theirs\x07\x9b2J"
    root.mkdir(mode=0o700)
    home = Monitored(root, tmp_path)
    yield home
    home.end()


def test_a_process_that_is_refused_says_so_without_steering_the_terminal(
    escaping: Monitored,
) -> None:
    (escaping.home.root / "data").write_text("no folder")
    failed = escaping.start("-m", "collectors")
    assert failed.wait(60) not in (0, REFUSED)
    said = escaping.said()
    assert "theirs" in said
    assert [one for one in said if not one.isprintable() and one != "\n"] == []
