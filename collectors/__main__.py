"""The collector process: `python -m collectors`."""

from __future__ import annotations

import gc
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

    def collect(home: Home, settings: Settings, supervisor: Supervisor) -> int:
        return _collect(home, settings, bell, stop, supervisor)

    return run("collector", stop, bell.wait, collect)


def _collect(home: Home, settings: Settings, bell: Bell, stop: Stop, supervisor: Supervisor) -> int:
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
        monitoring_log.critical("can't work in {}: {}", home.root, fault)
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
        ).run(supervisor)
    except DiskDoubtful as fault:
        monitoring_log.critical("the disk can't be trusted, stopping: {}", fault)
        return FAILED
    except OSError as fault:
        monitoring_log.critical("can't work in {}: {}", home.root, fault)
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
