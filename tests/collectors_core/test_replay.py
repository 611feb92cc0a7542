"""Tick files of the past become the snapshots that the collector would have written then."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from monitoring.config import Config, Limits
from monitoring.replay_line import ReplayLine
from monitoring.snapshot import Snapshot
from monitoring.snapshots import decode

BEGIN_MS = 1_760_327_100_000  # 2025-10-13T03:45Z
CONFIG = Config(limits=Limits(daily_loss_pct=2.0))


def stamp(seconds: float) -> str:
    return datetime.fromtimestamp(BEGIN_MS / 1000 + seconds, UTC).isoformat()


class Engine:
    """Writes a heartbeat file as the SDK would have at a given second."""

    def __init__(self, file: Path, writer: str = "w1", *, pid_started: int = 100_000) -> None:
        self.file = file
        self.writer = writer
        self.seq = 0
        self.header = {
            "kind": "header", "format": 1, "sdk": "t", "engine": "main", "writer": writer,
            "segment": 1, "boot_id": "b1", "pid": 4000 + pid_started % 97, "first_seq": 1,
            "pid_started": pid_started, "interval_seconds": 2.0,
        }  # fmt: skip

    def begin(self, seconds: float, **other: object) -> None:
        self.line(self.header | {"timestamp": stamp(seconds)} | other)

    def tick(self, seconds: float | None, **groups: Any) -> None:
        self.seq += 1
        at = {} if seconds is None else {"timestamp": stamp(seconds)}
        self.line({"kind": "tick", "writer": self.writer, "seq": self.seq} | at | groups)

    def run(self, begin: float, end: float, every: float = 2.0, **groups: Any) -> None:
        while begin < end:
            self.tick(begin, **groups)
            begin += every

    def pulse(self, seconds: float) -> None:
        self.line({"kind": "pulse", "writer": self.writer, "timestamp": stamp(seconds),
                   "last_seq": self.seq, "queued": 0})  # fmt: skip

    def line(self, line: dict[str, Any]) -> None:
        with self.file.open("a") as out:
            out.write(json.dumps(line) + "\n")


class Replayed:
    def __init__(self, done: subprocess.CompletedProcess[bytes]) -> None:
        self.code = done.returncode
        self.said = done.stderr.decode()
        lines = [msgspec.json.decode(one, type=ReplayLine) for one in done.stdout.splitlines()]
        self.names = [one.name for one in lines if one.name]
        self.snapshots = [decode(one.name, bytes(one.snapshot)) for one in lines if one.name]
        self.notes = [note for one in lines for note in one.notes or []]
        self.span = next((one.span for one in lines if one.span), None)

    def told(self, seconds: float) -> Snapshot:
        """Return the last snapshot up to a second."""
        until = BEGIN_MS + seconds * 1000
        return [one for one in self.snapshots if one.wall_ms <= until][-1]

    def written(self) -> list[tuple[float, str]]:
        return [((one.wall_ms - BEGIN_MS) / 1000, one.reason) for one in self.snapshots]


def replay(*files: Path, config: Config = CONFIG) -> Replayed:
    return Replayed(
        subprocess.run(
            [sys.executable, "-m", "collectors.replay", *map(str, files)],
            input=msgspec.json.encode(config),
            capture_output=True,
            check=False,
            timeout=30,
        )
    )


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Engine]:
    return lambda name="main-w1.jsonl", **other: Engine(tmp_path / name, **other)


NewEngine = Callable[..., Engine]


def test_snapshots_come_at_the_times_of_the_ticks_and_at_once_when_it_matters(
    engine: NewEngine,
) -> None:
    main = engine()
    main.begin(0)
    main.run(1, 24, pnl={"daily": 5.0}, risk={"daily_loss_pct": -0.5})
    main.tick(25.2, risk={"daily_loss_pct": -2.5})
    main.run(26, 40, risk={"daily_loss_pct": -2.5})
    found = replay(main.file)
    assert found.code == 0, found.said
    assert found.written() == [
        (0, "interval"), (1, "heartbeat.cause"), (11, "interval"), (21, "interval"),
        (25.2, "risk.daily_loss_pct"), (35.2, "interval"), (38, "stop"),
    ]  # fmt: skip
    assert found.told(11).window.ticks == 5
    assert found.told(21).pnl["daily"] == 5.0
    assert sum(one.window.ticks for one in found.snapshots) == main.seq
    assert found.span == (BEGIN_MS, BEGIN_MS + 38_000)
    assert found.names == sorted(set(found.names))
    assert found.notes == []


def test_a_loop_that_hung_and_a_process_that_froze_are_told_apart_at_their_deadlines(
    engine: NewEngine,
) -> None:
    main = engine()
    main.begin(0)
    main.run(0, 60)
    for second in range(60, 100, 5):
        main.pulse(second)
    main.run(100, 160)
    main.run(220, 260)
    found = replay(main.file)
    lapse = found.told(73.1).heartbeat
    assert (lapse["cause"], lapse["expected"]) == ("loop_hung", True)
    assert 15.0 < float(str(lapse["age_seconds"])) < 15.3
    assert found.told(200).heartbeat["cause"] == "process_frozen"  # it goes on later
    assert found.told(230).heartbeat["cause"] == "ticking"


def test_a_writer_that_never_wrote_again_is_gone_and_its_successor_takes_over(
    engine: NewEngine,
) -> None:
    first, second = engine(), engine("main-w2.jsonl", writer="w2", pid_started=109_000)
    first.begin(0)
    first.run(0, 60)
    second.begin(91)
    second.run(92, 120)
    found = replay(second.file, first.file)  # in whatever order they are named
    assert found.told(69).heartbeat["cause"] == "process_gone"
    assert found.told(119).heartbeat["cause"] == "ticking"
    assert found.told(119).collector.ticks_lost == 0
    assert sum(one.window.ticks for one in found.snapshots) == first.seq + second.seq


def test_rotated_segments_are_one_writer_and_a_lost_one_is_a_gap(engine: NewEngine) -> None:
    old, new = engine("main-w1.1.jsonl"), engine()
    old.begin(0)
    old.run(0, 30)
    new.seq = old.seq + 4
    new.begin(38, segment=2, first_seq=new.seq + 1)
    new.run(38, 60)
    found = replay(new.file, old.file)
    assert found.snapshots[-1].collector.ticks_lost == 4
    assert found.told(50).heartbeat["cause"] == "ticking"


def test_a_reboot_between_two_files_is_one(engine: NewEngine) -> None:
    before, after = engine(), engine("main-w2.jsonl", writer="w2", pid_started=900)
    before.begin(0)
    before.run(0, 60)
    after.begin(300, boot_id="b2")
    after.run(301, 330)
    found = replay(before.file, after.file)
    assert [one.boot_id for one in (found.told(59), found.told(310))] == ["b1", "b2"]
    assert [one.collector.rebooted for one in found.snapshots].count(True) == 1


def test_bare_ticks_with_a_time_are_taken_and_what_can_not_be_told_is_said(
    tmp_path: Path,
) -> None:
    file = tmp_path / "other.jsonl"
    lines = [{"timestamp": f"2025-10-13T09:15:{second:02d}", "pnl": {"daily": 1.0}}
             for second in range(0, 40, 4)]  # fmt: skip
    lines.insert(3, {"pnl": {"daily": -7.0}})
    file.write_text("".join(json.dumps(one) + "\n" for one in lines))
    found = replay(file)
    assert found.snapshots[0].wall_ms == BEGIN_MS  # naive: in the trading timezone
    assert sum(one.window.ticks for one in found.snapshots) == 11
    assert found.told(10).window.stats["pnl.daily"].min == -7.0
    assert found.notes == [
        "other.jsonl has no header: lost ticks and why ticks stopped can't be told from it",
        "other.jsonl: 1 lines without a time, taken with those before",
    ]


def test_a_clock_set_back_does_not_turn_back_time_and_one_wild_stamp_is_nobodys(
    engine: NewEngine,
) -> None:
    main = engine()
    main.begin(0)
    main.run(0, 20)
    main.tick(9e8)
    main.run(22, 40)
    main.run(-3560, -3540)
    found = replay(main.file)
    assert found.snapshots[-1].wall_ms - BEGIN_MS == 56_000
    assert all(
        a.wall_ms <= b.wall_ms for a, b in zip(found.snapshots, found.snapshots[1:], strict=False)
    )
    assert found.notes == [
        "main-w1.jsonl: the clock was set back by 3598 s in all; what follows is taken to come "
        "right after",
        "main-w1.jsonl: 1 times far ahead of their neighbours, not used",
    ]


def test_torn_and_foreign_lines_cost_themselves_alone(engine: NewEngine) -> None:
    main = engine()
    main.begin(0)
    main.run(0, 20)
    with main.file.open("ab") as out:
        out.write(b'{"kind":"tick","seq":\xff\n{"kind":"strange","timestamp":"x"}\n[1]\n')
        out.write(b'{"junk":"' + b"x" * 1_100_000 + b'"}\n')
    main.run(20, 40)
    with main.file.open("ab") as out:
        out.write(b'{"kind":"tick","seq":99')  # no newline: not written yet
    found = replay(main.file)
    assert sum(one.window.ticks for one in found.snapshots) == main.seq
    assert "4 lines were no tick lines" in found.notes


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "can't be read: No such file or directory"),
        (b"", "holds no whole line"),
        (b'{"pnl":{"daily":1}}\n' * 3, "none of its first 3 lines tells its time"),
        (b"\x00\x01binary\n", "none of its first 1 lines tells its time"),
    ],
)
def test_files_that_say_nothing_of_time_are_refused_in_words(
    tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "main.jsonl"
    if content is not None:
        file.write_bytes(content)
    found = replay(file)
    assert found.code == 1
    assert found.said.startswith(str(file))
    assert words in found.said
    assert "\n→ " in found.said


def test_what_is_no_file_and_files_of_two_engines_are_refused(
    tmp_path: Path, engine: NewEngine
) -> None:
    assert "is no regular file" in replay(tmp_path).said
    mine, other = engine(), engine("other-w9.jsonl", writer="w9")
    mine.begin(0)
    other.begin(0, engine="other")
    assert "files of several engines: main, other" in replay(mine.file, other.file).said
    assert replay().code == 1
