"""The scheduler with one more job, which hangs for ever."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

from monitoring.clock import SystemClock
from monitoring.entry import Stop
from monitoring.home import Home
from monitoring.settings import load
from monitoring.supervisor import Supervisor
from scheduler.process import Process
from scheduler.wake import Wake


def main() -> int:
    home = Home(Path(os.environ["MONITOR_HOME"]))
    wake = Wake()
    stop = Stop(wake.set)
    process = Process(home, load(home, os.environ), wake, stop, SystemClock())
    process._jobs.every("hung", 0.2, threading.Event().wait, grace_seconds=None)
    return process.run(Supervisor({}, time.monotonic_ns))


if __name__ == "__main__":
    sys.exit(main())
