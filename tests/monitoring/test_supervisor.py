from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitoring.supervisor import Supervisor

SECOND_NS = 1_000_000_000


class Listener:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.socket.bind(address)

    def heard(self) -> list[list[str]]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(4096).decode().split("\n"))
            except BlockingIOError:
                return found


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Listener]:
    one = Listener(str(tmp_path / "notify"))
    yield one
    one.socket.close()


def supervised(tmp_path: Path, now: list[int], **more: str) -> Supervisor:
    environ = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000000"} | more
    return Supervisor(environ, lambda: now[0])


def test_the_first_turn_makes_it_ready_and_later_ones_say_that_it_lives(
    listener: Listener, tmp_path: Path
) -> None:
    now = [0]
    supervisor = supervised(tmp_path, now)
    for now[0] in (0, SECOND_NS, 9 * SECOND_NS, 11 * SECOND_NS):
        supervisor.turned("well")
    supervisor.stopping()
    assert listener.heard() == [
        ["READY=1", "STATUS=well", "WATCHDOG=1"],
        ["WATCHDOG=1"],
        ["STOPPING=1", "STATUS=stopping"],
    ]
    assert supervisor.longest_wait_seconds == 10


def test_a_change_of_words_is_told_at_once_in_one_line(listener: Listener, tmp_path: Path) -> None:
    supervisor = supervised(tmp_path, [0])
    for status in ("well", "well", "the disk is full\nWATCHDOG=1", ""):
        supervisor.turned(status)
    assert listener.heard()[1:] == [["STATUS=the disk is full"], ["STATUS="]]


def test_a_name_in_the_abstract_namespace_is_reached(tmp_path: Path) -> None:
    name = f"tickbeat-test-{os.getpid()}"
    listener = Listener(f"\0{name}")
    supervised(tmp_path, [0], NOTIFY_SOCKET=f"@{name}").turned("well")
    assert listener.heard() == [["READY=1", "STATUS=well", "WATCHDOG=1"]]
    listener.socket.close()


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "often"},
        {"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": "1"},
    ],
)
def test_a_watchdog_that_is_not_meant_for_it_lets_it_wait(environ: dict[str, str]) -> None:
    assert Supervisor(environ, lambda: 0).longest_wait_seconds == float("inf")


@pytest.mark.parametrize("address", ["", "relative", "/there/is/none", "@nobody", "/x\0y"])
def test_where_nobody_listens_nothing_is_raised(address: str) -> None:
    supervisor = Supervisor({"NOTIFY_SOCKET": address}, lambda: 0)
    supervisor.turned("well")
    supervisor.stopping()


def test_a_socket_that_takes_no_more_delays_nothing(listener: Listener, tmp_path: Path) -> None:
    now = [0]
    supervisor = supervised(tmp_path, now)
    for turn in range(5_000):
        now[0] = turn * 20 * SECOND_NS
        supervisor.turned(f"turn {turn}")
    assert len(listener.heard()) < 5_000


def test_what_a_full_socket_did_not_take_is_said_again_at_the_next_turn(
    listener: Listener, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as others:
        others.connect(listener.socket.getsockname())
        with contextlib.suppress(BlockingIOError):
            while True:
                others.send(b"of another process")
    supervisor = supervised(tmp_path, [0])
    supervisor.turned("well")
    assert ["READY=1", "STATUS=well", "WATCHDOG=1"] not in listener.heard()
    supervisor.turned("well")
    supervisor.turned("well")
    assert listener.heard() == [["READY=1", "STATUS=well", "WATCHDOG=1"]]


@pytest.mark.parametrize("status", ["x" * 1_000_000, "\udcff"], ids=["endless", "not UTF-8"])
def test_no_words_keep_it_from_being_ready(listener: Listener, tmp_path: Path, status: str) -> None:
    supervised(tmp_path, [0]).turned(status)
    ((ready, _, ping),) = listener.heard()
    assert (ready, ping) == ("READY=1", "WATCHDOG=1")
