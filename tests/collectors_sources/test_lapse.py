from __future__ import annotations

import pytest

from collectors.lapse import Lapse, Process, deadline_seconds, judge
from evaluator.instant import Instant
from monitoring.snapshot import WriterMark

BOOT = "boot-now"
NOW_MS = 1_760_000_000_000
UP_SECONDS = 100_000.0
NOW = Instant(NOW_MS, int(UP_SECONDS * 1e9), BOOT)


def ago(seconds: float, boot_id: str = BOOT) -> Instant:
    ms = round(seconds * 1000)
    return Instant(NOW.wall_ms - ms, NOW.boottime_ns - ms * 1_000_000, boot_id)


class Table:
    """A process table: pid → process."""

    def __init__(self, processes: dict[int, Process] | None = None) -> None:
        self._processes = processes or {}

    def look(self, pid: int) -> Process | None:
        return self._processes.get(pid)


def engine(
    *,
    tick: float | None,
    pulse: float | None = None,
    name: str = "w1",
    pid: int | None = 100,
    started: float = 5000.0,
    interval: float | None = 5.0,
    closed: float | None = None,
    back_within: float | None = None,
    boot_id: str | None = BOOT,
) -> WriterMark:
    """One writer; times are seconds ago."""
    return WriterMark(
        writer=name,
        pid=pid,
        pid_started=None if pid is None else round((UP_SECONDS - started) * 100),
        boot_id=None if pid is None else boot_id,
        interval_seconds=interval,
        last_tick=None if tick is None else ago(tick, boot_id or BOOT),
        last_pulse=None if pulse is None else ago(pulse, boot_id or BOOT),
        closed=None if closed is None else ago(closed, boot_id or BOOT),
        back_within_seconds=back_within,
    )


def running(*writers: WriterMark) -> Table:
    """All these writers' processes run."""
    return Table(
        {one.pid: Process(True, one.pid_started) for one in writers if one.pid is not None}
    )


def alive(*writers: WriterMark, default: float | None = None) -> Lapse:
    return judge(writers, NOW, running(*writers), default)


def dead(*writers: WriterMark, default: float | None = None) -> Lapse:
    return judge(writers, NOW, Table(), default)


def test_no_writer_at_all_is_never_started_and_not_expected() -> None:
    lapse = judge([], NOW, Table(), None)

    assert lapse.cause == "never_started"
    assert not lapse.expected
    assert not lapse.lapsed
    assert lapse.age_seconds is None
    assert lapse.due_in_seconds is None
    assert lapse.writers == 0


def test_a_writer_that_pulses_and_never_ticked_is_never_started() -> None:
    lapse = alive(engine(tick=None, pulse=2))

    assert (lapse.cause, lapse.expected) == ("never_started", False)
    assert lapse.pulse_age_seconds == 2
    assert lapse.writers == 1


def test_a_fresh_tick_is_ticking() -> None:
    lapse = alive(engine(tick=1.5, pulse=3))

    assert lapse.cause == "ticking"
    assert lapse.expected
    assert lapse.age_seconds == 1.5
    assert lapse.pulse_age_seconds == 1.5
    assert lapse.writers == 1


@pytest.mark.parametrize(
    ("interval", "deadline"), [(1.0, 15.0), (2.5, 15.0), (5.0, 20.0), (60.0, 130.0), (None, 90.0)]
)
def test_the_deadline_follows_the_declared_interval(
    interval: float | None, deadline: float
) -> None:
    assert deadline_seconds(interval) == deadline
    assert alive(engine(tick=0, interval=interval)).deadline_seconds == deadline


def test_settings_declare_the_interval_when_the_header_does_not() -> None:
    assert alive(engine(tick=0, interval=None), default=30.0).deadline_seconds == 70
    assert alive(engine(tick=0, interval=5.0), default=30.0).deadline_seconds == 20


@pytest.mark.parametrize("nonsense", [0.0, -5.0, float("inf"), float("nan")])
def test_an_interval_that_makes_no_sense_is_not_declared(nonsense: float) -> None:
    assert alive(engine(tick=0, interval=nonsense)).deadline_seconds == 90


