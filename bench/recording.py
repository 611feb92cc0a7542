"""Homes with a past: snapshots made by the collector's own folding, packed as the packer does.

A day's worth is made tick by tick; the days after it are the same readings at later times, so that
a month takes seconds to make. What rules read is all there: windows, ages, counters, Breeze.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import msgspec

from collectors.assemble import Note, assemble
from collectors.book import Book
from collectors.host import Disk
from collectors.known import Known
from collectors.lapse import Process, judge
from collectors.line_reader import Piece
from collectors.sequence import recent
from collectors.tail import Slice
from evaluator.instant import Instant
from monitoring.config import Artifact, Config, Limits
from monitoring.history import History
from monitoring.home import Home
from monitoring.snapshot import BreezeStatus, Cursor, Snapshot, file_name
from monitoring.snapshots import PackedLine
from monitoring.state import ProcessState, write_state

EVERY_MS = 10_000
DAY_MS = 86_400_000
PER_DAY = DAY_MS // EVERY_MS
LOOSE = 2 * PER_DAY
"""What the packer leaves lying in the folder, at most: two days of one every ten seconds."""

TICKS = 5
"""Ticks in each snapshot's window."""
BEGIN_MS = 1_759_276_800_000  # 2025-10-01T00:00Z
BOOT = "0f8d7e0a-3c56-4a0c-9f0e-1b2c3d4e5f60"
CONFIG = Config(
    limits=Limits(positions_total_value=5e6, position_value=1e6, tick_latency_ms=50.0),
    artifacts={
        "teacher_model": Artifact("models/teacher.bin", 48.0),
        "student_model": Artifact("models/student.bin", 48.0),
    },
)


def write_month(home: Home, days: int) -> int:
    """Write so many packed days of snapshots; return how many snapshots that is."""
    home.snapshots.mkdir(parents=True)
    day = [msgspec.json.encode(snapshot) for snapshot in one_day(home)]
    with ProcessPoolExecutor(max_workers=2) as pool:
        list(pool.map(_write_day, [home.snapshots] * days, range(days), [day] * days))
    return days * len(day)


def one_day(home: Home) -> Iterator[Snapshot]:
    """Yield a day's snapshots, in which a few alerts fire: a loss, rejects, a feed that stands."""
    rng = random.Random(7)
    book = Book(home, CONFIG.engine, None)
    note = Note(reason="interval", app_version="bench", degraded=[])
    daily, seq = 0.0, 0
    for number in range(PER_DAY):
        now = Instant(BEGIN_MS + number * EVERY_MS, 10**13 + number * EVERY_MS * 10**6, BOOT)
        lines = b""
        for _ in range(TICKS):
            seq += 1
            daily += rng.gauss(0, 120) - daily / 500
            lines += msgspec.json.encode(_tick(seq, number, daily, now.wall_ms, rng)) + b"\n"
        cursor = Cursor(name="main-w1.jsonl", inode=1, offset=0, head="", tail="", writer="w1")
        piece = Piece(0, len(lines), lines, lines[-64:])
        book.take(Slice(cursor, "main-w1", piece, now), now)
        later = Instant(now.wall_ms + 400, now.boottime_ns + 400_000_000, BOOT)
        snapshot = assemble(book, _known(book, later, number), note, CONFIG)
        book.written(snapshot)
        yield snapshot


def calm(home: Home) -> Snapshot:
    """Return one of that day's, in which nothing fires."""
    return next(islice(one_day(home), 100, None))


def moved_to(snapshot: Snapshot, at: Instant, number: int) -> Snapshot:
    """Return the same readings as those of another moment."""
    return msgspec.structs.replace(
        snapshot, snapshot=number, wall_ms=at.wall_ms, boottime_ns=at.boottime_ns,
        boot_id=at.boot_id, timestamp=datetime.fromtimestamp(at.wall_ms / 1000, UTC).isoformat(),
    )  # fmt: skip


def write_past(home: Home, snapshot: Snapshot, now: Instant, backwards: range) -> list[Snapshot]:
    """Leave files of it as a collector that ran until now has: of so many intervals ago.

    Returns what is in them, the oldest first.
    """
    home.snapshots.mkdir(parents=True, exist_ok=True)
    past = []
    for back in reversed(backwards):
        passed_ms = back * EVERY_MS
        wall_ms, boottime_ns = now.wall_ms - passed_ms, now.boottime_ns - passed_ms * 10**6
        at = Instant(wall_ms, boottime_ns, now.boot_id)
        past.append(moved_to(snapshot, at, backwards.stop - back))
        (home.snapshots / file_name(wall_ms)).write_bytes(msgspec.json.encode(past[-1]))
    return past


