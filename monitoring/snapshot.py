"""One snapshot: everything the collector knew at one instant, and where it had read to."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated

import msgspec

from evaluator.incident import Scalar
from evaluator.instant import Instant, WallMs, Whole64
from evaluator.stats import Stats

FORMAT_VERSION = 1
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Readings = dict[str, Scalar | list[str] | None]
"""Fields of one group as last reported; null is unknown."""


class Cursor(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A place in one heartbeat file: all before `offset` (bytes) is in this or an earlier snapshot.

    The file is known by inode *and* content: `head` hashes its first line, `tail` the last bytes
    before `offset`; a reused inode or a regrown file matches neither. `skipping`: inside an
    oversize line that is being thrown away.
    """

    name: str
    inode: int
    offset: Count
    head: str
    tail: str
    writer: str | None = None
    segment: Count | None = None
    skipping: bool = False


class Gap(msgspec.Struct, frozen=True):
    """Ticks of one writer that were given a seq and never seen: first to last, both included."""

    writer: str
    first: Count
    last: Count


class WriterMark(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What is known of one writer (one engine process), kept for the cause of a lapse.

    `counters` are its counter facts as last seen: the next increase is counted from there.
    """

    writer: str
    next_seq: Count | None = None
    pid: Count | None = None
    pid_started: Count | None = None
    boot_id: str | None = None
    interval_seconds: float | None = None
    last_tick: Instant | None = None
    last_pulse: Instant | None = None
    dropped: Count = 0
    nulled: Count = 0
    closed: Instant | None = None
    close_reason: str | None = None
    back_within_seconds: float | None = None
    counters: dict[str, float] = {}


class Window(msgspec.Struct, kw_only=True):
    """The ticks since the snapshot before: how many, over how long, statistics by fact name."""

    ticks: Count = 0
    seconds: float = 0.0
    stats: dict[str, Stats] = {}


class BreezeStatus(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Breeze as engine and probe see it; see the `breeze.*` facts for units."""

    status: str = "off"
    since: str | None = None
    status_age_seconds: float | None = None
    denials: float | None = None
    failing_seconds: float | None = None
    latency_ms: float | None = None
    probes_today: float | None = None
    rate_limited_5m: float | None = None
    quota_left_seconds: float | None = None
    detail: str | None = None
    clock_ahead_seconds: float | None = None
    key_left_seconds: float | None = None


class CollectorStatus(msgspec.Struct, kw_only=True):
    """The collector on itself. Counts are since the home's first snapshot."""

    app_version: str
    cursors: list[Cursor] = []
    writers: list[WriterMark] = []
    gaps: list[Gap] = []
    received_at: dict[str, Instant] = {}
    lines_read: Count = 0
    lines_rejected: Count = 0
    values_rejected: Count = 0
    ticks_lost: Count = 0
    ticks_duplicate: Count = 0
    writer_dropped: Count = 0
    bytes_behind: Count = 0
    network_up: bool | None = None
    disk_free_bytes: float | None = None
    inodes_free_pct: float | None = None
    rebooted: bool = False
    write_errors: Count = 0
    degraded: list[str] = []


class Snapshot(msgspec.Struct, kw_only=True):
    """One file `metrics_<timestamp>.json`. `timestamp` is wall time with offset, for humans;
    `wall_ms`, `boottime_ns` and `boot_id` are the instant that is evaluated. `reason` says why
    it was written: `interval`, `start`, or the watched value that changed.
    """

    version: int = FORMAT_VERSION
    snapshot: Count
    timestamp: str
    wall_ms: WallMs
    boottime_ns: Whole64
    boot_id: str
    engine: str
    reason: str
    heartbeat: Readings = {}
    positions: Readings = {}
    pnl: Readings = {}
    risk: Readings = {}
    sentiment: Readings = {}
    connectivity: Readings = {}
    orders: Readings = {}
    market_data: Readings = {}
    performance: Readings = {}
    custom: Readings = {}
    artifacts: Readings = {}
    last: dict[str, Readings] = {}
    breeze: BreezeStatus = msgspec.field(default_factory=BreezeStatus)
    window: Window = msgspec.field(default_factory=Window)
    collector: CollectorStatus

    @property
    def instant(self) -> Instant:
        """The instant this snapshot was taken at."""
        return Instant(self.wall_ms, self.boottime_ns, self.boot_id)


TICK_GROUPS = (
    "heartbeat", "positions", "pnl", "risk", "sentiment", "connectivity", "orders",
    "market_data", "performance", "custom",
)  # fmt: skip
_COLLECTOR_FACTS = (
    "lines_read", "lines_rejected", "values_rejected", "ticks_lost", "ticks_duplicate",
    "writer_dropped", "bytes_behind", "network_up", "disk_free_bytes", "inodes_free_pct",
    "rebooted", "write_errors",
)  # fmt: skip


_FILE_NAME = re.compile(r"metrics_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)\.(\d{3})Z\.json", re.ASCII)


def flatten(snapshot: Snapshot) -> dict[str, object]:
    """Return the snapshot as fact name → raw value (None: unknown).

    `window.*` is left to the evaluator, which may have to merge several snapshots'.
    """
    flat: dict[str, object] = {}
    for group in (*TICK_GROUPS, "artifacts"):
        for field, value in getattr(snapshot, group).items():
            flat[f"{group}.{field}"] = value
    for group, readings in snapshot.last.items():
        for field, value in readings.items():
            flat[f"last.{group}.{field}"] = value
    for field in snapshot.breeze.__struct_fields__:
        flat[f"breeze.{field}"] = getattr(snapshot.breeze, field)
    for field in _COLLECTOR_FACTS:
        flat[f"collector.{field}"] = getattr(snapshot.collector, field)
    return flat


def file_name(wall_ms: int) -> str:
    """Return `metrics_20251012T070456.123Z.json` for a POSIX time in milliseconds."""
    moment = datetime.fromtimestamp(wall_ms // 1000, UTC)
    return f"metrics_{moment:%Y%m%dT%H%M%S}.{wall_ms % 1000:03d}Z.json"


def file_wall_ms(name: str) -> int | None:
    """Return the POSIX milliseconds in a snapshot's file name, None for any other name."""
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        return None
    year, month, day, hour, minute, second, ms = map(int, match.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * 1000 + ms
