"""The order of ticks whose threads were held between getting a seq and queueing."""

from __future__ import annotations

import time

from tickbeat.encode import Encoding
from tickbeat.intake import Entry, Intake


def entry(seq: int) -> Entry:
    return seq, time.time_ns(), b"{}", False


class Overtaken(Intake):
    """What a thread leaves that was held in mid-call can't be made to order: here tick 1 is
    queued as soon as tick 2 has been taken.
    """

    late = (entry(1),)

    def _pop(self) -> list[Entry]:
        popped = super()._pop()
        self._queue.extend(self.late)
        self.late = ()
        return popped


def test_a_tick_that_is_still_on_its_way_is_waited_for() -> None:
    intake = Overtaken(Encoding(), limit_ticks=100)
    intake._queue.append(entry(2))
    assert [seq for seq, *_ in intake.take()] == [1, 2]
    assert intake.dropped == 0


def test_a_tick_that_comes_too_late_stays_the_gap_it_was_counted_as() -> None:
    intake = Intake(Encoding(), limit_ticks=100)
    intake._queue.append(entry(2))
    assert [seq for seq, *_ in intake.take()] == [2]
    assert intake.dropped == 1
    intake._queue.extend([entry(1), entry(3)])
    assert [seq for seq, *_ in intake.take()] == [3]
    intake._queue.append(entry(1))
    assert intake.take() == []
    assert (intake.dropped, intake.next_seq) == (1, 4)


def test_a_full_queue_drops_its_oldest_ticks() -> None:
    intake = Intake(Encoding(), limit_ticks=10)
    for _ in range(25):
        intake.record_tick()
    assert (intake.lost(), intake.queued(), intake.last_seq()) == (15, 10, 25)
    assert [seq for seq, *_ in intake.take()] == list(range(16, 26))
    assert intake.dropped == 15


def test_a_bell_rung_while_nobody_waits_makes_the_next_wait_none() -> None:
    intake = Intake(Encoding(), limit_ticks=10)
    intake.ring()
    started = time.monotonic()
    intake.wait(60)
    intake.record_tick()
    intake.wait(60)
    assert time.monotonic() - started < 60
    assert intake.bell == []


def test_a_wait_ends_by_itself_when_nothing_comes() -> None:
    intake = Intake(Encoding(), limit_ticks=10)
    intake.wait(0.01)
    assert intake.bell == []
