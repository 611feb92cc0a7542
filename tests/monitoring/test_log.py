"""Logs are structured and bounded, cost a process nothing, and obey nobody but us."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from monitoring.log_sinks import KEPT_FILES, JsonFile, Terminal, printable

BEGIN = """
import logging, os, sys, threading, warnings
from pathlib import Path
from monitoring.log import alert_log, monitoring_log, setup
folder = Path(sys.argv[1])
setup("collector", folder)
"""
FULL = Path("/dev/full")
"""Every write to it fails with ENOSPC (full(4))."""

Append = Callable[[JsonFile], None]


def run(folder: Path, script: str, expect: int = 0, **how: Any) -> str:
    """Run a process that logs; return what it said on stderr."""
    # A file, not `-c`: a traceback shows source lines, and values beside them, only of files.
    with tempfile.NamedTemporaryFile("w", suffix=".py") as source:
        source.write(BEGIN + script)
        source.flush()
        done = subprocess.run(
            [sys.executable, source.name, str(folder)],
            stderr=how.pop("stderr", subprocess.PIPE),
            stdout=subprocess.PIPE,
            check=False,
            timeout=60,
            **how,
        )
    assert done.returncode == expect, done.stderr
    assert done.stdout == b""
    return (done.stderr or b"").decode()


def lines(folder: Path, process: str = "collector") -> list[dict[str, Any]]:
    text = (folder / f"monitoring_{process}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def append() -> Iterator[Append]:
    """Return what logs through one file and through nothing else."""
    sinks: list[int] = []

    def to(file: JsonFile) -> None:
        sinks.append(logger.add(file.write, format="{exception}", catch=False))

    logger.remove()
    yield to
    for sink in sinks:
        logger.remove(sink)


def test_every_record_says_when_what_which_process_and_which_component(tmp_path: Path) -> None:
    run(
        tmp_path,
        "monitoring_log.bind(rows=3).info('packed {}', 'a day')\n"
        "alert_log.warning('breaker')\n"
        "monitoring_log.debug('too much')\n",
    )
    first, second = lines(tmp_path)
    timestamp = first.pop("timestamp")
    assert first == {
        "level": "INFO",
        "process": "collector",
        "component": "monitoring",
        "rows": 3,
        "message": "packed a day",
    }
    assert timestamp[10] == "T"
    assert timestamp[-6] in "+-"
    assert (second["component"], second["level"]) == ("alert", "WARNING")


def test_a_person_reads_short_lines_on_stderr(tmp_path: Path) -> None:
    said = run(tmp_path, "monitoring_log.warning('disk low')\n")
    assert said.endswith(" WARNING  collector: disk low\n")
    assert said.count("\n") == 1


def test_debug_is_logged_when_asked_for(tmp_path: Path) -> None:
    run(tmp_path, "setup('scheduler', folder, debug=True)\nmonitoring_log.debug('much')\n")
    assert [line["message"] for line in lines(tmp_path, "scheduler")] == ["much"]


def test_the_standard_library_and_warnings_come_here_too_and_chatter_does_not(
    tmp_path: Path,
) -> None:
    run(
        tmp_path,
        "logging.getLogger('apscheduler').info('chatter')\n"
        "logging.getLogger('apscheduler').error('job %s failed {x}', 'retention')\n"
        "logging.getLogger('other').log(35, 'odd level')\n"
        "warnings.warn('old call')\n",
    )
    job, odd, warning = lines(tmp_path)
    assert job["message"] == "apscheduler: job retention failed {x}"
    assert (job["component"], job["level"]) == ("monitoring", "ERROR")
    assert odd["message"] == "other: odd level"
    assert warning["message"].startswith("py.warnings: ")
    assert "old call" in warning["message"]


RAISE = """
def sign_in(password):
    if password:
        raise ValueError("refused")
def work():
    password = "CANARY-" + str(6 * 7)
    sign_in(password)
