"""The machine that the figures are of, in a line."""

from __future__ import annotations

import os
import platform
import tempfile
from pathlib import Path


def machine() -> str:
    """Return processor, memory, system, disk, Python, and how busy it is at the moment."""
    gib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{len(os.sched_getaffinity(0))} cores of {_processor()}, {gib:.0f} GiB, "
        f"Linux {platform.release()}, files on {_filesystem(tempfile.gettempdir())}, "
        f"Python {platform.python_version()}; load before the run {os.getloadavg()[0]:.2f}"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _filesystem(folder: str) -> str:
    """Return the type of the file system that holds a folder: the last mount that covers it."""
    found = ("", "?")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mounted_on, kind, *_ = line.split()
        covers = os.path.commonpath([mounted_on, os.path.realpath(folder)]) == mounted_on
        if covers and len(mounted_on) >= len(found[0]):
            found = (mounted_on, kind)
    return found[1]
