"""The scheduler with one more job, which hangs for ever."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from monitoring.bell import Bell
from monitoring.clock import SystemClock
from monitoring.entry import Stop
from monitoring.home import Home
from monitoring.settings import load
from monitoring.supervisor import Supervisor
from scheduler.process import Process


def main() -> int:
    home = Home(Path(os.environ["MONITOR_HOME"]))
    bell = Bell()
    stop = Stop(bell.ring)
    process = Process(home, load(home, os.environ), bell, stop, SystemClock())
    process._jobs.every("hung", 0.2, threading.Event().wait, grace_seconds=None)
    return process.run(Supervisor({}, time.monotonic_ns))


if __name__ == "__main__":
    sys.exit(main())
