"""The alert log on disks that are full, read-only, failing, and under somebody else's hands."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evaluator.incident import Transition
from evaluator.instant import Instant
from monitoring.alert_fold import fold, read, scan
from monitoring.alert_log import AlertLog
from monitoring.ballast import Ballast

At = Callable[..., Instant]
Change = Callable[..., Transition]
NewLog = Callable[[], AlertLog]
DAY = 86_400
WRITER = Path(__file__).with_name("writer.py")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting and chattr +i need root")
needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
needs_chattr = pytest.mark.skipif(shutil.which("chattr") is None, reason="chattr is not installed")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=96k", "none", str(disk)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.fixture
def immutable() -> Iterator[Callable[[Path, bool], None]]:
    held: set[Path] = set()

    def change(path: Path, on: bool) -> None:
        done = subprocess.run(
            ["chattr", "+i" if on else "-i", str(path)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip(f"chattr does not work here: {done.stderr.decode().strip()}")
        (held.add if on else held.discard)(path)

    yield change
    for path in held:
        subprocess.run(["chattr", "-i", str(path)], check=True)


def test_files_and_folders_are_the_operators_alone(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    before = os.umask(0)
    try:
        new_log().append([change("a")], at(0), 1)
    finally:
        os.umask(before)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750


@pytest.mark.fault("A3")
@needs_root
@needs_chattr
def test_a_read_only_log_is_held_in_memory_and_caught_up_with_its_own_times(
    folder: Path,
    new_log: NewLog,
    at: At,
    change: Change,
    immutable: Callable[[Path, bool], None],
) -> None:
    log = new_log()
    assert log.append([change("a")], at(0), 1)
    (file,) = folder.iterdir()
    immutable(file, True)
    assert not log.append([change("b", 5)], at(5), 2)
    assert not log.append([change("c", 10)], at(10), 3)
    assert log.held == 2
    assert log.error is not None
    assert "Operation not permitted" in log.error

    reader = new_log()
    assert sorted(reader.written.states) == ["a"]

    immutable(file, False)
    assert log.flush()
    assert (log.held, log.error) == (0, None)
    lines = list(read(folder))
    assert [(line.rule, line.timestamp[11:19]) for line in lines[1:]] == [
        ("a", "12:00:00"), ("b", "12:00:05"), ("c", "12:00:10"),
    ]  # fmt: skip
    assert [line.seq for line in lines] == [1, 2, 3, 4]


@needs_root
@needs_chattr
def test_lines_held_over_midnight_each_land_in_the_file_of_their_date(
    folder: Path,
    new_log: NewLog,
    at: At,
    change: Change,
    immutable: Callable[[Path, bool], None],
) -> None:
    log = new_log()
    log.append([change("a")], at(0), 1)
    immutable(folder / "2025-10-12.jsonl", True)
    assert not log.append([change("b", 5)], at(5), 2)
    assert not log.append([change("c", DAY)], at(DAY), 3)
    immutable(folder / "2025-10-12.jsonl", False)
    assert log.flush()
    kinds = [(line.kind, line.rule) for line in read(folder)]
    assert kinds == [
        ("carry_end", ""), ("alert", "a"), ("alert", "b"),
        ("carry", "a"), ("carry", "b"), ("carry_end", ""), ("alert", "c"),
    ]  # fmt: skip
    assert sorted(fold(folder).states) == ["a", "b", "c"]


@pytest.mark.fault("A3")
@needs_root
@needs_chattr
def test_a_log_that_can_be_read_but_not_written_is_opened_and_says_so(
    folder: Path,
    new_log: NewLog,
    at: At,
    change: Change,
    immutable: Callable[[Path, bool], None],
) -> None:
    new_log().append([change("a")], at(0), 1)
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes() + b'{"id":"torn')
    immutable(file, True)
    log = new_log()
    assert sorted(log.written.states) == ["a"]
    assert log.error is not None
    immutable(file, False)
    assert log.append([change("b", 1)], at(1), 2)
    assert fold(folder).faults == []


@pytest.mark.fault("A7")
@needs_root
def test_a_full_disk_takes_the_ballast_and_writes_the_line(
    small_disk: Path, at: At, change: Change
) -> None:
    ballast = Ballast(small_disk / "ballast", 8_192)
    assert ballast.ensure()
    log = AlertLog(small_disk / "alerts", "main", "Asia/Kolkata", spare=ballast)
    log.open(at(0))
    assert log.append([change("a")], at(0), 1)
    fill_up(small_disk)

    assert log.append([change("b" * 1200, 1)], at(1), 2)
    assert not (small_disk / "ballast").exists()
    assert log.error is None
    assert sorted(fold(small_disk / "alerts").states) == ["a", "b" * 1200]


@needs_root
def test_a_full_disk_leaves_no_piece_of_a_line_in_the_log(
    small_disk: Path, at: At, change: Change
) -> None:
    log = AlertLog(small_disk / "alerts", "main", "Asia/Kolkata")
    log.open(at(0))
    log.append([change("a")], at(0), 1)
    (file,) = (small_disk / "alerts").iterdir()
    before = file.read_bytes()
    fill_up(small_disk)

    assert not log.append([change(f"rule_{number}", 1) for number in range(20)], at(1), 2)
    grown = file.read_bytes()
    assert len(grown) > len(before)  # the write was short, not refused
    assert grown.startswith(before)
    assert grown.endswith(b"\n")
    assert scan(grown).faults == {}


@needs_root
def test_a_short_write_on_a_full_disk_loses_and_doubles_nothing(
    small_disk: Path, at: At, change: Change
) -> None:
    log = AlertLog(small_disk / "alerts", "main", "Asia/Kolkata")
    log.open(at(0))
    log.append([change("a")], at(0), 1)
    filler = fill_up(small_disk)
    lines = [change(f"rule_{number}", 1) for number in range(20)]
    assert not log.append(lines, at(1), 2)
    assert not log.append([change("last", 2)], at(2), 3)
    assert log.held >= 2

    filler.unlink()
    assert log.flush()
    written = [line.rule for line in read(small_disk / "alerts") if line.kind == "alert"]
    assert written == ["a", *(f"rule_{number}" for number in range(20)), "last"]
    folded = fold(small_disk / "alerts")
    assert len(folded.states) == 22
    assert folded.faults == []


@needs_strace
def test_a_failed_sync_ends_the_process_instead_of_being_tried_again(tmp_path: Path) -> None:
    done = under_strace(tmp_path, "fdatasync:error=EIO:when=1")
    assert done.returncode == 7, done.stderr
    assert "could not be synced" in done.stdout


@needs_strace
def test_a_sync_that_finds_the_disk_full_is_tried_again(tmp_path: Path) -> None:
    done = under_strace(tmp_path, "fdatasync:error=ENOSPC:when=1")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("False 1 the alert log in")


@needs_strace
def test_the_first_line_syncs_the_file_and_then_its_folder(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-y", "-e", "trace=write,fdatasync,fsync", "-o", str(trace),
         sys.executable, str(WRITER), str(tmp_path / "alerts")],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    calls = [line.split(None, 1)[1] for line in trace.read_text().splitlines() if "alerts" in line]
    names = [call.split("(")[0] for call in calls if "jsonl" in call or call.startswith("fsync")]
    assert names[-3:] == ["write", "fdatasync", "fsync"]
    assert names.count("write") == 1


@needs_strace
def test_what_a_killed_process_may_not_have_synced_is_synced_before_it_is_built_on(
    new_log: NewLog, at: At, change: Change, folder: Path, tmp_path: Path
) -> None:
    new_log().append([change("a")], at(-DAY), 1)
    trace = tmp_path / "trace"
    subprocess.run(
        ["strace", "-f", "-e", "trace=write,fdatasync", "-P", str(folder / "2025-10-11.jsonl"),
         "-o", str(trace), sys.executable, str(WRITER), str(folder)],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    assert trace.read_text().count("fdatasync") == 1


@needs_strace
@pytest.mark.parametrize("when", range(1, 4))
def test_a_kill_at_any_of_its_calls_leaves_a_log_that_opens(
    new_log: NewLog, at: At, change: Change, folder: Path, when: int
) -> None:
    new_log().append([change("a")], at(-DAY), 1)
    call = ("write", "fdatasync", "fsync")[when - 1]
    done = under_strace(folder, f"{call}:signal=KILL:when=1", "-P", str(folder))
    assert done.returncode in (0, -signal.SIGKILL, 128 + signal.SIGKILL, 137)
    log = new_log()
    assert sorted(log.written.states) == ["a"]
    assert log.append([change("b")], at(1), 2)
    assert fold(folder).faults == []


def test_lines_that_were_acknowledged_survive_a_kill(folder: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from evaluator.instant import Instant\n"
        "from monitoring.alert_log import AlertLog, Notice\n"
        "log = AlertLog(Path(sys.argv[1]), 'main', 'Asia/Kolkata'); number = 0\n"
        "log.open(Instant(0, 0, 'b'))\n"
        "while True:\n"
        "    number += 1; at = Instant(1_760_250_600_000 + number, number, 'b')\n"
        "    log.append([Notice(kind='rule_error', reason=str(number))], at, number)\n"
        "    print(number, flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(50):
        told = int(process.stdout.readline())
    process.kill()
    told = max([told, *(int(line) for line in process.stdout.read().split() if line.isdigit())])
    process.wait()
    process.stdout.close()
    reasons = [line.reason for line in read(folder) if line.kind == "rule_error"]
    assert reasons[:told] == [str(number) for number in range(1, told + 1)]


def test_a_file_that_somebody_removed_is_begun_again_with_all_that_is_open(
    folder: Path, new_log: NewLog, at: At, change: Change
) -> None:
    log = new_log()
    log.append([change("a"), change("b")], at(0), 1)
    shutil.rmtree(folder)
    assert log.append([change("c", 1)], at(1), 2)
    assert sorted(fold(folder).states) == ["a", "b", "c"]


def test_a_symlink_in_the_place_of_the_file_is_not_followed(
    folder: Path, tmp_path: Path, new_log: NewLog, at: At, change: Change
) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    folder.mkdir(parents=True)
    (folder / "2025-10-12.jsonl").symlink_to(victim)
    log = new_log()
    assert not log.append([change("a")], at(0), 1)
    assert victim.read_text() == "precious"
    assert log.held == 1


def fill_up(disk: Path) -> Path:
    """Leave no byte free, and return the file that takes them."""
    filler = disk / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    deadline = time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            os.write(descriptor, b"x" * 512)
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return filler


def under_strace(folder: Path, inject: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the writer with one of its system calls failing."""
    call = inject.split(":", maxsplit=1)[0]
    return subprocess.run(
        ["strace", "-f", "-qq", "-e", f"trace={call}", "-e", f"inject={inject}", *more,
         "-o", "/dev/null", sys.executable, str(WRITER), str(folder)],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