@pytest.mark.parametrize(("age", "lapsed"), [(19.999, False), (20.0, False), (20.001, True)])
def test_pulses_without_ticks_are_a_hung_loop_past_the_deadline(age: float, lapsed: bool) -> None:
    lapse = alive(engine(tick=age, pulse=1))

    assert lapse.lapsed is lapsed
    assert lapse.cause == ("loop_hung" if lapsed else "ticking")


@pytest.mark.parametrize(("silence", "cause"), [(12.5, "ticking"), (12.501, "process_frozen")])
def test_a_process_that_is_there_and_does_not_pulse_is_frozen(silence: float, cause: str) -> None:
    lapse = alive(engine(tick=silence, pulse=silence))

    assert lapse.cause == cause
    assert lapse.deadline_seconds == 20
    assert not lapse.lapsed


def test_a_frozen_process_lapses_at_its_deadline() -> None:
    lapse = alive(engine(tick=20.1, pulse=18))

    assert (lapse.cause, lapse.lapsed) == ("process_frozen", True)
    assert lapse.writers == 0


def test_a_writer_that_never_pulses_is_frozen_only_past_its_deadline() -> None:
    assert alive(engine(tick=60, interval=60)).cause == "ticking"
    assert alive(engine(tick=131, interval=60)).cause == "process_frozen"


@pytest.mark.parametrize(("age", "lapsed"), [(9.9, False), (10.0, False), (10.1, True)])
def test_a_process_that_is_gone_lapses_after_ten_seconds(age: float, lapsed: bool) -> None:
    lapse = dead(engine(tick=age, pulse=age))

    assert lapse.cause == "process_gone"
    assert lapse.deadline_seconds == 10
    assert lapse.lapsed is lapsed


def test_a_zombie_is_gone() -> None:
    one = engine(tick=12, pulse=12)

    assert judge([one], NOW, Table({100: Process(False, one.pid_started)}), None).cause == (
        "process_gone"
    )


def test_a_reused_pid_is_gone() -> None:
    one = engine(tick=12, pulse=12)

    assert judge([one], NOW, Table({100: Process(True, 77)}), None).cause == "process_gone"


def test_a_process_whose_start_is_not_known_is_taken_by_its_pid() -> None:
    one = engine(tick=30, pulse=30)

    assert judge([one], NOW, Table({100: Process(True)}), None).cause == "process_frozen"


def test_a_pid_that_means_nothing_here_does_not_kill_an_engine_that_talks() -> None:
    lapse = dead(engine(tick=2, pulse=4.9))

    assert lapse.cause == "ticking"
    assert lapse.writers == 1


def test_an_engine_of_another_boot_id_that_talks_is_not_rebooted() -> None:
    elsewhere = engine(tick=2)
    elsewhere.boot_id = "container"  # its own word; its ticks are received here and now
    assert dead(elsewhere).cause == "ticking"


def test_a_late_pulse_of_an_engine_whose_pid_can_not_be_seen_is_not_its_death() -> None:
    # One tick a minute, from within a container; a long call kept the pulse for three seconds.
    assert dead(engine(tick=40, pulse=8.5, interval=60)).lapsed is False
    silent = dead(engine(tick=40, pulse=9.1, interval=60))
    assert (silent.cause, silent.lapsed) == ("process_gone", True)


def test_another_boot_id_is_a_reboot() -> None:
    silent = UP_SECONDS + 300
    lapse = dead(engine(tick=silent, pulse=silent, boot_id="boot-before"))

    assert (lapse.cause, lapse.lapsed) == ("machine_rebooted", True)
    assert lapse.age_seconds == silent
    assert lapse.deadline_seconds == 20


def test_a_wall_clock_that_is_behind_after_a_reboot_makes_no_dead_engine_look_alive() -> None:
    before = engine(tick=UP_SECONDS + 60, pulse=UP_SECONDS + 58, boot_id="boot-before")
    behind = Instant(NOW.wall_ms - round(UP_SECONDS * 1000) - 3_600_000, 90 * 10**9, BOOT)

    lapse = judge([before], behind, Table(), None)

    assert (lapse.cause, lapse.lapsed, lapse.age_seconds) == ("machine_rebooted", True, 90.0)


def test_a_clean_stop_before_a_reboot_stays_clean() -> None:
    lapse = dead(engine(tick=300, closed=299, boot_id="boot-before"))

    assert (lapse.cause, lapse.expected) == ("stopped_cleanly", False)


