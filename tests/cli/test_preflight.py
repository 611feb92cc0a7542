"""`monitor preflight` on homes in which something is ready, or not."""

from __future__ import annotations

import json
import os

import msgspec
import pytest

from monitoring.calendar import AlwaysOpen
from monitoring.config import Calendar, Channel
from monitoring.drills import Drilled, note_drills
from monitoring.snapshot import BreezeStatus
from scripts.cli.look import look
from scripts.cli.preflight import preflight_lines, preflight_of
from scripts.cli.terminal import PLAIN, render
from tests.cli.conftest import AT, CONFIG, Everyone, House, before

MINE = msgspec.structs.replace(
    CONFIG,
    calendar=Calendar(name="always"),
    chosen=("limits.daily_loss_pct", "limits.position_value"),
)


def ready(house: House) -> None:
    house.process("collector", pid=4100, config=MINE)
    house.process("scheduler", pid=4101, config=MINE)
    house.snapshot(
        artifacts={"teacher_model_age_hours": 5.2, "student_model_age_hours": 6.0},
        breeze=BreezeStatus(
            status="authenticated", clock_ahead_seconds=0.3, key_left_seconds=47_873.0
        ),
    )
    house.home.heartbeat.mkdir(parents=True)


def text_of(house: House, *dead: int) -> str:
    seen = look(house.home, house.at, Everyone(*dead))
    answer = preflight_of(seen, AlwaysOpen("Asia/Kolkata"))
    lines = "".join(render(line, PLAIN) + "\n" for line in preflight_lines(answer))
    return lines.replace(str(house.home.root), "/srv/monitor")


def test_when_all_is_ready_it_says_go(house: House, golden) -> None:
    ready(house)
    golden("preflight_go.txt", text_of(house))


def test_every_no_go_comes_first_with_what_to_do(house: House, golden) -> None:
    house.process("collector", pid=4100)
    house.process("scheduler", pid=4101)
    house.snapshot(breeze=BreezeStatus(status="session_expired", clock_ahead_seconds=-61.0))
    golden("preflight_no_go.txt", text_of(house, 4101))


WELL = Drilled(before(AT, 7200))


@pytest.mark.parametrize(
    ("drilled", "verdict", "said"),
    [
        ({}, "caution", "never on phone, mail"),
        ({"phone": WELL}, "caution", "never on mail"),
        ({"phone": WELL, "mail": WELL, "gone": Drilled(AT, "x")}, "go",
         "every channel confirmed, 2h ago"),
        ({"phone": WELL, "mail": Drilled(AT, "HTTP 403")}, "caution",
         "mail did not confirm the last one: HTTP 403"),
        ({"phone": WELL, "mail": Drilled(before(AT, 8 * 86_400))}, "caution",
         "the last one was 8d ago"),
    ],
)  # fmt: skip
def test_a_channel_that_was_not_drilled_for_a_week_is_a_caution(
    house: House, drilled: dict[str, Drilled], verdict: str, said: str
) -> None:
    ready(house)
    channels = {"phone": Channel(kind="telegram", chat="1"), "mail": Channel(kind="apprise")}
    config = msgspec.structs.replace(MINE, channels=channels)
    house.process("scheduler", pid=4101, config=config)
    house.process("collector", pid=4100, config=config)
    note_drills(house.home, drilled)
    answer = preflight_of(look(house.home, house.at, Everyone()), AlwaysOpen("Asia/Kolkata"))
    (check,) = [check for check in answer.checks if check.subject == "drill"]
    assert (check.verdict, check.what) == (verdict, said)
    assert answer.go


def test_the_exit_code_is_the_verdict(now_house: House, monitor) -> None:
    ready(now_house)
    for name in ("collector", "scheduler"):
        now_house.process(name, pid=os.getpid(), config=MINE)
    go = monitor("preflight", "--json")
    assert go.returncode == 0, go.stdout
    assert json.loads(go.stdout)["go"] is True
    now_house.home.heartbeat.rmdir()
    no_go = monitor("preflight")
    assert no_go.returncode == 2
    assert no_go.stdout.startswith("NO-GO")
    assert "data/heartbeat is not there" in no_go.stdout


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_heartbeat_folder_that_can_not_be_written_is_a_no_go(house: House) -> None:
    ready(house)
    house.home.heartbeat.chmod(0o500)
    assert "can't be written by this user" in text_of(house)


def test_before_anything_ran_there_is_nothing_to_say(monitor) -> None:
    done = monitor("preflight")
    assert done.returncode == 3
    assert "monitor init" in done.stderr
