"""What a process does that has nothing to do: it stays, and says why in its state file.

It does not end, since honcho would then stop everything else; and without a state file the
operator would be told that it is dead and to start it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.metadata import version

from evaluator.instant import Instant
from monitoring.config import Config
from monitoring.home import Home
from monitoring.log import monitoring_log
from monitoring.state import ProcessState, write_state
from monitoring.supervisor import Supervisor

SECONDS = 5.0
"""Below the silence after which a process is taken to hang."""


def idle(
    process: str,
    home: Home,
    config: Config,
    why: str,
    *,
    now: Callable[[], Instant],
    wait: Callable[[float], object],
    stopping: Callable[[], bool],
    supervisor: Supervisor,
) -> None:
    """Keep a state file fresh until the process is asked to stop; systemd is told why it idles."""
    started = now()
    while not stopping():
        state = ProcessState(
            process=process,
            pid=os.getpid(),
            version=version("tickbeat-monitor"),
            started=started,
            updated=now(),
            home=str(home.root),
            config=config,
        )
        try:
            write_state(home.state, state)
        except OSError as error:
            monitoring_log.warning("the state file can't be written: {}", error.strerror)
        supervisor.turned(why)
        wait(min(SECONDS, supervisor.longest_wait_seconds))