"""


@pytest.mark.parametrize(
    ("how", "expect"),
    [
        ("try:\n    work()\nexcept ValueError:\n    monitoring_log.exception('failed')\n", 0),
        ("try:\n    work()\nexcept ValueError:\n    logging.exception('failed')\n", 0),
        ("thread = threading.Thread(target=work)\nthread.start()\nthread.join()\n", 0),
        ("work()\n", 1),
    ],
    ids=["caught", "standard library", "thread", "uncaught"],
)
def test_a_traceback_is_logged_whole_but_without_the_values_of_variables(
    tmp_path: Path, how: str, expect: int
) -> None:
    said = run(tmp_path, RAISE + how, expect)
    (line,) = lines(tmp_path)
    for text in (line["exception"], said):
        assert "Traceback (most recent call last)" in text
        assert "in sign_in" in text
        assert 'raise ValueError("refused")' in text
        assert "ValueError: refused" in text
        assert "CANARY-42" not in text
    assert line["level"] in ("ERROR", "CRITICAL")


def test_a_process_that_is_interrupted_leaves_no_traceback(tmp_path: Path) -> None:
    run(tmp_path, "monitoring_log.info('up')\nraise KeyboardInterrupt\n", -2)
    assert [line["message"] for line in lines(tmp_path)] == ["up"]


def test_the_file_and_its_folder_are_closed_to_strangers(tmp_path: Path) -> None:
    run(tmp_path / "logs", "monitoring_log.info('up')\n")
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) & 0o007 == 0
    assert stat.S_IMODE((tmp_path / "logs/monitoring_collector.jsonl").stat().st_mode) & 0o007 == 0


HOSTILE = "a\x1b[2J\x07\r\nfake line\x7f\x9b31m\u202egnp.exe\u2028 ₹ {x}"


def test_control_characters_from_strangers_are_escaped_and_no_line_can_be_forged(
    tmp_path: Path,
) -> None:
    script = f"monitoring_log.bind(symbol={HOSTILE!a}).info('{{}}', {HOSTILE!a})\n"
    script += f"try:\n    raise ValueError({HOSTILE!a})\n"
    script += f"except ValueError:\n    monitoring_log.bind(k={HOSTILE!a}).exception('x')\n"
    said = run(tmp_path, script)
    escaped = "a\\x1b[2J\\x07\\r\\nfake line\\x7f\\x9b31m\\u202egnp.exe\\u2028 ₹ {x}"
    assert said.splitlines()[0].endswith(f": {escaped}")
    assert said.replace("\n", "").isprintable()

    raw = (tmp_path / "monitoring_collector.jsonl").read_text()
    assert raw.count("\n") == 2
    assert raw.replace("\n", "").isprintable()
    first = lines(tmp_path)[0]
    assert first["message"] == first["symbol"] == HOSTILE  # escaped, not lost
    assert "₹" in raw


def test_printable_leaves_what_can_be_shown_alone() -> None:
    assert printable("P&L −₹18,400 ▁▃▂ naïve 日本") == "P&L −₹18,400 ▁▃▂ naïve 日本"
    assert printable("\ud800\U000e0041") == "\\ud800\\U000e0041"


def test_values_that_json_has_no_form_for_are_logged_as_text(tmp_path: Path) -> None:
    run(
        tmp_path,
        "monitoring_log.bind(path=Path('/a'), big=10**30).info('one')\n"
        "monitoring_log.bind(name=os.fsdecode(b'\\xff')).info('two')\n",
    )
    one, two = lines(tmp_path)
    assert (one["path"], one["message"]) == ("/a", "one")
    assert (two["name"], two["message"]) == ("\udcff", "two")


def test_a_full_disk_costs_lines_which_are_counted_and_nothing_else(
    small_disk: Path, fill: Callable[[Path], None], append: Append
) -> None:
    told: list[str] = []
    path = small_disk / "monitoring_collector.jsonl"
    append(JsonFile(path, told.append))
    logger.info("before")
    fill(small_disk)
    for number in range(200):  # until the block begun is full, and long after
        logger.info("x" * 1000, number)
    assert told == [f"log lines are lost: {path} can't be written (No space left on device)"]

    (small_disk / "filler").unlink()
    logger.info("after")
    assert len(told) == 2
    assert told[1].startswith(f"{path} is written again; ")
    read = path.read_text().splitlines()
    whole = [line for line in read if line.endswith("}")]
    lost = int(told[1].split("; ")[1].split(" ")[0])
    assert json.loads(whole[0])["message"] == "before"
    assert json.loads(read[-1])["message"] == "after"
    assert len(whole) - 2 + lost == 200
    assert len(read) - len(whole) <= 1  # at most one is torn, and it stands on a line of its own


def test_a_device_that_is_full_does_not_raise_into_the_process(tmp_path: Path) -> None:
    if not FULL.exists():
        pytest.skip("there is no /dev/full here")
    with FULL.open("wb") as full:
        run(tmp_path, "for _ in range(3000): monitoring_log.info('x' * 100)\n", stderr=full)
    assert len(lines(tmp_path)) == 3000


def test_a_folder_that_cannot_be_made_does_not_raise_into_the_process(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said = run(tmp_path / "file" / "logs", "monitoring_log.info('up')\nmonitoring_log.info('on')\n")
    assert said.count("log lines are lost") == 1
    assert "collector: up" in said
    assert "collector: on" in said


def test_a_symlink_and_a_pipe_in_place_of_the_file_are_not_written_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    (tmp_path / "monitoring_collector.jsonl").symlink_to(target)
    assert "log lines are lost" in run(tmp_path, "monitoring_log.info('up')\n")
    assert target.read_text() == "precious"

    (tmp_path / "monitoring_collector.jsonl").unlink()
    os.mkfifo(tmp_path / "monitoring_collector.jsonl")  # opening one for writing would hang
    assert "log lines are lost" in run(tmp_path, "monitoring_log.info('up')\n")


@pytest.mark.fault("P6")
def test_a_terminal_that_is_stuck_holds_up_neither_the_process_nor_its_end(tmp_path: Path) -> None:
    reader, writer = os.pipe()  # never read
    began = time.monotonic()
    with os.fdopen(writer, "wb") as stuck:
        run(tmp_path, "for _ in range(5000): monitoring_log.info('x' * 100)\n", stderr=stuck)
    assert time.monotonic() - began < 50
    os.close(reader)
    assert len(lines(tmp_path)) == 5000


def test_a_reader_of_stderr_that_goes_away_does_not_end_the_process(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as broken:
        run(tmp_path, "for _ in range(50): monitoring_log.info('on')\n", stderr=broken)
    assert len(lines(tmp_path)) == 50


def test_lines_that_a_stuck_terminal_did_not_take_are_counted_once_it_goes_on() -> None:
    reader, writer = os.pipe()
    terminal = Terminal(writer, capacity=10)
    long = "x" * 4095
    for _ in range(100):
        terminal.say(long)
    received, taken, missing = b"", 0, 0
    while taken + missing < 100:
        received += os.read(reader, 65536)
        said = received.rpartition(b"\n")[0].decode().splitlines()
        taken = said.count(long)
        missing = sum(int(line.split()[0]) for line in said if "log lines are missing" in line)
    assert missing > 0
    assert taken + missing == 100
    terminal.close()
    os.close(writer)
    assert os.read(reader, 65536) == b""
    os.close(reader)


def test_a_terminal_that_somebody_made_non_blocking_gets_every_line() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    terminal = Terminal(writer)
    for number in range(100):
        terminal.say(f"{number} {'x' * 4000}")
    received = b""
    while received.count(b"\n") < 100:
        received += os.read(reader, 4096)
    terminal.close()
    os.close(reader)
    os.close(writer)
    numbers = [int(line.split()[0]) for line in received.decode().splitlines()]
    assert numbers == list(range(100))


def test_the_file_is_rotated_by_size_and_the_oldest_goes(tmp_path: Path, append: Append) -> None:
    path = tmp_path / "monitoring_collector.jsonl"
    append(JsonFile(path, pytest.fail, largest_bytes=1000))
    for number in range(100):
        logger.info("{}", number)
    files = [path] + [path.with_suffix(f".{n}.jsonl") for n in range(1, KEPT_FILES)]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(0 < file.stat().st_size <= 1000 for file in files)
    numbers = [
        int(json.loads(line)["message"])
        for file in reversed(files)
        for line in file.read_text().splitlines()
    ]
    assert numbers == list(range(numbers[0], 100))  # the newest, in order, without a gap
    assert numbers[0] > 0


def test_a_process_that_starts_again_goes_on_in_the_same_file(tmp_path: Path) -> None:
    for word in ("first", "second"):
        run(tmp_path, f"monitoring_log.info('{word}')\n")
    assert [line["message"] for line in lines(tmp_path)] == ["first", "second"]


def test_a_line_larger_than_the_file_may_be_is_still_written(
    tmp_path: Path, append: Append
) -> None:
    path = tmp_path / "monitoring_collector.jsonl"
    append(JsonFile(path, pytest.fail, largest_bytes=100))
    logger.info("x" * 500)
    logger.info("y" * 500)
    assert json.loads(path.read_text())["message"] == "y" * 500
    assert json.loads(path.with_suffix(".1.jsonl").read_text())["message"] == "x" * 500
