from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.monitor import COMMANDS

GOLDEN = Path(__file__).parent / "golden"
PAGE = (Path(__file__).parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"<!-- golden: (\S+) -->\n```text\n(.*?)```\n", PAGE, flags=re.DOTALL)


@pytest.mark.parametrize(("name", "shown"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_an_example_in_the_docs_is_what_the_command_prints(name: str, shown: str) -> None:
    assert shown == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_place_in_the_docs(command: str) -> None:
    assert f"monitor {command}" in PAGE
    assert len(EXAMPLES) >= 6
