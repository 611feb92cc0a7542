"""The tester is tested: by scenarios that must pass, must fail, and must be refused.

A file's name ends in its verdict. What is printed of those that fail or are refused lies beside
them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest

from scripts.monitor import run
from scripts.scenario.library import Library
from scripts.scenario.model import Action

FILES = Path(__file__).parent / "files"
CODES = {"good": 0, "fails": 1, "bad": 2}


def names(*verdicts: str) -> list[str]:
    paths = [path.name for path in FILES.glob("*.toml") if path.name.split(".")[1] in verdicts]
    assert paths
    return sorted(paths)


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run the command in the folder of the files; return its exit code and what it printed."""
    monkeypatch.chdir(FILES)
    monkeypatch.setenv("NO_COLOR", "1")

    def test(*arguments: str) -> tuple[int, str, str]:
        code = run(["rules", "test", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return test


@pytest.mark.parametrize("name", names("good", "fails", "bad"))
def test_the_exit_code_is_that_of_the_verdict(name: str, printed) -> None:
    assert printed(name)[0] == CODES[name.split(".")[1]]


@pytest.mark.parametrize("name", names("fails", "bad"))
def test_every_difference_and_every_fault_is_printed(name: str, printed) -> None:
    _, out, err = printed(name)
    golden = FILES / name.replace(".toml", ".txt")
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(out + err, encoding="utf-8")
    assert out + err == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names("good", "fails"))
def test_the_record_says_the_same_as_the_text(name: str, printed) -> None:
    code, out, _ = printed(name, "--json")
    (record,) = json.loads(out)
    text = printed(name)[1]
    assert record["verdict"] == {0: "ok", 1: "failed"}[code]
    assert record["file"] == name
    for scenario in record["scenarios"]:
        assert (f'"{scenario["name"]}" (line {scenario["line"]})' in text) != scenario["ok"]
        for failed in scenario["failed"]:
            assert f"{failed['rule']} (line {failed['line']})" in text
            assert all(one["seen"] in text for one in failed["differences"])


def test_the_record_of_a_faulty_file_has_its_faults(printed) -> None:
    code, out, _ = printed("--json", "rules.bad.toml", "new_home.good.toml")
    faulty, good = json.loads(out)
    assert (code, faulty["verdict"], good["verdict"]) == (2, "faulty", "ok")
    assert faulty["faults"][1] | {"reason": ""} == {
        "file": "rules.bad.toml",
        "line": 6,
        "column": 10,
        "rule": "mine",
        "reason": "",
        "hint": "pnl.daily",
    }


def test_a_folder_is_all_its_files_and_one_that_fails_fails_all(printed, tmp_path: Path) -> None:
    for name in names("good", "fails"):
        (tmp_path / name).write_bytes((FILES / name).read_bytes())
    code, out, err = printed(str(tmp_path))
    assert code == 1
    assert out.count("ok      ") == 3
    assert err == "1 of 4 files failed.\n"


def test_a_folder_without_files_is_no_success(printed, tmp_path: Path) -> None:
    code, out, err = printed(str(tmp_path))
    assert (code, out, err) == (2, "", "There is no scenario file in there.\n")


def test_files_that_can_not_be_read_are_named(printed, tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    code, out, _ = printed("nosuch.toml", str(binary))
    assert code == 2
    assert "nosuch.toml:1:1: can't be read: No such file or directory" in out
    assert "binary.toml:1:1: is not UTF-8 text (byte 0)" in out


def test_rules_may_stand_in_a_file_of_their_own(printed, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "network_down"\nfor = "5s"\n')
    scenario = tmp_path / "s.toml"
    scenario.write_text(
        'rule = "network_down"\nrules = "rules.toml"\n[[scenario]]\nname = "quick"\n'
        "input.collector.network_up = false\n"
        'expect = [{ at = "0s", state = "pending" }, { at = "5s", state = "firing" }]\n'
    )
    assert printed(str(scenario))[0] == 0
    (tmp_path / "rules.toml").write_text('[[rule]]\nname = "network_down"\nfor = "soon"\n')
    code, out, _ = printed(str(scenario))
    assert code == 2
    assert "rules.toml:3:1: network_down: for must be a duration" in out
    (tmp_path / "rules.toml").write_bytes(b"\xff")
    assert "the rule file rules.toml is not UTF-8 text" in printed(str(scenario))[1]


def test_what_a_file_prints_can_not_drive_the_terminal(printed, tmp_path: Path) -> None:
    scenario = tmp_path / "s.toml"
    scenario.write_text(
        '[[scenario]]\nname = "\\u001b[2J"\n'
        'expect = [{ at = "0s", rule = "network_down", state = "firing" }]\n'
    )
    code, out, _ = printed(str(scenario))
    assert code == 1
    assert '"\\x1b[2J" (line 1)' in out


def test_the_good_files_show_every_event() -> None:
    files = [Library().scenarios(FILES / name) for name in names("good")]
    stories = [scenario for file in files for scenario in file.scenarios]
    assert {event.do for one in stories for event in one.events} == set(get_args(Action))
