"""`monitor drill`: real processes in a home of its own, channels on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from monitoring.drills import read_drills
from monitoring.home import Home
from monitoring.settings import load
from scripts.cli.drill_home import channel_variables
from scripts.cli.drill_rule import TRIPPED
from scripts.monitor import run

Desk = Any
Serve = Callable[..., Any]


@pytest.fixture
def temporary(desk: Desk, tmp_path: Path) -> Path:
    """Return the folder in which the drill makes its home."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    desk.environ["TMPDIR"] = str(folder)
    return folder


@pytest.fixture
def unfollowed(desk: Desk) -> None:
    """Let coverage follow none of its processes: one drill is enough, and others are killed."""
    desk.environ = {k: v for k, v in desk.environ.items() if not k.startswith("COV")}


def test_the_channels_of_a_drill_are_settings_that_hold_without_who_may_press_buttons(
    tmp_path: Path,
) -> None:
    given = {
        "MONITOR_CHANNELS__PHONE__KIND": "telegram", "MONITOR_CHANNELS__PHONE__TOKEN": "1:T",
        "MONITOR_CHANNELS__PHONE__CHAT": "7", "MONITOR_CHANNELS__PHONE__USERS": "7:Asha:read",
        "MONITOR_CHANNELS__PHONE__SEVERITY": "CRITICAL",
    }  # fmt: skip
    home = Home(tmp_path)
    found = channel_variables(load(home, given), ("phone",), home)
    channel = load(home, found).config.channels["phone"]
    assert (channel.chat, channel.severity, channel.users) == ("7", "CRITICAL", ())


def files_of(home: Path) -> set[str]:
    return {str(path.relative_to(home)) for path in home.rglob("*") if path.is_file()}


def at_work_below(folder: Path) -> list[str]:
    """Return which processes stand in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd").startswith(str(folder)):
                found.append((process / "cmdline").read_bytes().decode())
        except OSError:
            continue
    return found


def test_a_drill_goes_through_the_chain_to_every_channel_and_is_never_taken_for_an_alert(
    desk: Desk, serve: Serve, temporary: Path
) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=f"{server.url}/CANARY")
    desk.channel("phone", kind="telegram", token="1:CANARY", chat="7", base_url=server.url)
    desk.channel("trial", kind="file", path="logs/told.txt", severity="CRITICAL")
    server.always.body = b'{"ok":true}'
    before = files_of(desk.home.root)
    done = desk.monitor("drill", "--rule", "position_limit_breached", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    hops = [json.loads(line) for line in done.stdout.splitlines()]
    on_the_way = ["tick written", "collected", "alert line", "planned"]
    for phase in ("firing", "resolved"):
        reached = [hop for hop in hops if hop["phase"] == phase]
        assert [hop["hop"] for hop in reached[:4]] == on_the_way
        assert sorted(hop["hop"] for hop in reached[4:]) == ["hook", "phone", "trial"]
        times = [hop["milliseconds"] for hop in reached[:4]]
        assert times == sorted(times)
        assert all(hop["milliseconds"] >= times[-1] for hop in reached[4:])

    told = [one.body for one in server.requests if one.path == "/CANARY"]
    assert [(one["status"], one["drill"]) for one in told] == [("firing", True), ("resolved", True)]
    titles = [one["title"] for one in told]
    assert titles == [
        "DRILL CRITICAL position_limit_breached (main)",
        "DRILL RESOLVED position_limit_breached (main)",
    ]
    assert all(one["text"].startswith("This is a drill (`monitor drill`)") for one in told)
    texts = [one.body["text"] for one in server.requests if "chat_id" in one.body]
    assert [text.splitlines()[0] for text in texts] == [f"<b>{title}</b>" for title in titles]

    # All that is left of it: what the channel in a file was told, and when it ended well.
    assert files_of(desk.home.root) - before == {"logs/told.txt", "data/state/drills"}
    noted = {name: one.reason for name, one in read_drills(desk.home).items()}
    assert noted == {"hook": "", "phone": "", "trial": ""}
    assert list(temporary.iterdir()) == []
    assert at_work_below(temporary) == []


def test_a_channel_that_does_not_confirm_is_named_with_the_reason(
    desk: Desk, serve: Serve, temporary: Path, unfollowed: None
) -> None:
    fine, refusing, broken = serve(), serve(), serve()
    refusing.always.code, broken.always.code = 403, 500
    desk.channel("fine", kind="webhook", url=fine.url)
    desk.channel("refusing", kind="webhook", url=refusing.url)
    desk.channel("broken", kind="webhook", url=broken.url)
    done = desk.monitor("drill", "--rule", "daily_loss_exceeded")
    assert done.returncode == 2
    lines = done.stdout.splitlines()
    assert lines[0] == "DRILL daily_loss_exceeded (main) to broken, fine, refusing"
    assert sorted(line for line in lines if line.startswith("NOT")) == [
        "NOT  firing    broken        HTTP 500",
        "NOT  firing    refusing      HTTP 403",
    ]
    # Who was told that it fires is told of the end of it.
    assert [one.body["status"] for one in fine.requests] == ["firing", "resolved"]
    assert (len(refusing.requests), len(broken.requests)) == (1, 2)
    noted = {name: one.reason for name, one in read_drills(desk.home).items()}
    assert noted == {"fine": "", "refusing": "HTTP 403", "broken": "HTTP 500"}


def test_a_drill_that_is_interrupted_leaves_nothing_behind(
    desk: Desk, temporary: Path, unfollowed: None
) -> None:
    desk.channel("trial", kind="file", path="told.txt")
    child = subprocess.Popen(
        [sys.executable, "-m", "scripts.monitor", "drill"],
        env=desk.environ, cwd=desk.home.root,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip
    desk.running.append(child)
    desk.wait(lambda: len(at_work_below(temporary)) == 3, "the drill's processes")
    child.send_signal(signal.SIGTERM)
    _, said = child.communicate(timeout=60)
    assert (child.returncode, said) == (130, b"")
    assert at_work_below(temporary) == []
    assert list(temporary.iterdir()) == []


def test_what_a_drill_cannot_do_is_refused_in_words(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MONITOR_HOME", str(desk.home.root))

    def refused(*arguments: str) -> str:
        assert run(["drill", *arguments]) == 2
        return capsys.readouterr().err

    assert "No channel is set." in refused()
    said = refused("--rule", "heartbeat_lapsed")
    assert all(rule in said for rule in ("heartbeat_lapsed", *TRIPPED))
    desk.home.settings.write_text('[channels.trial]\nkind = "file"\npath = "told.txt"\n')
    said = refused("--channel", "phone")
    assert "There is no channel phone." in said
    assert "There are: trial." in said
