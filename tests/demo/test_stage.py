"""The demo's stage: it wipes nothing that is not its own, and leaves no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.paper.stage import MARKER, PROJECT, Stage, StageError, take_home

ON_STAGE = """\
import subprocess, sys, time
from pathlib import Path
from scripts.paper.stage import Stage

# A family of the shape that a killed honcho leaves: a parent, and a child that ignores SIGTERM.
FAMILY = '''
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(60)
'''

with Stage(Path(sys.argv[1])) as stage:
    parent = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, text=True)
    print(parent.pid, parent.stdout.readline().strip(), flush=True)
    parent.kill()
    parent.wait()
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in {"Z", "X"}


def wait_for(happened: Callable[[], bool], seconds: float = 60.0) -> bool:
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def test_a_folder_with_strange_files_is_not_wiped(tmp_path: Path) -> None:
    book = tmp_path / "my_book.xlsx"
    book.write_text("years of work")

    with pytest.raises(StageError, match="holds files that are not the demo's"):
        take_home(tmp_path)

    assert book.read_text() == "years of work"


@pytest.mark.parametrize("kind", ["file", "symlink"])
def test_a_home_that_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "home"
    if kind == "file":
        home.write_text("")
    else:
        home.symlink_to(tmp_path)

    with pytest.raises(StageError, match="is not a folder of the demo"):
        take_home(home)


def test_its_own_folder_is_emptied_and_links_in_it_are_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("")
    home = tmp_path / "home"
    (home / "data" / "heartbeat").mkdir(parents=True)
    (home / "monitor.toml").write_text("")
    (home / MARKER).write_text("")
    (home / "link").symlink_to(outside)

    os.close(take_home(home))

    assert [entry.name for entry in home.iterdir()] == [MARKER]
    assert (outside / "kept").exists()


def test_a_second_demo_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = take_home(tmp_path)
    try:
        with pytest.raises(StageError, match="another demo is running"):
            take_home(tmp_path)
    finally:
        os.close(lock)


def test_the_operators_settings_do_not_reach_the_demo(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "home")

    names = {name for name in stage.environ if name.startswith("MONITOR_")}
    assert names == {"MONITOR_HOME"}
    assert stage.environ["PATH"].startswith(f"{Path(sys.executable).parent}{os.pathsep}")


@pytest.mark.skipif(sys.platform != "linux", reason="adopting orphans is prctl(2), Linux only")
def test_leaving_the_stage_ends_what_a_killed_child_left_behind(tmp_path: Path) -> None:
    script = tmp_path / "on_stage.py"
    script.write_text(textwrap.dedent(ON_STAGE))

    done = subprocess.run(
        [sys.executable, script, tmp_path / "home"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    )

    for pid in done.stdout.split():
        assert not is_running(int(pid))


@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is signalled on Linux only")
def test_the_engine_does_not_outlive_a_killed_demo(tmp_path: Path) -> None:
    script = tmp_path / "on_stage.py"
    script.write_text(
        "import sys, time\n"
        "from pathlib import Path\n"
        "from scripts.paper.stage import Stage\n"
        "with Stage(Path(sys.argv[1])) as stage:\n"
        "    stage.start_engine('--days', '9')\n"
        "    print(stage.engine.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, script, tmp_path / "home"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
    ) as demo:
        try:
            assert demo.stdout is not None
            engine = int(demo.stdout.readline())
            heartbeat = tmp_path / "home" / "data" / "heartbeat"
            assert wait_for(lambda: any(heartbeat.glob("*.jsonl")))
            os.kill(engine, signal.SIGSTOP)
        finally:
            demo.kill()

    assert wait_for(lambda: not is_running(engine))


def test_a_process_that_dies_is_told_with_the_end_of_what_it_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "home")
    stage.processes_log.parent.mkdir(parents=True)
    stage.start_engine("--bars", str(tmp_path / "nowhere"))
    assert stage.engine is not None
    stage.engine.wait(60)

    with pytest.raises(StageError, match="the paper engine ended by itself") as told:
        stage.check_alive()

    assert "is not a folder: give --bars a folder" in str(told.value)
