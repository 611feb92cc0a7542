"""How every process of the monitor begins: signals, settings, one per home, its log."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from monitoring import log
from monitoring.atomic import close_to_strangers
from monitoring.clock import SystemClock
from monitoring.home import Home, find_home
from monitoring.idle import idle
from monitoring.lock import AlreadyRunning, ProcessLock
from monitoring.log_sinks import printable
from monitoring.redaction import hide
from monitoring.settings import Settings, SettingsError, load
from monitoring.supervisor import Supervisor

REFUSED = 2
"""Exit status for what only the operator can mend; a supervisor need not try again."""

FAILED = 1
"""Exit status after which a new start from the files on disk is right."""


class Stop:
    """Set by SIGTERM and SIGINT; the loop ends after what it is at. `wake` ends its waiting."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self.asked = False
        self._wake = wake
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def __call__(self) -> bool:
        """Tell whether to stop."""
        return self.asked

    def _ask(self, *_: object) -> None:
        self.asked = True
        self._wake()


def run(
    process: str,
    stop: Stop,
    wait: Callable[[float], object],
    work: Callable[[Home, Settings, Supervisor], int],
) -> int:
    """Do the work of a process on its home, alone there, and return the exit status.

    What keeps it from beginning is said on stderr. While monitoring is switched off it idles.
    """
    close_to_strangers()
    # A core dump would hold the broker's secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    home = find_home(os.environ, Path.cwd())
    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        return _refused(process, error.faults)
    for secret in settings.secrets:
        hide(secret.get_secret_value())
    lock = ProcessLock(home.state, process)
    try:
        lock.acquire()
    except AlreadyRunning as error:
        return _refused(process, [str(error)])
    except OSError as error:
        _refused(process, [f"{home.state}: {error.strerror}"])
        return FAILED
    log.setup(process, home.logs)
    log.monitoring_log.info("{} of {}", process, home.root)
    if not home.settings.is_file():  # a mistyped MONITOR_HOME looks like this
        log.monitoring_log.warning("no {}: defaults and environment alone count", home.settings)
    for warning in settings.warnings:
        log.monitoring_log.warning("{}", warning)
    supervisor = Supervisor(os.environ, time.monotonic_ns)
    try:
        if settings.config.enabled:
            return work(home, settings, supervisor)
        log.monitoring_log.warning("MONITOR_ENABLED is false: the {} does nothing", process)
        now = SystemClock().now
        idle(
            process, home, settings.config, "switched off: MONITOR_ENABLED is false",
            now=now, wait=wait, stopping=stop, supervisor=supervisor,
        )  # fmt: skip
    finally:
        supervisor.stopping()
    return 0


def _refused(process: str, faults: list[str]) -> int:
    for fault in faults:
        print(f"{process}: {printable(fault)}", file=sys.stderr)  # noqa: T201 -- there is no log yet
    return REFUSED
