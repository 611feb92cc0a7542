"""`monitor oncall`: who is on call, what is wrong with oncall.toml, and who takes whose place."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from monitoring.home import Home
from monitoring.oncall import OnCall
from monitoring.oncall_file import load
from monitoring.oncall_policy import default_policies
from scripts.cli.oncall_text import now_of, now_screen, week_of, week_screen
from scripts.cli.terminal import PLAIN, Line, render
from scripts.monitor import run

Golden = Callable[[str, str], None]
Said = Callable[..., tuple[int, str, str]]

CHANNELS = ("phone", "mail", "ravi_phone")
PAGE = (Path(__file__).parents[2] / "docs" / "notifications.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"```toml\n(\[people.*?)```\n", PAGE, flags=re.DOTALL)
NIGHT = """
[[rotation]]
name = "night"
people = ["ravi", "asha"]
every = "day"
at = "18:00"
timezone = "Europe/London"
start = 2026-11-02
"""


def ms(moment: str) -> int:
    local = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Kolkata"))
    return round(local.timestamp() * 1000)


def text(lines: list[Line]) -> str:
    return "".join(render(line, PLAIN) + "\n" for line in lines)


@pytest.fixture
def example() -> OnCall:
    """Return what the page says, and a second rotation."""
    return load(EXAMPLE + NIGHT, "oncall.toml", CHANNELS, "Asia/Kolkata")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path)
    home.settings.write_text(
        "".join(
            f'[channels.{one}]\nkind = "apprise"\nurl = "json://localhost"\n' for one in CHANNELS
        )
    )
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    return home


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    """Run `monitor oncall …`; return its exit code and what it printed."""

    def say(*arguments: str) -> tuple[int, str, str]:
        code = run(["oncall", *arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return say


def test_now_and_week_are_for_a_tired_human(golden: Golden, example: OnCall) -> None:
    now_ms = ms("2026-11-08T22:42")
    golden("oncall_now.txt", text(now_screen(now_of(example, (), now_ms))))
    golden("oncall_week.txt", text(week_screen(week_of(example, now_ms))))


def test_during_an_override_it_says_so_and_until_when(example: OnCall) -> None:
    first = text(now_screen(now_of(example, (), ms("2026-11-10T10:00")))).splitlines()[0]
    assert first.startswith("desk   asha (override) until Wed 11 Nov 09:00 IST, then ravi")


def test_a_rotation_of_one_person_has_no_end() -> None:
    one = EXAMPLE.replace('people = ["asha", "ravi"]', 'people = ["asha"]')
    found = load(one, "oncall.toml", CHANNELS, "Asia/Kolkata")
    (duty,) = now_of(found, (), ms("2026-12-10T10:00")).duties
    assert (duty.person, duty.until, duty.next) == ("asha", None, None)


def test_without_a_file_it_says_what_holds_and_what_to_write(home: Home, said: Said) -> None:
    code, out, _ = said("now")
    assert code == 0
    assert "default: CRITICAL alert while positions are open or unknown that nobody takes" in out
    assert re.search(r"after +10m +phone, mail, and every 15m after that", out)
    assert f"for several people write {home.oncall}: docs/notifications.md" in out
    for command in ("week", "check"):
        code, out, _ = said(command)
        assert (code, "docs/notifications.md" in out) == (0, True)
    code, _, err = said("override", "ravi", "--to", "tomorrow")
    assert (code, "There is no rotation." in err) == (1, True)


def test_without_a_channel_it_says_that_nobody_is_told(home: Home, said: Said) -> None:
    home.settings.write_text("")
    assert "No channel is set: nobody is told." in said("now")[1]


def test_what_holds_alone_can_be_written_as_a_policy(home: Home) -> None:
    steps = "".join(
        f'[[policy.step]]\nwhom = ["phone", "mail"]\nafter = "{after}"\n'
        for after in ("2m", "5m", '10m"\nrepeat = "15m')
    )
    policy = f'[[policy]]\nseverity = "CRITICAL"\nexposed = true\n{steps}'
    (written,) = load(policy, "oncall.toml", CHANNELS, "Asia/Kolkata").policies
    (default,) = default_policies(CHANNELS)
    assert (written.steps, written.exposed, written.severity) == (
        default.steps, default.exposed, default.severity
    )  # fmt: skip


def test_the_example_of_the_docs_is_in_order_and_json_says_the_same(home: Home, said: Said) -> None:
    home.oncall.write_text(EXAMPLE)
    code, out, _ = said("check")
    assert code == 0
    assert out == f"in order: {home.oncall}, 2 people, 1 rotation, 1 policy\n"
    assert json.loads(said("check", "--json")[1])["ok"] is True
    (duty,) = json.loads(said("now", "--json")[1])["duties"]
    assert duty["rotation"] == "desk"
    assert json.loads(said("week", "--json")[1])[0]["person"] in {"asha", "ravi"}


def test_check_knows_settings_and_rules_and_names_every_fault(home: Home, said: Said) -> None:
    home.rules.write_text('[[rule]]\nname = "mine"\n')
    broken = EXAMPLE.replace('# rule = ["disk_low"]', 'rule = ["mine", "disk_lo"]')
    home.oncall.write_text(broken.replace('"ravi_phone"]', '"ravis_phone"]'))
    code, out, err = said("check")
    assert code == 1
    first, second = out.splitlines()
    assert first.endswith("people.ravi: unknown channel ravis_phone → did you mean ravi_phone?")
    assert second.endswith("policy 1: unknown rule disk_lo → did you mean disk_low?")
    assert err == "2 faults: what was in force before stays so.\n"
    code, _, err = said("now")
    assert (code, "monitor oncall check" in err) == (1, True)


def test_an_override_is_appended_and_in_force(home: Home, said: Said) -> None:
    home.oncall.write_text(EXAMPLE.rstrip())
    home.oncall.chmod(0o600)
    code, out, _ = said("override", "asha", "--from", "2199-11-09", "--to", "2199-11-10")
    assert code == 0
    assert out == (
        "done: asha is on call in desk, Sat 9 Nov 00:00 IST – Mon 11 Nov 00:00 IST\n"
    )  # fmt: skip
    written = home.oncall.read_text()
    assert written.startswith(EXAMPLE.rstrip())
    assert home.oncall.stat().st_mode & 0o777 == 0o600
    *_, last = load(written, "oncall.toml", CHANNELS, "Asia/Kolkata").overrides
    assert (last.person, last.from_ms, last.until_ms) == (
        "asha", ms("2199-11-09T00:00"), ms("2199-11-11T00:00")
    )  # fmt: skip
    done = json.loads(said("override", "ravi", "--to", "2199-01-01T08:00Z", "--json")[1])
    assert (done["person"], done["until"]) == ("ravi", "2199-01-01T08:00:00+00:00")
    # By default from now on; the next word counts.
    for person in ("ravi", "asha"):
        assert said("override", person, "--to", "tomorrow")[0] == 0
        assert f"{person} (override)" in said("now")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("rav", "--to", "tomorrow"), 1, "Did you mean ravi?"),
        (("ravi", "--to", "2020-01-01"), 1, "is past"),
        (("ravi", "--from", "2199-01-02", "--to", "2199-01-01T08:00"), 1, "To is not after from"),
        (("ravi", "--to", "next week"), 2, "is no moment"),
        (("ravi",), 2, "Missing option '--to'"),
        (("ravi", "--to", "tomorrow", "--rotation", "dsk"), 1, "There are: desk, night."),
        (("ravi", "--to", "tomorrow"), 1, "Name one with --rotation."),
    ],
)
def test_an_override_that_makes_no_sense_is_refused_and_nothing_written(
    home: Home, said: Said, arguments: tuple[str, ...], code: int, words: str
) -> None:
    several = EXAMPLE + NIGHT
    home.oncall.write_text(EXAMPLE if words.startswith(("Did", "is", "To")) else several)
    before = home.oncall.read_bytes()
    refused, _, err = said("override", *arguments)
    assert (refused, words in err) == (code, True)
    assert home.oncall.read_bytes() == before


def test_what_is_no_text_or_no_file_is_said(home: Home, said: Said) -> None:
    home.oncall.write_bytes(b"\xff")
    code, _, err = said("now")
    assert (code, "is not UTF-8 text (byte 0)" in err) == (3, True)
    home.oncall.unlink()
    home.oncall.mkdir()
    code, _, err = said("check")
    assert (code, f"Can't use {home.oncall}" in err) == (3, True)