def test_a_foreign_writer_without_header_has_no_cause() -> None:
    assert alive(engine(tick=89, pid=None, interval=None)).cause == "ticking"
    lapse = alive(engine(tick=91, pid=None, interval=None))
    assert (lapse.cause, lapse.lapsed) == ("unknown", True)


def test_a_clean_stop_without_a_promise_is_quiet_for_ever() -> None:
    lapse = dead(engine(tick=90_000, closed=90_000))

    assert (lapse.cause, lapse.expected, lapse.lapsed) == ("stopped_cleanly", False, False)
    assert lapse.due_in_seconds is None


@pytest.mark.parametrize(("since", "lapsed"), [(299.9, False), (300.0, False), (300.1, True)])
def test_a_clean_stop_lapses_when_the_engine_is_not_back_as_promised(
    since: float, lapsed: bool
) -> None:
    lapse = dead(engine(tick=since + 1, closed=since, back_within=300))

    assert lapse.cause == "stopped_cleanly"
    assert lapse.deadline_seconds == 300
    assert (lapse.expected, lapse.lapsed) == (lapsed, lapsed)


def test_an_engine_that_closed_without_a_tick_is_bound_by_its_promise_too() -> None:
    lapse = dead(engine(tick=None, closed=301, back_within=300))

    assert (lapse.age_seconds, lapse.lapsed) == (301, True)


def test_a_tick_after_the_close_means_that_it_is_not_closed() -> None:
    assert alive(engine(tick=1, closed=50)).cause == "ticking"


def test_four_processes_live_as_long_as_one_of_them_ticks() -> None:
    writers = [engine(tick=500, name=f"w{n}", pid=n) for n in (1, 2, 3)]
    fourth = engine(tick=2, name="w4", pid=4)

    lapse = judge([*writers, fourth], NOW, running(fourth), None)

    assert (lapse.cause, lapse.age_seconds, lapse.writers) == ("ticking", 2, 1)


def test_four_processes_killed_together_are_gone() -> None:
    lapse = dead(*(engine(tick=10 + n, name=f"w{n}", pid=n) for n in (1, 2, 3, 4)))

    assert (lapse.cause, lapse.age_seconds, lapse.lapsed) == ("process_gone", 11, True)


def test_a_close_does_not_excuse_those_that_died_beside_it() -> None:
    died = engine(tick=60, name="died", pid=1)
    closed = engine(tick=31, closed=30, name="closed", pid=2)

    lapse = dead(died, closed)

    assert (lapse.cause, lapse.lapsed, lapse.age_seconds) == ("process_gone", True, 60)


def test_a_restarted_engine_supersedes_the_dead_one() -> None:
    died = engine(tick=60, name="died", pid=1)
    again = engine(tick=1, name="again", pid=2, started=50)

    lapse = judge([died, again], NOW, running(again), None)

    assert (lapse.cause, lapse.age_seconds, lapse.writers) == ("ticking", 1, 1)


def test_a_successor_that_closed_cleanly_excuses_its_dead_predecessor() -> None:
    died = engine(tick=90_000, name="died", pid=1, started=99_000)
    closed = engine(tick=31, closed=30, name="closed", pid=2, started=80_000)

    assert dead(died, closed).cause == "stopped_cleanly"


def test_a_successor_that_was_started_within_a_clock_tick_is_one() -> None:
    died = engine(tick=29.996, name="died", pid=1)
    closed = engine(tick=1, closed=0, name="closed", pid=2, started=30.0)  # as /proc rounds it

    assert dead(died, closed).cause == "stopped_cleanly"


def test_the_age_goes_on_while_a_restarted_engine_has_not_ticked() -> None:
    died = engine(tick=21, name="died", pid=1)
    loading = engine(tick=None, pulse=3, name="loading", pid=2, started=15)

    lapse = judge([died, loading], NOW, running(loading), None)

    assert (lapse.cause, lapse.age_seconds, lapse.lapsed) == ("loop_hung", 21, True)


def test_an_engine_that_dies_again_while_it_starts_is_gone() -> None:
    died = engine(tick=30, name="died", pid=1)
    again = engine(tick=None, name="again", pid=2, started=15)

    assert dead(died, again).cause == "process_gone"


