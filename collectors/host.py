"""The machine that the collector runs on: its network, and the room left on its disk."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.aside import Aside
from monitoring.config import Breeze

RTF_UP = 0x0001
RTF_REJECT = 0x0200
"""Flags of a route, <linux/route.h>. The kernel keeps a rejecting default route on `lo`."""

LOOKUP_SECONDS = 30.0
RETRY_SECONDS = 10.0
LOOKUP_DEADLINE_SECONDS = 5.0

_ANSWERED = frozenset(
    {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), socket.EAI_FAMILY}
)
"""The name service works and says that there is no such name, or no address for it."""


class Disk(msgspec.Struct, frozen=True):
    """Room on one file system; None: the file system doesn't say."""

    free_bytes: float | None
    inodes_free_pct: float | None


def disk(root: Path) -> Disk:
    """Return what a process without privileges may still use on the file system of `root`.

    File systems without a fixed number of inodes (btrfs, many network ones) report 0 of 0.
    """
    try:
        room = os.statvfs(root)
    except OSError:
        return Disk(None, None)
    free_bytes = float(room.f_bavail * room.f_frsize) if room.f_blocks else None
    inodes_pct = 100.0 * room.f_favail / room.f_files if room.f_files else None
    return Disk(free_bytes, inodes_pct)


def default_route(proc_net: Path = Path("/proc/net")) -> bool | None:
    """Tell whether any default route is up; None where the kernel shows no routes.

    Source: `/proc/net/route` (hexadecimal, little-endian; a heading) and `/proc/net/ipv6_route`.
    """
    found = [_routes_v4(proc_net / "route"), _routes_v6(proc_net / "ipv6_route")]
    answers = [answer for answer in found if answer is not None]
    return any(answers) if answers else None


def host_of(breeze: Breeze) -> str | None:
    """Return the host that the Breeze probe talks to, None when Breeze isn't configured."""
    return urlsplit(breeze.base_url).hostname if breeze.configured else None


class Network:
    """Tells whether this machine can reach anybody: a default route, and a name service.

    `host` is the name to look up, None to judge by the route alone. The lookup runs aside: a name
    service that hangs (the resolver's own patience is 30 s and more) delays nobody.
    """

    def __init__(
        self,
        host: str | None,
        *,
        proc_net: Path = Path("/proc/net"),
        resolve: Callable[[str], object] | None = None,
    ) -> None:
        self._host = None if host is None or _is_address(host) else host
        self._proc_net = proc_net
        self._resolve = resolve or (lambda name: socket.getaddrinfo(name, 443))
        self._lookup: Aside[bool] = Aside("name lookup")
        self._begun: Instant | None = None
        self._answers: bool | None = None

    def network_up(self, now: Instant) -> bool | None:
        """Tell whether the network is up; None while that isn't known yet. Returns at once."""
        route = default_route(self._proc_net)
        if self._host is None or route is False:
            return route
        return self._name_service(self._host, now)

    def _name_service(self, host: str, now: Instant) -> bool | None:
        busy = self._lookup.busy  # before the answer: one that comes in between is not lost
        answer = self._lookup.take()
        if answer is not None:
            self._answers = answer
        age = None if self._begun is None else elapsed_ms(self._begun, now) / 1000
        if busy and answer is None:
            if age is not None and age > LOOKUP_DEADLINE_SECONDS:
                self._answers = False
        elif age is None or age >= (RETRY_SECONDS if self._answers is False else LOOKUP_SECONDS):
            self._begun = now
            self._lookup.begin(lambda: self._ask(host))
        return self._answers

    def _ask(self, host: str) -> bool:
        try:
            self._resolve(host)
        except socket.gaierror as error:
            return error.errno in _ANSWERED
        except (OSError, UnicodeError):  # UnicodeError: not a host name at all
            return False
        return True


def _is_address(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _routes_v4(path: Path) -> bool | None:
    """Columns: Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT."""
    rows = _rows(path)
    if rows is None:
        return None
    return any(
        row[1] == "00000000" and row[7] == "00000000" and _usable(row[3])
        for row in rows[1:]
        if len(row) >= 8
    )


def _routes_v6(path: Path) -> bool | None:
    """Columns: destination, its prefix length, source, its, next hop, metric, refs, use, flags."""
    rows = _rows(path)
    if rows is None:
        return None
    return any(
        not row[0].strip("0") and row[1] == "00" and row[9] != "lo" and _usable(row[8])
        for row in rows
        if len(row) >= 10
    )


def _rows(path: Path) -> list[list[str]] | None:
    try:
        return [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return None


def _usable(flags: str) -> bool:
    try:
        value = int(flags, 16)
    except ValueError:
        return False
    return bool(value & RTF_UP) and not value & RTF_REJECT
