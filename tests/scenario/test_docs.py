"""The guide's example is run, and fails as the guide says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from scripts.monitor import run
from scripts.scenario.model import Action, Aspect, State, Verdict
from scripts.scenario.parse_scenario import EVENT_KEYS, EXPECT_KEYS, SETTING_KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "scenarios.md").read_text(encoding="utf-8")


def test_the_example_does_what_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    example, shown = re.findall(r"```(?:toml|text)\n(.*?)```\n", PAGE, flags=re.DOTALL)
    (tmp_path / "example.toml").write_text(example, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["rules", "test", "example.toml"]) == 1
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize(
    "word",
    [
        *(*SETTING_KEYS, *EXPECT_KEYS, *EVENT_KEYS),
        *(word for words in (Action, State, Verdict, Aspect) for word in get_args(words)),
    ],
)
def test_the_guide_names_every_word_of_the_format(word: str) -> None:
    assert f"`{word}`" in PAGE
