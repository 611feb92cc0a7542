"""Whether a process of the monitor lives, judged from its state file and the process table."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from evaluator.instant import Instant, elapsed_ms
from monitoring.state import ProcessState, read_state

Word = Literal["running", "stuck", "blocked", "gone", "never", "unreadable"]

FULL_BYTES = 100_000
"""With less than this free, a process that is silent is taken to be held up by its disk."""


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """`stuck`: there, but silent for too long; `blocked`: so, and the disk is full; `gone`: its pid
    is no longer there.
    """

    word: Word
    why: str
    pid: int | None = None
    age_seconds: float | None = None

    @property
    def good(self) -> bool:
        """Tell whether its files can be taken as the present."""
        return self.word == "running"


class Processes(Protocol):
    """Answers whether a pid is the process that wrote a file at an instant."""

    def lives(self, pid: int, at: Instant, now: Instant) -> bool:
        """Tell whether the process `pid` of the instant `at` still runs `now`."""


class ProcTable:
    """The process table of this machine, through proc(5)."""

    def __init__(self, root: Path = Path("/proc")) -> None:
        self._root = root

    def lives(self, pid: int, at: Instant, now: Instant) -> bool:
        """Tell whether the pid is there, is no zombie, and isn't another process of later."""
        if at.boot_id != now.boot_id:
            return False
        try:
            stat = (self._root / str(pid) / "stat").read_text(errors="replace")
        except OSError:
            return False
        # the name in brackets may hold spaces and brackets: count from the last one
        fields = stat.rpartition(")")[2].split()
        started_ns = int(fields[19]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        return fields[0] not in {"Z", "X"} and started_ns <= at.boottime_ns + 1_000_000_000


def life_of(
    folder: Path, process: str, now: Instant, processes: Processes
) -> tuple[ProcessState | None, Life]:
    """Return what a process last said of itself, and whether that is still true.

    Raises nothing: a file that can't be read is `unreadable`, one that isn't there is `never`.
    """
    state = read_state(folder, process)
    if state is None:
        path = folder / f"{process}.json"
        try:
            with path.open("rb"):
                why = f"{path} can't be understood"
        except FileNotFoundError:
            return None, Life(word="never", why="it never ran in this home")
        except OSError as error:
            why = f"{path} can't be read ({error.strerror})"
        return None, Life(word="unreadable", why=why)
    age = elapsed_ms(state.updated, now) / 1000
    if not processes.lives(state.pid, state.updated, now):
        word, why = "gone", f"pid {state.pid} is no longer there"
        if state.updated.boot_id != now.boot_id:
            why = "it has not run since the machine was restarted"
    elif age > silence_limit_seconds(state):
        word, why = "stuck", f"pid {state.pid} is there but silent"
        if _full(folder):
            word, why = "blocked", f"pid {state.pid} is there, and the disk of the home is full"
    else:
        word, why = "running", f"pid {state.pid}"
    return state, Life(word=word, why=why, pid=state.pid, age_seconds=age)  # type: ignore[arg-type] # one of the words above


def unanswered(folder: Path, now: Instant, processes: Processes) -> str:
    """Return in words why the scheduler has not answered a request yet."""
    _, life = life_of(folder, "scheduler", now, processes)
    if life.good:
        return "the scheduler runs but has not answered within 2 s; it will, or see its log"
    said = "isn't running" if life.word in ("gone", "never") else "doesn't work"
    return f"the scheduler {said} ({life.why}); it is done when it goes on"


def _full(folder: Path) -> bool:
    room = os.statvfs(folder)
    return room.f_bavail * room.f_frsize < FULL_BYTES or (room.f_files > 0 and room.f_favail == 0)


def silence_limit_seconds(state: ProcessState) -> float:
    """Return the age past which a state file means that its process hangs.

    The collector writes it with each attempt at a snapshot: a dead one is told within 30 s.
    """
    if state.process == "collector":
        return 2 * state.config.interval_seconds + 5
    return 3 * state.config.evaluate_seconds + 5
