"""The scheduler process: `python -m scheduler`."""

from __future__ import annotations

import sys

from monitoring.bell import Bell
from monitoring.clock import SystemClock
from monitoring.entry import FAILED, Stop, run
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.settings import Settings
from monitoring.supervisor import Supervisor


def main() -> int:
    """Run until asked to stop; return the exit status."""
    bell = Bell()
    stop = Stop(bell.ring)

    def schedule(home: Home, settings: Settings, supervisor: Supervisor) -> int:
        # Slow to import, and an idle or refused process needs none of it.
        from monitoring.schedule import ScheduleFault  # noqa: PLC0415 -- as above
        from scheduler.process import Process  # noqa: PLC0415 -- as said above

        try:
            return Process(home, settings, bell, stop, SystemClock()).run(supervisor)
        except (OSError, ScheduleFault) as error:
            monitoring_log.critical("can't start in {}: {}", home.root, error)
            return FAILED

    return run("scheduler", stop, bell.wait, schedule)


if __name__ == "__main__":
    sys.exit(main())
