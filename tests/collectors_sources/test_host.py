from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.host import Network, default_route, disk, host_of
from evaluator.instant import Instant
from monitoring.config import Breeze

HEADING = "Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT\n"
V4_DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
V4_LAN = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
V4_REJECT = "*\t00000000\t00000000\t0201\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
V6_DEFAULT = f"{ZERO} 00 {ZERO} 00 fd{'0' * 29}1 00000400 00000002 00000000 00000003     eth0\n"
V6_REJECT = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"
V6_LAN = f"fd{'0' * 30} 40 {ZERO} 00 {ZERO} 00000100 00000001 00000000 00000001     eth0\n"


def at(seconds: float) -> Instant:
    ms = int(seconds * 1000)
    return Instant(1_760_000_000_000 + ms, ms * 1_000_000, "boot")


def routes(folder: Path, v4: str | None, v6: str | None = None) -> Path:
    if v4 is not None:
        (folder / "route").write_text(HEADING + v4)
    if v6 is not None:
        (folder / "ipv6_route").write_text(v6)
    return folder


@pytest.mark.parametrize(
    ("v4", "v6", "up"),
    [
        (V4_LAN + V4_DEFAULT, None, True),
        (V4_LAN, V6_LAN + V6_DEFAULT + V6_REJECT, True),
        (V4_LAN, V6_LAN + V6_REJECT, False),
        (V4_REJECT, None, False),
        ("", "", False),
        (None, V6_DEFAULT, True),
        (None, None, None),
        ("eth0 00000000 x 0003\ngarbage\n", "garbage\n", False),
        (V4_DEFAULT.replace("0003", "what"), None, False),
    ],
)
def test_a_default_route_counts_when_it_is_up_and_does_not_reject(
    tmp_path: Path, v4: str | None, v6: str | None, up: bool | None
) -> None:
    assert default_route(routes(tmp_path, v4, v6)) is up


@pytest.mark.skipif(not Path("/proc/net/route").exists(), reason="needs Linux's /proc/net")
def test_this_machines_own_routes_can_be_read() -> None:
    assert default_route() in {True, False}


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.geteuid() != 0, reason="needs root and unshare(1)"
)
def test_a_machine_without_network_has_no_default_route() -> None:
    ask = "from collectors.host import default_route; print(default_route())"
    done = subprocess.run(
        ["unshare", "-n", sys.executable, "-c", ask],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr:
        pytest.skip("this machine doesn't let root make network namespaces")

    assert done.stdout.strip() == "False", done.stderr


class Resolver:
    """A name service whose next answer the test decides; `asked` counts the questions."""

    def __init__(self) -> None:
        self.asked = 0
        self.reached = threading.Event()
        self.error: Exception | None = None
        self.free = threading.Event()
        self.free.set()

    def __call__(self, name: str) -> object:
        self.asked += 1
        self.reached.set()
        self.free.wait()
        if self.error is not None:
            raise self.error
        return [name]


def network(folder: Path, resolver: Resolver, host: str | None = "breeze.invalid") -> Network:
    return Network(host, proc_net=routes(folder, V4_DEFAULT), resolve=resolver)


def settled(up: Callable[[], bool | None], wanted: bool) -> None:
    deadline = time.monotonic() + 60
    while up() is not wanted:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_without_breeze_the_route_alone_decides(tmp_path: Path) -> None:
    resolver = Resolver()

    watched = network(tmp_path, resolver, None)
    assert watched.network_up(at(0)) is True
    routes(tmp_path, V4_LAN)
    assert watched.network_up(at(0)) is False
    assert Network(None, proc_net=tmp_path / "none").network_up(at(0)) is None
    assert resolver.asked == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "[::1]", "localhost"])
def test_an_address_needs_no_name_service(tmp_path: Path, host: str) -> None:
    resolver = Resolver()

    assert network(tmp_path, resolver, host).network_up(at(0)) is True
    assert resolver.asked == 0


