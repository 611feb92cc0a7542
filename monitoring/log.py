"""Structured logs: JSON lines below the home's logs/, and short lines on stderr.

Nothing here may hold up or end a process: a stuck terminal, a full disk and a closed pipe cost log
lines, never time. The alert log does not go through here.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from loguru import logger

from monitoring.atomic import FOLDER_MODE

if TYPE_CHECKING:
    from loguru import Logger, Message

monitoring_log: Logger = logger.bind(component="monitoring")
alert_log: Logger = logger.bind(component="alert")

SHORT = "{time:HH:mm:ss} {level: <8} {extra[process]}: {message}"
ROTATION = "10 MB"
KEPT_FILES = 5


class PatientStream:
    """Writes to a stream from a thread of its own: when the stream is stuck, lines are dropped."""

    def __init__(self, stream: TextIO, capacity: int = 1000) -> None:
        self._stream = stream
        self._lines: queue.Queue[str] = queue.Queue(capacity)
        self.dropped = 0
        threading.Thread(target=self._run, name="log-stream", daemon=True).start()

    def write(self, message: Message) -> None:
        """Hand one formatted line over; never waits."""
        try:
            self._lines.put_nowait(str(message))
        except queue.Full:
            self.dropped += 1

    def _run(self) -> None:
        while True:
            line = self._lines.get()
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):
                return  # a closed pipe: nobody reads any more


class _Intercepted(logging.Handler):
    """Passes the standard library's records (APScheduler, watchdog) on to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        monitoring_log.opt(exception=record.exc_info).log(
            record.levelname, "{}: {}", record.name, record.getMessage()
        )


def setup(process: str, folder: Path, *, debug: bool = False) -> None:
    """Send this process's logs to `folder/monitoring_<process>.jsonl` and to stderr.

    The file is rotated by size and bounded. `diagnose` is off everywhere, since it prints locals,
    which may hold secrets.
    """
    logger.remove()
    logger.configure(extra={"process": process, "component": "monitoring"})
    level = "DEBUG" if debug else "INFO"
    logger.add(
        PatientStream(sys.stderr).write, level=level, format=SHORT, diagnose=False, catch=True
    )
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        logger.add(
            folder / f"monitoring_{process}.jsonl",
            level=level,
            serialize=True,
            rotation=ROTATION,
            retention=KEPT_FILES,
            diagnose=False,
            backtrace=False,
            catch=True,
            delay=True,
        )
    except OSError as fault:
        monitoring_log.warning("no log file in {}: {}", folder, fault.strerror)
    logging.basicConfig(handlers=[_Intercepted()], level=logging.WARNING, force=True)
