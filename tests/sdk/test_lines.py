"""What stands in a heartbeat file."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tickbeat import HeartbeatWriter, Tick
from tickbeat.record import Close, Header, Pnl, Pulse

Read = Callable[..., list[dict[str, Any]]]
Until = Callable[[Callable[[], object]], None]


def test_the_first_line_names_writer_process_and_interval(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    heartbeat.record_tick()
    heartbeat.close()
    header = msgspec.convert(read(tmp_path)[0], Header)
    assert (header.engine, header.segment, header.first_seq) == ("main", 1, 1)
    assert (header.pid, header.interval_seconds) == (os.getpid(), 5.0)
    assert header.pid_started == int(Path("/proc/self/stat").read_text().split(")")[1].split()[19])
    assert header.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert (tmp_path / f"main-{header.writer}.jsonl").exists()


def test_ticks_keep_their_order_and_carry_writer_and_seq(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    for number in range(1000):
        heartbeat.record_tick({"performance": {"tick_latency_ms": number}})
    heartbeat.close()
    ticks = read(tmp_path, "tick")
    assert [tick["seq"] for tick in ticks] == list(range(1, 1001))
    assert [tick["performance"]["tick_latency_ms"] for tick in ticks] == list(range(1000))
    assert {tick["writer"] for tick in ticks} == {heartbeat.stats().writer}


def test_a_tick_without_news_is_a_bare_line(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    heartbeat.record_tick()
    heartbeat.record_tick(None)
    heartbeat.record_tick({})
    heartbeat.close()
    ticks = read(tmp_path, "tick")
    assert [set(tick) for tick in ticks] == [{"kind", "writer", "seq", "timestamp"}] * 3
    assert heartbeat.stats().nulled == 0


def test_a_typed_tick_is_accepted(heartbeat: HeartbeatWriter, tmp_path: Path, read: Read) -> None:
    heartbeat.record_tick(Tick(pnl=Pnl(daily=2500.5)))
    heartbeat.close()
    (tick,) = read(tmp_path, "tick")
    assert tick["pnl"] == {"daily": 2500.5}
    assert tick["seq"] == 1


def test_an_engines_own_timestamp_is_kept_but_it_cannot_pose_as_a_writer(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read
) -> None:
    mine = {"kind": "close", "writer": "x", "seq": 99, "timestamp": "2025-01-01T09:15:00"}
    heartbeat.record_tick({**mine, "pnl": {"daily": 1.0}})
    heartbeat.record_tick(mine)
    heartbeat.record_tick({"timestamp": 12, "pnl": {}})
    heartbeat.close()
    lines = [line for line in read(tmp_path) if line["kind"] != "header"]
    assert [line["kind"] for line in lines] == ["tick", "tick", "tick", "close"]
    assert [line["seq"] for line in lines[:3]] == [1, 2, 3]
    assert [line["timestamp"] for line in lines[:2]] == ["2025-01-01T09:15:00"] * 2
    assert lines[2]["timestamp"].endswith("Z")
    assert lines[0]["pnl"] == {"daily": 1.0}


@pytest.mark.parametrize("metrics", [[1, 2], "x", 5, (3,), True])
def test_what_is_no_mapping_is_a_bare_tick_and_counted(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, metrics: Any
) -> None:
    heartbeat.record_tick(metrics)
    heartbeat.close()
    assert len(read(tmp_path, "tick")) == 1
    assert heartbeat.stats().nulled == 1


def test_a_planned_stop_is_a_close_line_with_its_reason(tmp_path: Path, read: Read) -> None:
    heartbeat = HeartbeatWriter(tmp_path)
    heartbeat.record_tick()
    heartbeat.close("upgrade", back_within_seconds=300)
    heartbeat.close("again")
    (line,) = read(tmp_path, "close")
    close = msgspec.convert(line, Close)
    assert (close.reason, close.back_within_seconds, close.last_seq) == ("upgrade", 300.0, 1)


def test_close_never_raises_whatever_it_is_given(tmp_path: Path, read: Read) -> None:
    class Mute:
        def __str__(self) -> str:
            raise ValueError

    stops: list[tuple[Any, Any, Any]] = [
        (Mute(), float("nan"), 2.0),
        ("\ud800", "soon", 2.0),
        (7, -1, float("inf")),
    ]
    for reason, back_within, timeout in stops:
        HeartbeatWriter(tmp_path).close(reason, back_within, timeout)
    HeartbeatWriter(tmp_path).close(timeout_seconds="now")  # type: ignore[arg-type]  # on purpose
    assert {line["back_within_seconds"] for line in read(tmp_path, "close")} == {None}


def test_a_block_that_ends_well_closes_and_a_crash_does_not_look_planned(
    tmp_path: Path, read: Read, until: Until
) -> None:
    def run(folder: Path, ending: BaseException | None) -> None:
        with HeartbeatWriter(folder) as heartbeat:
            heartbeat.record_tick()
            if ending is not None:
                raise ending

    run(tmp_path / "0", None)
    endings = [SystemExit(0), KeyboardInterrupt(), SystemExit(3), ValueError("bug")]
    for number, ending in enumerate(endings, start=1):
        with pytest.raises(type(ending)):
            run(tmp_path / str(number), ending)
    until(lambda: all(read(tmp_path / str(number), "tick") for number in range(5)))
    written = [read(tmp_path / str(number)) for number in range(5)]
    assert [lines[-1]["kind"] for lines in written] == ["close", "close", "close", "tick", "tick"]


def test_a_tick_after_close_is_left_out_with_one_warning(
    tmp_path: Path, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeat = HeartbeatWriter(tmp_path)
    heartbeat.close()
    heartbeat.record_tick()
    heartbeat.record_tick()
    assert read(tmp_path, "tick") == []
    assert heartbeat.stats().dropped == 2
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1


def test_a_pulse_comes_every_five_seconds_without_a_tick(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, until: Until
) -> None:
    heartbeat.record_tick({"pnl": {"daily": float("nan")}})
    until(lambda: read(tmp_path, "pulse"))
    pulse = msgspec.convert(read(tmp_path, "pulse")[0], Pulse)
    assert (pulse.last_seq, pulse.queued, pulse.dropped, pulse.nulled) == (1, 0, 0, 1)


def test_a_tick_is_on_disk_within_milliseconds(
    heartbeat: HeartbeatWriter, tmp_path: Path, read: Read, until: Until
) -> None:
    until(lambda: read(tmp_path, "header"))
    heartbeat.record_tick()
    until(lambda: read(tmp_path, "tick"))


def test_ticks_of_many_threads_are_each_written_once_in_order_of_seq(
    tmp_path: Path, read: Read
) -> None:
    def turn() -> None:
        for _ in range(2000):
            heartbeat.record_tick({"custom": {"a": 1}})

    with HeartbeatWriter(tmp_path) as heartbeat:
        threads = [threading.Thread(target=turn) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [tick["seq"] for tick in read(tmp_path, "tick")] == list(range(1, 16_001))
    assert heartbeat.stats().dropped == 0


def test_coroutines_may_tick(tmp_path: Path, read: Read) -> None:
    async def turn(heartbeat: HeartbeatWriter) -> None:
        for _ in range(20):
            heartbeat.record_tick({"custom": {"a": 1}})
            await asyncio.sleep(0)

    async def engine() -> None:
        with HeartbeatWriter(tmp_path) as heartbeat:
            await asyncio.gather(*(turn(heartbeat) for _ in range(5)))

    asyncio.run(engine())
    assert len(read(tmp_path, "tick")) == 100


@pytest.mark.parametrize("engine", ["", "a/b", "../x", ".hidden", "a.b", "a b", "x" * 65, "é\n"])
def test_an_engine_name_that_cannot_name_a_file_is_refused(tmp_path: Path, engine: str) -> None:
    with pytest.raises(ValueError, match="engine"):
        HeartbeatWriter(tmp_path, engine)


@pytest.mark.parametrize("interval", [0, -1.0, float("nan"), float("inf")])
def test_an_interval_that_is_no_duration_is_refused(tmp_path: Path, interval: float) -> None:
    with pytest.raises(ValueError, match="interval_seconds"):
        HeartbeatWriter(tmp_path, interval_seconds=interval)


def test_an_empty_directory_and_empty_bounds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="directory"):
        HeartbeatWriter("")
    with pytest.raises(ValueError, match="queue_ticks"):
        HeartbeatWriter(tmp_path, queue_ticks=0)


def test_the_absolute_path_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    with caplog.at_level("INFO"), HeartbeatWriter("heartbeat") as heartbeat:
        for _ in range(3):
            heartbeat.record_tick()
    told = [record.getMessage() for record in caplog.records]
    assert told == [f"heartbeat goes to {tmp_path}/heartbeat/main-{heartbeat.stats().writer}.jsonl"]
