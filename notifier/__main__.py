"""The notifier process: `python -m notifier`.

With `--drill` it is that of `monitor drill`: every message is marked, and settings come as JSON of
variables on stdin too, since the environment of a process is no place for secrets.
"""

from __future__ import annotations

import argparse
import os
import sys

import msgspec

from monitoring.bell import Bell
from monitoring.clock import SystemClock
from monitoring.entry import FAILED, Stop, run
from monitoring.home import Home
from monitoring.idle import idle
from monitoring.log import monitoring_log
from monitoring.settings import Settings
from monitoring.supervisor import Supervisor


def main() -> int:
    """Run until asked to stop; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m notifier")
    parser.add_argument("--drill", action="store_true", help="mark every message as a drill's")
    drill: bool = parser.parse_args().drill
    if drill:
        os.environ |= msgspec.json.decode(sys.stdin.buffer.read(), type=dict[str, str])
    bell = Bell()
    stop = Stop(bell.ring)

    def notify(home: Home, settings: Settings, supervisor: Supervisor) -> int:
        if not settings.config.channels and not settings.dead_man:
            why = "no channel is set: nobody is told (docs/notifications.md)"
            monitoring_log.warning("{}", why)
            idle(
                "notifier", home, settings.config, why,
                now=SystemClock().now, wait=bell.wait, stopping=stop, supervisor=supervisor,
            )  # fmt: skip
            return 0
        # Slow to import, and an idle process needs none of it.
        from monitoring.schedule import ScheduleFault  # noqa: PLC0415 -- as above
        from notifier.process import Process  # noqa: PLC0415 -- as above

        try:
            return Process(home, settings, bell, stop, SystemClock(), drill=drill).run(supervisor)
        except (OSError, ScheduleFault) as error:
            monitoring_log.critical("can't go on in {}: {}", home.root, error)
            return FAILED

    return run("notifier", stop, bell.wait, notify)


if __name__ == "__main__":
    sys.exit(main())
