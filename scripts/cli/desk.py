"""Where a command stands: which home, which clock, which terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from evaluator.instant import Instant
from monitoring.clock import SystemClock
from monitoring.home import Home, find_home
from scripts.cli.terminal import Terminal, terminal_of


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """A command reads the clock when it begins, and again only while it follows something."""

    home: Home
    clock: Callable[[], Instant]
    terminal: Terminal


def desk() -> Desk:
    """Return the desk of this process."""
    return Desk(
        home=find_home(os.environ, Path.cwd()),
        clock=SystemClock().now,
        terminal=terminal_of(sys.stdout, os.environ),
    )
