"""A home as the processes leave it, made with their own records and writers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from evaluator.incident import Ack, Countdown, Incident, Scalar, Severity, Status, Transition
from evaluator.instant import Instant
from evaluator.silence import Silence
from evaluator.stats import Stats
from monitoring.alert_entry import Notice, of_silence
from monitoring.alert_log import AlertLog
from monitoring.clock import SystemClock
from monitoring.config import Artifact, Calendar, Config, Limits
from monitoring.home import Home
from monitoring.snapshot import BreezeStatus, CollectorStatus, Snapshot, Window, WriterMark
from monitoring.snapshots import SnapshotStore
from monitoring.state import JobState, ProcessState, RuleState, write_state

BOOT = "0f8d7e0a-3c56-4a0c-9f0e-1b2c3d4e5f60"
AT_MS = 1_760_245_927_000  # 2025-10-12 10:42:07 IST
AT = Instant(AT_MS, 90_000_000_000_000, BOOT)
PROJECT = Path(__file__).parents[2]

CONFIG = Config(
    interval_seconds=10.0,
    calendar=Calendar(name="always"),
    limits=Limits(positions_total_value=2_000_000.0, position_value=600_000.0),
    artifacts={
        "teacher_model": Artifact("models/teacher.bin", 48.0),
        "student_model": Artifact("models/student-*.bin", 24.0),
    },
    chosen=("limits.positions_total_value", "limits.position_value"),
)


def before(at: Instant, seconds: float) -> Instant:
    """Return the instant so long before another, in the same boot."""
    return Instant(
        at.wall_ms - round(seconds * 1000), at.boottime_ns - round(seconds * 1e9), at.boot_id
    )


class Everyone:
    """A process table in which all live but those named."""

    def __init__(self, *dead: int) -> None:
        self.dead = dead

    def lives(self, pid: int, at: Instant, now: Instant) -> bool:
        return pid not in self.dead


class House:
    """Builds a home piece by piece, everything relative to one instant."""

    def __init__(self, root: Path, at: Instant = AT) -> None:
        self.home = Home(root)
        self.at = at
        self.count = 0

    def process(
        self, name: str, *, pid: int = 4100, seconds_ago: float = 1.0, **fields: object
    ) -> None:
        """Write the state file of a process."""
        self.home.state.mkdir(parents=True, exist_ok=True)
        state = ProcessState(
            process=name,
            pid=pid,
            version="0.1.0",
            started=before(self.at, 5000),
            updated=before(self.at, seconds_ago),
            home=str(self.home.root),
            config=CONFIG,
        )
        write_state(self.home.state, msgspec.structs.replace(state, **fields))

    def snapshot(self, *, seconds_ago: float = 0.2, **fields: object) -> Snapshot:
        """Write a snapshot of a good day, with the given fields laid over it."""
        self.count += 1
        taken = before(self.at, seconds_ago)
        snapshot = Snapshot(
            snapshot=self.count,
            timestamp="2025-10-12T10:42:06.800+05:30",
            wall_ms=taken.wall_ms,
            boottime_ns=taken.boottime_ns,
            boot_id=taken.boot_id,
            engine="main",
            reason="interval",
            heartbeat={
                "uptime_seconds": 5220.0,
                "age_seconds": 0.2,
                "pulse_age_seconds": 1.8,
                "deadline_seconds": 20.0,
                "expected": True,
                "cause": "ticking",
                "writers": 1.0,
            },
            positions={"count": 3.0, "total_value": 1_460_000.0, "without_stop": 1.0},
            pnl={"daily": -18_400.0, "unrealized": -20_000.0, "realized": 1_600.0},
            risk={
                "circuit_breaker_active": False,
                "daily_loss_pct": -0.92,
                "max_position_value": 560_000.0,
            },
            connectivity={"breeze_authenticated": True, "api_calls_today": 200.0},
            orders={"placed": 12.0, "rejected": 0.0, "open": 1.0},
            artifacts={"teacher_model_age_hours": 5.2, "student_model_age_hours": 31.0},
            last={"positions": {"count": 3.0}, "pnl": {"daily": -18_400.0}},
            breeze=BreezeStatus(status="authenticated", status_age_seconds=38.0, probes_today=12.0),
            window=Window(
                ticks=2,
                seconds=10.0,
                stats={
                    "pnl.daily": Stats(
                        count=2,
                        first=-18e3,
                        last=-18_400.0,
                        min=-18_400.0,
                        max=-18e3,
                        mean=-18_200.0,
                        delta=0.0,
                    )
                },
            ),
            collector=CollectorStatus(
                app_version="0.1.0",
                writers=[WriterMark(writer="k3v9", pid=4121, interval_seconds=5.0)],
                lines_read=1044,
                received_at=dict.fromkeys(
                    ("heartbeat", "positions", "pnl", "risk", "connectivity", "orders", "custom"),
                    before(self.at, 0.4),
                ),
                disk_free_bytes=41.2e9,
                inodes_free_pct=87.0,
                network_up=True,
            ),
        )
        snapshot = msgspec.structs.replace(snapshot, **fields)
        SnapshotStore(self.home.snapshots).write(snapshot)
        return snapshot

    def alert(
        self,
        rule: str,
        message: str,
        *,
        severity: Severity = "WARNING",
        status: Status = "firing",
        seconds_ago: float = 60.0,
        ack: Ack | None = None,
        context: dict[str, Scalar | None] | None = None,
        notify: str = "new",
        reason: str = "condition held",
        number: int = 1,
        **more: Any,
    ) -> Incident:
        """Append an incident to the alert log, as the scheduler would."""
        began = before(self.at, seconds_ago)
        incident = Incident(
            id=f"0199d6a0-0000-7000-8000-{number:012d}",
            rule=rule,
            status=status,
            severity=severity,
            message=message,
            reason=reason,
            context=context or {},
            day="2025-10-12",
            active_at=began,
            fired_at=None if status == "pending" else began,
            resolved_at=self.at if status == "resolved" else None,
            held=more.pop("held", Countdown()),
            ack=ack,
            **more,
        )
        self.log([Transition(incident, before(self.at, min(seconds_ago, 1.0)), notify)])
        return incident

    def log(self, entries: list[Transition | Notice], request: str | None = None) -> None:
        """Append transitions and notices to the alert log."""
        log = AlertLog(self.home.alerts, "main", "Asia/Kolkata")
        log.open(self.at)
        first = entries[0]
        at = first.at if isinstance(first, Transition) else self.at
        assert log.append(entries, at, self.count, request)
        log.close()

    def silence(self, id_: str = "abcd1234", seconds: float = 3600.0, **fields: Any) -> Silence:
        """Append a silence of now to the alert log, as the scheduler would."""
        one = Silence(
            id=id_,
            by="asha",
            reason="restarting",
            starts_ms=self.at.wall_ms,
            ends_ms=self.at.wall_ms + round(seconds * 1000),
            **fields,
        )
        self.log([of_silence(one, "active", "quiet")])
        return one

    def good_day(self) -> None:
        """Everything runs, one old model is acknowledged: the picture in the README."""
        self.process("collector", pid=4100)
        self.process(
            "scheduler",
            pid=4101,
            jobs={"retention": JobState(last_run="2025-10-12T02:30:00+05:30", runs=1)},
            rules={
                "heartbeat_lapsed": RuleState(verdict="false"),
                "stale_student_model": RuleState(verdict="true", why="31 > 24"),
                "sentiment_data_missing": RuleState(
                    verdict="unknown",
                    why="no data ever: sentiment.reported_age_seconds",
                    never_seen=True,
                    wanting=("sentiment.reported_age_seconds",),
                ),
                "tick_latency_high": RuleState(verdict="false", enabled=False),
            },
        )
        self.snapshot()
        self.alert(
            "stale_student_model",
            "31h old",
            seconds_ago=7927.0,
            ack=Ack("asha", self.at.wall_ms - 3_600_000, "retraining"),
        )


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "home")


@pytest.fixture
def now_house(tmp_path: Path) -> House:
    """A home of this very moment, whose processes are this test's."""
    return House(tmp_path / "home", SystemClock().now())


@pytest.fixture
def everyone() -> type[Everyone]:
    return Everyone


Monitor = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    """Run the real command on the home below tmp_path."""

    def run(
        *arguments: str,
        said: str | None = None,
        **environ: str,
    ) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith("MONITOR_")
        }
        return subprocess.run(
            [sys.executable, "-m", "scripts.monitor", *arguments],
            cwd=PROJECT,
            env={**kept, "MONITOR_HOME": str(tmp_path / "home"), "PYTHONUTF8": "1", **environ},
            input=said,
            stdin=subprocess.DEVNULL if said is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare a text with its golden file; `GOLDEN=write` writes what is not as it was."""

    def same(name: str, text: str) -> None:
        path = Path(__file__).parent / "golden" / name
        if os.environ.get("GOLDEN") == "write":
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return same
