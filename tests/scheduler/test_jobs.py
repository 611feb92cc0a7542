"""APScheduler's jobs: counted, caught up, planned anew, and never able to hold anything up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

import pytest
from apscheduler.events import EVENT_JOB_EXECUTED
from apscheduler.triggers.cron import CronTrigger

from monitoring.clock import SystemClock
from monitoring.state import JobState
from scheduler.jobs import Jobs, is_due

IST = ZoneInfo("Asia/Kolkata")
AT = time_of_day(2, 30)
FAR_OFF = time_of_day((datetime.now(IST).hour + 12) % 24, 30)
"""A time of day that does not come while the tests run."""


def wait(happened: Callable[[], object], seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.fixture
def new_jobs() -> Iterator[Callable[..., Jobs]]:
    made: list[Jobs] = []

    def make(known: dict[str, JobState] | None = None) -> Jobs:
        made.append(Jobs(SystemClock(), "Asia/Kolkata", known or {}))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()


def test_a_job_that_ran_is_counted_and_says_when_it_runs_next(
    new_jobs: Callable[..., Jobs],
) -> None:
    jobs, ran = new_jobs(), threading.Event()
    jobs.every("tick", 1.0, ran.set, grace_seconds=None)
    jobs.start()
    wait(lambda: jobs.states()["tick"].runs >= 1)
    assert ran.is_set()
    state = jobs.states()["tick"]
    assert (state.failed, state.missed, state.skipped, state.error) == (0, 0, 0, None)
    assert state.last_run is not None
    assert state.next_run is not None
    assert state.next_run.endswith("+05:30")


def test_a_job_that_fails_is_counted_until_it_succeeds(new_jobs: Callable[..., Jobs]) -> None:
    jobs = new_jobs()
    healthy = threading.Event()

    def fail() -> None:
        if not healthy.is_set():
            raise RuntimeError("no such thing")

    jobs.every("odd", 0.05, fail, grace_seconds=None)
    jobs.start()
    wait(lambda: jobs.failed() == 1)
    assert jobs.states()["odd"].error == "no such thing"
    healthy.set()
    wait(lambda: jobs.failed() == 0)
    assert jobs.states()["odd"].failed >= 1
    assert jobs.states()["odd"].error is None


def test_a_job_that_hangs_is_skipped_and_stops_no_other_and_no_shutdown() -> None:
    jobs, for_ever = Jobs(SystemClock(), "Asia/Kolkata", {}), threading.Event()
    jobs.every("hung", 0.05, for_ever.wait, grace_seconds=None)
    jobs.every("well", 0.05, lambda: None, grace_seconds=None)
    jobs.start()
    wait(lambda: jobs.states()["well"].runs >= 3 and jobs.states()["hung"].skipped >= 2)
    assert jobs.late() >= 2
    assert sum(thread.name == "job hung" for thread in threading.enumerate()) == 1
    began = time.monotonic()
    jobs.close()
    assert time.monotonic() - began < 10
    for_ever.set()


@pytest.mark.fault("P3")
def test_a_nightly_job_that_was_missed_runs_at_the_start_and_one_that_was_not_does_not(
    new_jobs: Callable[..., Jobs],
) -> None:
    now = datetime.now(IST)
    long_ago = JobState(last_run="2020-01-01T02:30:00.000+05:30", runs=7)
    just_now = JobState(last_run=now.isoformat())
    jobs = new_jobs({"old": long_ago, "new": just_now})
    for name in ("old", "new", "first"):
        jobs.nightly(name, FAR_OFF, lambda: None)
    jobs.start()
    wait(lambda: jobs.states()["old"].runs == 8 and jobs.states()["first"].runs == 1)
    assert jobs.states()["new"].runs == 0
    next_run = jobs.states()["old"].next_run
    assert next_run is not None
    assert next_run[11:16] == f"{FAR_OFF:%H:%M}"


def test_a_wall_clock_that_was_set_back_does_not_silence_a_job_once_it_is_planned_anew() -> None:
    jobs = Jobs(SystemClock(), "Asia/Kolkata", {})
    jobs.every("tick", 0.1, lambda: None, grace_seconds=None)
    jobs.start()
    # What an hour's step back looks like to APScheduler: its plan lies an hour ahead.
    plan = jobs._scheduler.get_job("tick").next_run_time
    jobs._scheduler.modify_job("tick", next_run_time=plan + timedelta(days=365))
    jobs.replan()
    wait(lambda: jobs.states()["tick"].runs >= 2)
    jobs.close()


def test_a_nightly_job_that_failed_is_tried_again_within_the_hour_and_after_a_restart(
    new_jobs: Callable[..., Jobs],
) -> None:
    ran: list[int] = []

    def fail_once() -> None:
        ran.append(1)
        if len(ran) == 1:
            raise OSError("the disk is full")

    jobs = new_jobs()
    jobs.nightly("night", FAR_OFF, fail_once, retried=True)
    jobs.start()
    wait(lambda: jobs.failed() == 1)
    soon = (datetime.now(IST) + timedelta(hours=1, seconds=1)).isoformat()
    wait(lambda: (jobs.states()["night"].next_run or "~") <= soon)

    restarted = new_jobs(jobs.states())
    restarted.nightly("night", FAR_OFF, fail_once, retried=True)
    restarted.start()
    wait(lambda: restarted.states()["night"].runs == 2)
    assert restarted.failed() == 0
    next_run = restarted.states()["night"].next_run
    assert next_run is not None
    assert next_run[11:16] == f"{FAR_OFF:%H:%M}"


@pytest.mark.fault("R7")
def test_a_nightly_job_whose_time_comes_twice_in_one_night_runs_once(
    new_jobs: Callable[..., Jobs],
) -> None:
    ran: list[int] = []
    jobs = new_jobs()
    jobs.nightly("night", FAR_OFF, lambda: ran.append(1))
    jobs.start()
    wait(lambda: jobs.states()["night"].runs == 1)
    again = threading.Event()
    jobs._scheduler.add_listener(lambda _: again.set(), EVENT_JOB_EXECUTED)
    jobs._scheduler.modify_job("night", next_run_time=datetime.now(IST))
    wait(again.is_set)
    assert ran == [1]
    assert jobs.states()["night"].runs == 1


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [
        (None, "2025-10-12T12:00+05:30", True),
        ("2025-10-12T02:30:00+05:30", "2025-10-12T12:00+05:30", False),
        ("2025-10-12T02:29:59+05:30", "2025-10-12T12:00+05:30", True),
        ("2025-10-11T02:31:00+05:30", "2025-10-12T02:29:59+05:30", False),
        ("2025-10-11T02:31:00+05:30", "2025-10-12T02:30:00+05:30", True),
        ("2025-10-12T12:10:00+05:30", "2025-10-12T12:00+05:30", False),
        ("2026-10-12T02:30:00+05:30", "2025-10-12T12:00+05:30", True),
    ],
)
def test_a_night_is_missed_when_its_time_passed_without_a_run(
    last: str | None, now: str, due: bool
) -> None:
    assert is_due(last, AT, datetime.fromisoformat(now).astimezone(IST)) is due


@pytest.mark.fault("R7")
@pytest.mark.parametrize(
    ("zone", "at", "first", "nights"),
    [
        ("America/New_York", (2, 30), "2026-03-06T12:00", 4),  # 02:30 does not exist on the 8th
        ("America/New_York", (1, 30), "2026-10-30T12:00", 4),  # 01:30 comes twice on 1 November
        ("Asia/Kolkata", (2, 30), "2026-03-06T12:00", 4),
    ],
)
def test_where_clocks_change_every_night_has_one_run(
    zone: str, at: tuple[int, int], first: str, nights: int
) -> None:
    tz = ZoneInfo(zone)
    now = datetime.fromisoformat(first).replace(tzinfo=tz)
    trigger = CronTrigger(hour=at[0], minute=at[1], timezone=tz)
    last_run: str | None = now.isoformat()
    days: list[str] = []
    fired = trigger.get_next_fire_time(None, now)
    for _ in range(nights + 2):
        moment = fired.astimezone(tz)
        if is_due(last_run, time_of_day(*at), moment):
            days.append(f"{moment:%m-%d}")
            last_run = moment.isoformat()
        fired = trigger.get_next_fire_time(fired, fired)
    assert len(days) >= nights
    assert len(days) == len(set(days))
    whole = [date.fromisoformat(f"2026-{day}").toordinal() for day in days]
    assert whole == list(range(whole[0], whole[0] + len(whole)))
