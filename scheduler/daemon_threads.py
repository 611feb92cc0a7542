"""Runs APScheduler's jobs in daemon threads, one for each run.

Its own pool keeps non-daemon threads that the interpreter joins at exit, so that one job that
hangs would keep the process from ever ending.
"""

from __future__ import annotations

import threading
from datetime import datetime

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job


class DaemonThreads(BaseExecutor):  # type: ignore[misc] # APScheduler 3 ships no types
    """An executor whose jobs never outlive the process; `max_instances` bounds their number."""

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        threading.Thread(
            target=self._run, args=(job, run_times), name=f"job {job.id}", daemon=True
        ).start()

    def _run(self, job: Job, run_times: list[datetime]) -> None:
        try:
            events = run_job(job, job._jobstore_alias, run_times, self._logger.name)
        except BaseException as error:  # noqa: BLE001 -- a job is done for, whatever it raised
            self._run_job_error(job.id, error, error.__traceback__)
        else:
            self._run_job_success(job.id, events)
