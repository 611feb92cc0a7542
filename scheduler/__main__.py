"""The scheduler process: `python -m scheduler`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from monitoring import log
from monitoring.clock import SystemClock
from monitoring.home import Home, find_home
from monitoring.lock import AlreadyRunning, ProcessLock
from monitoring.settings import Settings, SettingsError, load
from scheduler.wake import Wake

REFUSED = 2
"""Exit status for what only the operator can mend; a supervisor need not try again."""


class Stop:
    """Set by SIGTERM and SIGINT; the loop ends after what it is at."""

    def __init__(self, wake: Wake) -> None:
        self.asked = False
        self._wake = wake
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._wake.set()


def main() -> int:
    """Run until asked to stop; return the exit status."""
    wake = Wake()
    stop = Stop(wake)
    home = find_home(os.environ, Path.cwd())
    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        for fault in error.faults:
            print(f"scheduler: {fault}", file=sys.stderr)  # noqa: T201 -- no log is set up yet
        return REFUSED
    lock = ProcessLock(home.state, "scheduler")
    try:
        lock.acquire()
    except AlreadyRunning as error:
        print(f"scheduler: {error}", file=sys.stderr)  # noqa: T201 -- the log is the other's
        return REFUSED
    except OSError as error:
        print(f"scheduler: {home.state}: {error.strerror}", file=sys.stderr)  # noqa: T201 -- as above
        return 1
    log.setup("scheduler", home.logs)
    log.monitoring_log.info("scheduler of {}", home.root)
    return _run(home, settings, wake, stop)


def _run(home: Home, settings: Settings, wake: Wake, stop: Stop) -> int:
    if not settings.config.enabled:
        log.monitoring_log.warning("MONITOR_ENABLED is false: nothing is evaluated")
        while not stop():
            wake.wait(3600)
        return 0
    # Slow to import, and an idle or refused process needs none of it.
    from monitoring.schedule import ScheduleFault  # noqa: PLC0415 -- as said above
    from scheduler.process import Process  # noqa: PLC0415 -- as above

    try:
        return Process(home, settings, wake, stop, SystemClock()).run()
    except (OSError, ScheduleFault) as error:
        log.monitoring_log.critical("can't start in {}: {}", home.root, error)
        return 1


if __name__ == "__main__":
    sys.exit(main())
