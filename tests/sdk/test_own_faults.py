"""Faults that are neither the engine's nor the disk's: what they cost is told."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from tickbeat.encode import Encoding
from tickbeat.intake import Intake
from tickbeat.scribe import Place, Planned, Scribe

Until = Callable[[Callable[[], object]], None]
TICKS = 100


def test_ticks_that_a_faulty_header_holds_up_are_still_there(tmp_path: Path, until: Until) -> None:
    intake = Intake(Encoding(), limit_ticks=1000)
    # No header can be made of this name; `HeartbeatWriter` would have refused it.
    scribe = Scribe(Place(str(tmp_path), "ma\udcffin", 1.0, 10_000), intake)
    for number in range(TICKS):
        intake.record_tick({"custom": {"number": number}})
    scribe.start()
    until(lambda: scribe.report.fault is not None)
    intake.record_tick()
    assert scribe.pending + intake.queued() == TICKS + 1
    assert intake.lost() == 0
    scribe.finish(0.1, None)


class FaultyOnce(Encoding):
    """What makes the composing of lines fail can't be made to order: memory at its end, say."""

    faulty = True

    def repair(self, body: bytes) -> bytes:
        if self.faulty:
            self.faulty = False
            raise MemoryError
        return super().repair(body)


def test_ticks_of_which_no_line_can_be_made_are_counted_as_dropped(
    tmp_path: Path, until: Until, read: Any
) -> None:
    intake = Intake(FaultyOnce(), limit_ticks=1000)
    scribe = Scribe(Place(str(tmp_path), "main", 1.0, 1_000_000), intake)
    for _ in range(TICKS):
        intake.record_tick({"custom": {"huge": Decimal("1E+5")}})
    scribe.start()
    until(lambda: intake.lost() == TICKS)
    for _ in range(TICKS):
        intake.record_tick({"custom": {"huge": Decimal("1E+5")}})
    until(lambda: len(read(tmp_path, "tick")) == TICKS)
    scribe.finish(60, Planned("done", None))
    assert [line["seq"] for line in read(tmp_path, "tick")] == list(range(TICKS + 1, 2 * TICKS + 1))
    assert read(tmp_path, "close")[0]["dropped"] == TICKS
