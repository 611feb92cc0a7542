"""HeartbeatWriter: the engine's whole share in its own monitoring."""

from __future__ import annotations

import atexit
import os
import re
from types import TracebackType

import msgspec

from tickbeat.encode import Encoding
from tickbeat.intake import Intake, RecordTick
from tickbeat.scribe import EXIT_SECONDS, Place, Planned, Scribe

_ENGINE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class Stats(msgspec.Struct, frozen=True):
    """What a writer has done in this process; `fault` says why it can't write just now."""

    writer: str
    path: str
    last_seq: int
    queued: int
    dropped: int
    nulled: int
    write_errors: int
    fault: str | None


class HeartbeatWriter:
    """Append one line per tick to this process's own file in `directory`.

    `record_tick(metrics)` never raises and never waits: it encodes, hands over to a bounded
    queue, and a daemon thread writes. What is lost on the way is counted and reported.

    `engine` names the engine (letters, digits, `_` and `-`); `interval_seconds` is how often
    it means to tick, from which the monitor knows when it is late. Segments roll after
    `segment_bytes`; beyond `queue_ticks` waiting ticks the oldest are dropped.

    A wrong argument raises ValueError. A wrong disk never raises: one warning is logged
    (logger `tickbeat`), trading goes on, and writing resumes by itself when it can.
    """

    record_tick: RecordTick
    """Take one tick: a mapping of groups, a `Tick`, or nothing (alive, no news)."""

    def __init__(
        self,
        directory: str | os.PathLike[str],
        engine: str = "main",
        interval_seconds: float | None = None,
        *,
        queue_ticks: int = 65_536,
        segment_bytes: int = 64 * 1024 * 1024,
    ) -> None:
        if not os.fspath(directory):
            raise ValueError("directory is empty: name the folder of the heartbeat files")
        if not _ENGINE_NAME.fullmatch(engine):
            raise ValueError(
                f"engine {engine!r} can't name a file: give 1 to 64 letters, digits, '_' or '-', "
                "a letter or digit first"
            )
        if interval_seconds is not None and not 0 < interval_seconds < float("inf"):
            raise ValueError(f"interval_seconds is {interval_seconds!r}: give seconds above 0")
        if queue_ticks < 1 or segment_bytes < 1:
            raise ValueError("queue_ticks and segment_bytes must be at least 1")
        self._place = Place(
            _absolute(os.fspath(directory)),
            engine,
            None if interval_seconds is None else float(interval_seconds),
            segment_bytes,
        )
        self._intake = Intake(Encoding(), queue_ticks)
        self.record_tick = self._intake.record_tick
        self._scribe = Scribe(self._place, self._intake)
        self._scribe.report.path(self._scribe.path)
        _live.add(self)
        self._scribe.start()

    def stats(self) -> Stats:
        """Return the counts of this process's writer as they are now."""
        scribe, intake = self._scribe, self._intake
        return Stats(
            writer=scribe.writer,
            path=scribe.path,
            last_seq=intake.last_seq(),
            queued=intake.queued() + scribe.pending,
            dropped=intake.lost(),
            nulled=intake.encoding.nulled,
            write_errors=scribe.write_errors,
            fault=scribe.report.fault,
        )

    def close(
        self,
        reason: str | None = None,
        back_within_seconds: float | None = None,
        timeout_seconds: float = 2.0,
    ) -> None:
        """Write what is queued and a line that says the stop is planned; then take no more.

        The monitor stays quiet until `back_within_seconds` are over (None: until further
        notice). Waits at most `timeout_seconds`; what could not be written then is lost.
        Never raises; a second call does nothing.
        """
        self._finish(timeout_seconds, Planned(reason, back_within_seconds))

    def __enter__(self) -> HeartbeatWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, unless an error ends the block: a crash must not look like a planned stop."""
        meant = error is None or isinstance(error, KeyboardInterrupt)
        if meant or (isinstance(error, SystemExit) and not error.code):
            self.close(None if kind is None else kind.__name__)
        else:
            self._finish(EXIT_SECONDS, None)

    def _finish(self, timeout_seconds: float, planned: Planned | None) -> None:
        _live.discard(self)
        self._scribe.finish(timeout_seconds, planned)

    def _renew_in_child(self) -> None:
        """Leave file and queue to the parent; the child's first tick starts its own."""
        self._scribe.leave_to_parent()
        self._scribe = Scribe(self._place, self._intake)
        self._intake.renew(self._scribe.start)


def _absolute(directory: str) -> str:
    try:
        return os.path.abspath(directory)
    except OSError:
        # The working folder is gone: a fault of the disk, not of the argument.
        return directory


_live: set[HeartbeatWriter] = set()


def _renew_all_in_child() -> None:
    for writer in list(_live):
        writer._renew_in_child()


def _drain_all() -> None:
    """Write what is queued, and no close line: that an exit was planned nobody has said."""
    for writer in list(_live):
        writer._finish(EXIT_SECONDS, None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all_in_child)
atexit.register(_drain_all)
