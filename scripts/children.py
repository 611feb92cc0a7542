"""Processes that a command starts and never leaves behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def end(child: subprocess.Popen[bytes], patience_seconds: float) -> None:
    """Ask a child to end, and end it when it does not within so long."""
    if child.poll() is not None:
        return
    child.send_signal(signal.SIGCONT)
    child.terminate()
    try:
        child.wait(patience_seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def dies_with_us(number: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` by which a child gets this signal when this process dies."""
    parent = os.getpid()

    def ask() -> None:
        prctl(PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:  # died between fork and the request
            os._exit(1)

    return ask


def prctl(option: int, value: int) -> None:
    """Ask the kernel for something about this process, where it is Linux."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