def test_after_a_clean_stop_a_loading_engine_is_not_expected_yet() -> None:
    closed = engine(tick=601, closed=600, name="closed", pid=1)
    loading = engine(tick=None, pulse=3, name="loading", pid=2, started=15)

    lapse = judge([closed, loading], NOW, running(loading), None)

    assert (lapse.cause, lapse.expected) == ("never_started", False)
    assert lapse.writers == 1


def test_a_promise_binds_the_successor_that_loads_for_too_long() -> None:
    closed = engine(tick=301, closed=300.5, back_within=300, name="closed", pid=1)
    loading = engine(tick=None, pulse=3, name="loading", pid=2, started=200)

    lapse = judge([closed, loading], NOW, running(loading), None)

    assert (lapse.cause, lapse.lapsed) == ("loop_hung", True)


def test_a_crash_after_an_older_clean_stop_is_a_crash() -> None:
    closed = engine(tick=9001, closed=9000, name="closed", pid=1, started=9500)
    died = engine(tick=30, name="died", pid=2, started=8000)
    loading = engine(tick=None, pulse=3, name="loading", pid=3, started=10)

    lapse = judge([closed, died, loading], NOW, running(loading), None)

    assert (lapse.cause, lapse.lapsed) == ("loop_hung", True)


def test_an_idle_writer_beside_a_clean_stop_has_not_started_anything() -> None:
    closed = engine(tick=601, closed=600, name="closed", pid=1)
    idle = engine(tick=None, pulse=3, name="idle", pid=2, started=5000)

    assert judge([closed, idle], NOW, running(idle), None).cause == "stopped_cleanly"


def test_an_engine_of_this_boot_supersedes_one_of_the_boot_before() -> None:
    before = engine(tick=400, name="before", pid=1, boot_id="boot-before")
    after = engine(tick=None, name="after", pid=2, started=5)
    ticking = engine(tick=1, name="ticking", pid=3, started=5)

    assert dead(before, after).cause == "process_gone"
    assert dead(before, ticking).cause == "ticking"


def test_a_silent_header_of_the_boot_before_supersedes_nobody() -> None:
    silent = engine(tick=None, name="silent", pid=1, boot_id="boot-before")
    ticking = engine(tick=30, name="ticking", pid=2)

    lapse = dead(silent, ticking)

    assert (lapse.cause, lapse.age_seconds) == ("process_gone", 30)


def test_foreign_writers_succeed_each_other_by_their_last_word() -> None:
    first = engine(tick=500, closed=400, name="first", pid=None)
    second = engine(tick=1, name="second", pid=None)

    assert alive(first, second).cause == "ticking"


def test_the_receipt_decides_even_when_the_wall_clock_was_set_back() -> None:
    one = engine(tick=25, pulse=1)
    back = Instant(NOW.wall_ms - 3_600_000, NOW.boottime_ns, BOOT)

    assert judge([one], back, running(one), None).age_seconds == 25


@pytest.mark.parametrize(
    ("writer", "due"),
    [
        (engine(tick=1, pulse=1), 8.001),  # a pid is believed to be gone from 9 s of silence on
        (engine(tick=10, pulse=10), 2.501),  # frozen at 12.5 s of silence
        (engine(tick=13, pulse=13), 7.001),  # the deadline of 20 s
        (engine(tick=13, pulse=13, pid=None), 7.001),
        (engine(tick=301, closed=290, back_within=300), 10.001),
        (engine(tick=21, pulse=21), None),
        (engine(tick=301, closed=301, back_within=300), None),
    ],
)
def test_due_in_tells_when_time_alone_changes_the_judgement(
    writer: WriterMark, due: float | None
) -> None:
    assert alive(writer).due_in_seconds == pytest.approx(due)


@pytest.mark.parametrize("tick", [1.0, 8.0, 13.0, 19.0])
def test_nothing_changes_before_it_is_due(tick: float) -> None:
    def at(more: float) -> Lapse:
        one = engine(tick=tick + more, pulse=tick + more)
        return alive(one)

    due = at(0).due_in_seconds
    assert due is not None
    before, after = at(due - 0.002), at(due)
    assert (before.cause, before.lapsed) == (at(0).cause, at(0).lapsed)
    assert after.age_seconds == pytest.approx(tick + due)
