"""The examples of the format's page, run as a reader would run them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from tickbeat import Tick
from tickbeat.record import GROUPS, RESERVED_GROUPS, Close, Header, Pulse

PAGE = (Path(__file__).parents[2] / "docs" / "heartbeat-format.md").read_text()
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))


def test_the_page_has_an_example_in_each_language() -> None:
    assert sorted(EXAMPLES) == ["node", "perl", "sh"]


@pytest.mark.parametrize("interpreter", ["node", "perl", "sh"])
def test_an_example_in_another_language_writes_ticks(tmp_path: Path, interpreter: str) -> None:
    if shutil.which(interpreter) is None:
        pytest.skip(f"there is no {interpreter} here")
    flag = {"node": "-e", "perl": "-e", "sh": "-c"}[interpreter]
    environment = {**os.environ, "HEARTBEAT": str(tmp_path / "heartbeat")}
    subprocess.run([interpreter, flag, EXAMPLES[interpreter]], check=True, env=environment)
    text = (tmp_path / "heartbeat" / "main.jsonl").read_bytes()
    assert text.endswith(b"\n")
    ticks = [msgspec.json.decode(line, type=Tick) for line in text.splitlines()]
    assert ticks[0] == Tick()
    assert len(ticks) == 3
    assert all(tick != Tick() for tick in ticks[1:])


def test_the_lines_shown_are_lines_of_their_kind() -> None:
    shown = re.findall(r"```json\n(.*?)\n```", PAGE, re.DOTALL)
    records = [msgspec.json.decode(line, type=Header | Pulse | Close) for line in shown]
    assert [type(record) for record in records] == [Header, Pulse, Close]


def test_the_page_names_every_group_and_field() -> None:
    for group, fields in GROUPS.items():
        (row,) = re.findall(rf"^\| `{group}` \|.*$", PAGE, re.MULTILINE)
        assert set(fields.__struct_fields__) <= set(re.findall(r"`(\w+)`", row)), group
    for group in RESERVED_GROUPS:
        assert f"`{group}`" in PAGE
