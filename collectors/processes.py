"""Is the engine's process still there? Answers from /proc, which costs microseconds."""

from __future__ import annotations

from pathlib import Path

from collectors.lapse import Process

DEAD_STATES = frozenset("ZXx")
"""Zombie and dead, proc_pid_stat(5): the pid is still taken, nobody runs any more."""


class ProcProcesses:
    """Reads `<proc>/<pid>/stat`."""

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc

    def look(self, pid: int) -> Process | None:
        """Return the process with this pid, None when there is none.

        Source: proc_pid_stat(5): field 3 is the state, field 22 the start time in clock ticks
        after boot. Field 2, the name, is in brackets and may itself hold blanks and brackets.
        """
        try:
            text = (self._proc / str(pid) / "stat").read_bytes()
        except (FileNotFoundError, ProcessLookupError):  # ESRCH: it went between open and read
            return None
        except OSError:
            return Process(alive=True)  # something is there that we may not look at
        fields = text.rpartition(b")")[2].split()
        if len(fields) < 20 or not fields[19].isdigit():
            return Process(alive=True)
        return Process(alive=fields[0].decode() not in DEAD_STATES, started=int(fields[19]))
