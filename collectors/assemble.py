"""One snapshot out of what is known at one instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from collectors.book import Book
from collectors.breeze import EngineView
from collectors.fold import SCORE, Fold
from collectors.known import Known
from collectors.lapse import Lapse
from evaluator.instant import Instant, elapsed_ms
from monitoring.config import Config
from monitoring.snapshot import CollectorStatus, Readings, Snapshot, Window

FUTURE_TOLERANCE_SECONDS = 5.0
"""The engine's clock may be ahead of ours by this much; further ahead, its times mean nothing."""


class Note(msgspec.Struct, frozen=True, kw_only=True):
    """Why a snapshot is written, by which version, and in what condition."""

    reason: str
    app_version: str
    degraded: list[str]


def engine_view(fold: Fold, now: Instant, config: Config) -> EngineView:
    """Return what the engine reports of its own broker session."""
    if not config.breeze.configured:
        return EngineView()  # nobody asks, and it is asked for with each tick
    expired = _expired(fold, "connectivity", now, config)
    told = {} if expired else fold.now["connectivity"]
    authenticated = told.get("breeze_authenticated")
    calls = told.get("api_calls_today")
    return EngineView(
        authenticated=authenticated if isinstance(authenticated, bool) else None,
        last_api_call_age_seconds=_age_seconds(told.get("last_api_call"), now, config),
        api_calls_today=calls if isinstance(calls, float) else None,
    )


def assemble(book: Book, known: Known, note: Note, config: Config) -> Snapshot:
    """Return the snapshot that follows the book's previous one."""
    now, previous = known.now, book.previous
    book.sequence.bound_counters()
    groups: dict[str, Any] = _readings(book.fold, now, config)
    groups["heartbeat"] |= _heartbeat(known.lapse)
    since = 0.0 if previous is None else elapsed_ms(previous.instant, now) / 1000
    moment = datetime.fromtimestamp(now.wall_ms / 1000, ZoneInfo(config.timezone))
    return Snapshot(
        snapshot=book.number + 1,
        timestamp=moment.isoformat(timespec="milliseconds"),
        wall_ms=now.wall_ms,
        boottime_ns=now.boottime_ns,
        boot_id=now.boot_id,
        engine=config.engine,
        reason=note.reason,
        **groups,
        artifacts=_artifacts(book.fold, known, config),
        last={group: fields for group, fields in book.fold.last.items() if fields},
        breeze=known.breeze,
        window=Window(ticks=book.fold.ticks, seconds=since, stats=book.fold.stats()),
        collector=_status(book, known, note),
    )


def _readings(fold: Fold, now: Instant, config: Config) -> dict[str, Readings]:
    """Return every group of a tick as known now: past its time to live, each field is null.

    Adds the ages, in seconds, of what the engine reports as a time.
    """
    groups = {
        group: dict.fromkeys(fields) if _expired(fold, group, now, config) else dict(fields)
        for group, fields in fold.now.items()
    }
    for group, field, age in (
        ("market_data", "last_update", "update_age_seconds"),
        ("connectivity", "last_api_call", "last_api_call_age_seconds"),
    ):
        # The age goes on when the engine stops reporting: only its word makes the time unknown.
        source = fold.last if _expired(fold, group, now, config) else fold.now
        if field in source[group]:
            groups[group][age] = _age_seconds(source[group][field], now, config)
    scored = fold.received_at.get(SCORE)
    if scored is not None:
        groups["sentiment"]["reported_age_seconds"] = elapsed_ms(scored, now) / 1000
    return groups


def _status(book: Book, known: Known, note: Note) -> CollectorStatus:
    previous = book.previous
    return CollectorStatus(
        app_version=note.app_version,
        cursors=book.tail.cursors,
        writers=list(book.sequence.marks.values()),
        gaps=book.sequence.gaps,
        received_at=book.fold.received_at,
        lines_read=book.lines_read,
        lines_rejected=book.lines_rejected,
        values_rejected=book.values_rejected + book.fold.values_rejected,
        ticks_lost=book.sequence.ticks_lost,
        ticks_duplicate=book.sequence.ticks_duplicate,
        writer_dropped=book.sequence.writer_dropped,
        bytes_behind=book.tail.bytes_behind,
        network_up=known.network_up,
        disk_free_bytes=known.disk.free_bytes,
        inodes_free_pct=known.disk.inodes_free_pct,
        rebooted=previous is not None and previous.boot_id != known.now.boot_id,
        write_errors=book.write_errors,
        degraded=note.degraded,
    )


def _heartbeat(lapse: Lapse) -> Readings:
    return {
        "age_seconds": lapse.age_seconds,
        "pulse_age_seconds": lapse.pulse_age_seconds,
        "deadline_seconds": lapse.deadline_seconds,
        "expected": lapse.expected,
        "cause": lapse.cause,
        "writers": float(lapse.writers),
    }


def _artifacts(fold: Fold, known: Known, config: Config) -> Readings:
    """Return `<name>_age_hours` per model: as looked at here, else as the engine reports them."""
    if known.artifact_ages is not None:
        return {f"{name}_age_hours": hours for name, hours in known.artifact_ages.items()}
    reported = fold.received_at.get("artifacts")
    if reported is None:
        return {}
    expired = _expired(fold, "artifacts", known.now, config)
    grown = elapsed_ms(reported, known.now) / 3_600_000
    names = {f"{name}_age_hours" for name in config.artifacts}
    return {
        name: None if hours is None or hours < 0 or expired else hours + grown
        for name, hours in fold.artifacts.items()
        if name in names
    }


def _expired(fold: Fold, group: str, now: Instant, config: Config) -> bool:
    received = fold.received_at.get(group)
    is_sentiment = group == "sentiment"
    ttl_seconds = config.sentiment_ttl_seconds if is_sentiment else config.fact_ttl_seconds
    return received is None or elapsed_ms(received, now) > ttl_seconds * 1000


def _age_seconds(told: object, now: Instant, config: Config) -> float | None:
    """Return how long ago an ISO 8601 time was; one without an offset is in the trading timezone.

    None: not such a time, or one in the future.
    """
    if not isinstance(told, str):
        return None
    try:
        moment = datetime.fromisoformat(told)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(config.timezone))
        age = now.wall_ms / 1000 - moment.timestamp()
    except (ValueError, OverflowError):
        return None
    return None if age < -FUTURE_TOLERANCE_SECONDS else max(0.0, age)