def live_two_days(home: Home, now: Instant) -> int:
    """Leave what collector and scheduler that ran until now have: snapshots, index, state.

    Returns the number of the last snapshot.
    """
    past = write_past(home, calm(home), now, range(1, LOOSE + 1))
    history = History(home.history)
    history.open()
    history.add((file_name(snapshot.wall_ms), snapshot) for snapshot in past)
    history.close()
    home.state.mkdir(parents=True, exist_ok=True)
    state = ProcessState(
        process="scheduler", pid=0, version="bench", started=now, updated=now,
        home=str(home.root), config=CONFIG, snapshot=file_name(past[-1].wall_ms),
        snapshot_number=past[-1].snapshot,
    )  # fmt: skip
    write_state(home.state, state)
    return past[-1].snapshot


def _tick(seq: int, number: int, daily: float, wall_ms: int, rng: random.Random) -> object:
    moment = datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat(timespec="milliseconds")
    feed = datetime.fromtimestamp((wall_ms - (wall_ms % 7_200_000 < 60_000) * 90_000) / 1000, UTC)
    value = 3e6 + 40 * daily
    return {
        "kind": "tick", "writer": "w1", "seq": seq, "timestamp": moment,
        "heartbeat": {"last_tick": moment, "uptime_seconds": 3600.0 + seq * 2},
        "positions": {
            "count": 3.0, "total_value": value, "symbols": ["RELIANCE", "TCS", "INFY"],
            "intraday_count": 3.0, "without_stop": 1.0,
        },
        "pnl": {"daily": daily, "unrealized": daily / 3, "realized": daily / 1.5},
        "risk": {
            "circuit_breaker_active": False, "daily_loss_pct": daily / 2000,
            "max_position_value": value / 5,
        },
        "sentiment": {"last_score": rng.random(), "provider_errors_1h": 0.0, "cache_hit_rate": 0.8},
        "connectivity": {
            "breeze_authenticated": True, "last_api_call": moment, "api_calls_today": float(number),
        },
        "orders": {
            "placed": number / 8 // 1, "rejected": 4.0 * (number // 3000), "exit_rejected": 0.0,
            "open": 1.0,
        },
        "market_data": {
            "last_update": feed.isoformat(timespec="milliseconds"), "symbols_stale": 0.0,
            "halted": False,
        },
        "performance": {"tick_latency_ms": 4 + rng.random()},
        "custom": {"spread_bps": 3 + rng.random()},
    }  # fmt: skip


def _known(book: Book, now: Instant, number: int) -> Known:
    hours = number / 360
    return Known(
        now=now,
        lapse=judge(recent(book.sequence.marks.values()), now, _Alive(), 2.0),
        breeze=BreezeStatus(
            status="authenticated", since="2025-10-01T08:00:00+05:30", status_age_seconds=38.0,
            denials=0.0, failing_seconds=0.0, latency_ms=41.0, probes_today=12.0,
            rate_limited_5m=0.0, quota_left_seconds=90_000.0,
        ),
        network_up=True,
        disk=Disk(4e10 - number * 1000.0, 87.0),
        artifact_ages={"teacher_model": hours, "student_model": hours + 5},
    )  # fmt: skip


class _Alive:
    def look(self, pid: int) -> Process | None:  # noqa: ARG002 -- of Processes
        return Process(alive=True)


def _write_day(folder: Path, day: int, snapshots: list[bytes]) -> None:
    """Write one packed day: the readings of the first with the times of this one."""
    begin_ms = BEGIN_MS + day * DAY_MS
    name = f"metrics_{datetime.fromtimestamp(begin_ms / 1000, UTC):%Y%m%d}.jsonl.gz"
    with gzip.GzipFile(folder / name, "wb", compresslevel=1) as out:
        for number, data in enumerate(snapshots):
            wall_ms = begin_ms + number * EVERY_MS + 400
            boottime_ns = 10**13 + (day * PER_DAY + number) * EVERY_MS * 10**6 + 400_000_000
            head = (
                f'{{"version":1,"snapshot":{day * PER_DAY + number + 1},'
                f'"timestamp":"{datetime.fromtimestamp(wall_ms / 1000, UTC).isoformat()}",'
                f'"wall_ms":{wall_ms},"boottime_ns":{boottime_ns}'
            )
            rest = data[data.index(b',"boot_id"') :]
            line = PackedLine(file_name(wall_ms), msgspec.Raw(head.encode() + rest))
            out.write(msgspec.json.encode(line) + b"\n")
