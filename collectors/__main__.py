"""The collector process: `python -m collectors`."""

from __future__ import annotations

import gc
import os
import signal
import sys
from pathlib import Path

from collectors.wakeup import Bell
from monitoring import log
from monitoring.clock import SystemClock
from monitoring.home import Home, find_home
from monitoring.lock import AlreadyRunning, ProcessLock
from monitoring.settings import Settings, SettingsError, load

REFUSED = 2
"""Exit status for what only the operator can mend; a supervisor need not try again."""

FAILED = 1
"""Exit status after which a new start from the files on disk is right."""


class Stop:
    """Set by SIGTERM and SIGINT; the loop ends after what it is at."""

    def __init__(self, bell: Bell) -> None:
        self.asked = False
        self._bell = bell
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._bell.ring()


def main() -> int:
    """Run until asked to stop; return the exit status."""
    os.umask(os.umask(0o077) | 0o027)  # the folders above those that we name a mode for, the log
    bell = Bell()
    stop = Stop(bell)
    home = find_home(os.environ, Path.cwd())
    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        for fault in error.faults:
            print(f"collector: {fault}", file=sys.stderr)  # noqa: T201 -- no log is set up yet
        return REFUSED
    lock = ProcessLock(home.state, "collector")
    try:
        lock.acquire()
    except AlreadyRunning as error:
        print(f"collector: {error}", file=sys.stderr)  # noqa: T201 -- the log is the other's
        return REFUSED
    except OSError as error:
        print(f"collector: {home.state}: {error.strerror}", file=sys.stderr)  # noqa: T201 -- as above
        return FAILED
    log.setup("collector", home.logs)
    log.monitoring_log.info("collector of {}", home.root)
    return _run(home, settings, bell, stop)


def _run(home: Home, settings: Settings, bell: Bell, stop: Stop) -> int:
    if not settings.config.enabled:
        log.monitoring_log.warning("MONITOR_ENABLED is false: nothing is collected")
        while not stop():
            bell.wait(3600)
        return 0
    # Slow to import, and an idle or refused process needs none of it.
    from collectors.breeze import BreezeWatch  # noqa: PLC0415 -- as said above
    from collectors.breeze_hours import probing_hours  # noqa: PLC0415 -- as above
    from collectors.checkpoint import DiskDoubtful  # noqa: PLC0415 -- as above
    from collectors.collector import Collector  # noqa: PLC0415 -- as above
    from collectors.processes import ProcProcesses  # noqa: PLC0415 -- as above
    from monitoring.calendar import calendar_of  # noqa: PLC0415 -- as above
    from monitoring.schedule import ScheduleFault  # noqa: PLC0415 -- as above

    config, secrets = settings.config, settings.breeze
    try:
        calendar = calendar_of(config)
    except ScheduleFault as fault:
        log.monitoring_log.critical("can't work in {}: {}", home.root, fault)
        return FAILED
    breeze = BreezeWatch(
        config.breeze,
        home.root,
        config.timezone,
        secrets.app_key.get_secret_value() if secrets is not None else None,
        wake=bell.ring,
        may_probe=probing_hours(calendar),
    )
    # What was imported stays: the garbage collector need not look at it again with each tick.
    gc.freeze()
    try:
        Collector(
            home,
            config,
            clock=SystemClock().now,
            stopping=stop,
            bell=bell,
            processes=ProcProcesses(),
            breeze=breeze,
            secrets_set=settings.secrets_set,
        ).run()
    except DiskDoubtful as fault:
        log.monitoring_log.critical("the disk can't be trusted, stopping: {}", fault)
        return FAILED
    except OSError as fault:
        log.monitoring_log.critical("can't work in {}: {}", home.root, fault)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
