"""Whether the chain that watches the engine holds: fresh snapshots, and they are judged."""

from __future__ import annotations

from evaluator.durations import in_words
from evaluator.instant import Instant, elapsed_ms
from monitoring.config import Config
from monitoring.process_life import silence_limit_seconds
from monitoring.snapshot import Snapshot
from monitoring.state import ProcessState


def age_seconds(snapshot: Snapshot | None, now: Instant) -> float | None:
    """Return how old a snapshot is, None without one."""
    return None if snapshot is None else elapsed_ms(snapshot.instant, now) / 1000


def is_fresh(snapshot_age_seconds: float | None, config: Config) -> bool:
    """Tell whether a snapshot of this age still counts as the present."""
    return snapshot_age_seconds is not None and (
        snapshot_age_seconds <= config.snapshot_limit_seconds
    )


def broken_link(
    snapshot: Snapshot | None,
    collector: ProcessState | None,
    scheduler: ProcessState | None,
    now: Instant,
) -> str | None:
    """Return which link of the chain does not hold and why, None when all do.

    Judged by ages alone: a process that is being started again breaks nothing.
    """
    if scheduler is None:
        return "the scheduler never ran, or its state file can't be read"
    if not scheduler.config.enabled:
        return "the scheduler is switched off (enabled = false)"
    age = age_seconds(snapshot, now)
    if age is None:
        return "there is no snapshot that can be read"
    if not is_fresh(age, (collector or scheduler).config):
        return f"the newest snapshot is {in_words(age)} old: see the collector"
    silent = elapsed_ms(scheduler.updated, now) / 1000
    if silent > silence_limit_seconds(scheduler):
        return f"the last evaluation was {in_words(silent)} ago: see the scheduler"
    return None
