"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Heed Ctrl-C and hang-up, so that the processes under test do.

    A suite that was started in the background ignores them, and so does what it starts.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