def test_a_name_service_that_answers_is_up(tmp_path: Path) -> None:
    watched = network(tmp_path, Resolver())

    settled(lambda: watched.network_up(at(0)), True)


@pytest.mark.parametrize(
    ("error", "up"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), True),
        (socket.gaierror(socket.EAI_AGAIN, "try again"), False),
        (socket.gaierror(socket.EAI_FAIL, "failed"), False),
        (OSError("no file descriptors"), False),
        (UnicodeError("label too long"), False),
    ],
)
def test_only_an_answer_counts_and_no_such_name_is_one(
    tmp_path: Path, error: Exception, up: bool
) -> None:
    resolver = Resolver()
    resolver.error = error
    watched = network(tmp_path, resolver)

    settled(lambda: watched.network_up(at(0)), up)


def test_no_route_is_down_whatever_the_name_service_says(tmp_path: Path) -> None:
    resolver = Resolver()
    watched = network(tmp_path, resolver)
    routes(tmp_path, V4_LAN)

    assert watched.network_up(at(0)) is False
    assert resolver.asked == 0


def test_a_name_service_that_hangs_delays_nobody_and_is_down_after_its_deadline(
    tmp_path: Path,
) -> None:
    resolver = Resolver()
    resolver.free.clear()
    watched = network(tmp_path, resolver)
    began = time.monotonic()

    assert watched.network_up(at(0)) is None
    assert watched.network_up(at(4)) is None
    assert watched.network_up(at(6)) is False
    assert watched.network_up(at(600)) is False
    assert time.monotonic() - began < 10
    assert resolver.reached.wait(60)
    assert resolver.asked == 1  # one thread hangs, not one for each look

    resolver.free.set()
    settled(lambda: watched.network_up(at(601)), True)


def test_names_are_looked_up_seldom_and_sooner_after_a_failure(tmp_path: Path) -> None:
    resolver = Resolver()
    watched = network(tmp_path, resolver)
    settled(lambda: watched.network_up(at(0)), True)

    watched.network_up(at(29))
    assert resolver.asked == 1

    resolver.error = socket.gaierror(socket.EAI_AGAIN, "try again")
    settled(lambda: watched.network_up(at(30)), False)
    assert resolver.asked == 2

    watched.network_up(at(39))
    assert resolver.asked == 2
    resolver.error = None
    settled(lambda: watched.network_up(at(40)), True)


def test_the_host_is_that_of_the_breeze_probe() -> None:
    assert host_of(Breeze(configured=True)) == "api.icicidirect.com"
    assert host_of(Breeze()) is None


def test_disk_says_what_a_plain_user_may_still_write(tmp_path: Path) -> None:
    room = os.statvfs(tmp_path)
    found = disk(tmp_path)

    assert found.free_bytes == pytest.approx(room.f_bavail * room.f_frsize, rel=0.05)
    if room.f_files:
        assert found.inodes_free_pct is not None
        assert 0 <= found.inodes_free_pct <= 100


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_a_file_system_without_blocks_or_inodes_says_nothing() -> None:
    found = disk(Path("/proc"))

    assert found.free_bytes is None
    assert found.inodes_free_pct is None


def test_a_home_that_is_not_there_has_no_figures(tmp_path: Path) -> None:
    assert disk(tmp_path / "gone") == disk(tmp_path / "gone" / "too")
    assert disk(tmp_path / "gone").free_bytes is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a tmpfs")
def test_a_full_tmpfs_has_no_bytes_and_few_inodes(tmp_path: Path) -> None:
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k,nr_inodes=10", "none", str(tmp_path)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("this machine doesn't let root mount")
    try:
        for number in range(5):
            (tmp_path / str(number)).write_bytes(b"x")
        found = disk(tmp_path)
        assert found.free_bytes is not None
        assert found.free_bytes <= 65536 - 5 * 4096
        assert found.inodes_free_pct == pytest.approx(40)
    finally:
        subprocess.run(["umount", str(tmp_path)], check=True)
