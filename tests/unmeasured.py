"""The environment of a process that coverage must not follow."""

from __future__ import annotations

import os


def environ() -> dict[str, str]:
    """Return this process's environment without coverage's names.

    For a process that forks beside a thread, or that an exception of a signal handler may
    interrupt: coverage's lock (`Collector.lock_data`) is then held for ever. And for one that
    runs as another user, whose figures coverage could not write.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith("COV")}
