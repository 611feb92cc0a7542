"""Structured logs: JSON lines below the home's logs/, and short lines on stderr.

Nothing here may hold up or end a process: a stuck terminal, a full disk and a closed pipe cost log
lines, which are counted, never time. (loguru's own `enqueue` is no help: its queue is a pipe, and
a full one blocks.) The alert log does not go through here.
"""

from __future__ import annotations

import logging
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from loguru import logger

from monitoring.log_sinks import JsonFile, Terminal

if TYPE_CHECKING:
    from loguru import Logger

monitoring_log: Logger = logger.bind(component="monitoring")
alert_log: Logger = logger.bind(component="alert")

STDERR = 2


def setup(process: str, folder: Path, *, debug: bool = False) -> None:
    """Send this process's logs to `folder/monitoring_<process>.jsonl` and to stderr.

    The file is rotated by size and bounded. What the standard library logs (APScheduler, watchdog)
    at WARNING or above, Python's warnings, and exceptions that nobody caught come here too.
    """
    logger.remove()
    logger.configure(extra={"process": process, "component": "monitoring"})
    level = "DEBUG" if debug else "INFO"
    terminal = Terminal(STDERR)
    file = JsonFile(folder / f"monitoring_{process}.jsonl", tell=terminal.say)
    for sink in (terminal.write, file.write):
        # diagnose prints locals, which may hold secrets; the sinks format on their own.
        logger.add(sink, level=level, format=_traceback_alone, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_Intercepted()], level=logging.WARNING, force=True)
    logging.captureWarnings(capture=True)
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread


def _traceback_alone(_: object) -> str:
    return "{exception}"


class _Intercepted(logging.Handler):
    """Passes the standard library's records on to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        level: str | int = record.levelno
        if record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
            level = record.levelname
        monitoring_log.opt(exception=record.exc_info).log(
            level, "{}: {}", record.name, record.getMessage()
        )


def _uncaught(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt):
        monitoring_log.opt(exception=(kind, error, where)).critical("ended by {}", kind.__name__)


def _uncaught_in_thread(ended: threading.ExceptHookArgs) -> None:
    if ended.exc_value is not None:
        monitoring_log.opt(
            exception=(ended.exc_type, ended.exc_value, ended.exc_traceback)
        ).critical("a thread was ended by {}", ended.exc_type.__name__)
