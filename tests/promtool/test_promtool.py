"""Beside Prometheus: the same rules on the same series fire and resolve at the same times."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.promtool.engines import TABLE, Case, promtool_agrees, spans, tickbeat_spans

RULES_PAGE = Path(__file__).parents[2] / "docs" / "rules.md"

each_alike = pytest.mark.parametrize("alike", TABLE.case, ids=lambda one: one.name)
each_different = pytest.mark.parametrize("different", TABLE.difference, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def promtool() -> str:
    found = os.environ.get("PROMTOOL") or shutil.which("promtool")
    if found is None:
        pytest.skip("no promtool here (Debian: package prometheus; or PROMTOOL=path)")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", said)
    assert version is not None, said
    if tuple(map(int, version.groups())) < (2, 42):
        pytest.skip(f"promtool {version[1]}.{version[2]} knows no keep_firing_for (2.42 does)")
    return found


@each_alike
def test_tickbeat_fires_when_the_case_says(alike: Case) -> None:
    assert tickbeat_spans(alike) == spans(alike.fires, alike.seconds)


@each_alike
def test_prometheus_fires_at_the_same_times(alike: Case, promtool: str, tmp_path: Path) -> None:
    assert promtool_agrees(promtool, tmp_path, alike, tickbeat_spans(alike)) == ""


@each_different
def test_tickbeat_differs_on_purpose(different: Case) -> None:
    assert tickbeat_spans(different) == spans(different.fires, different.seconds)
    assert different.fires != different.prometheus


@each_different
def test_prometheus_does_what_the_difference_says(
    different: Case, promtool: str, tmp_path: Path
) -> None:
    theirs = spans(different.prometheus or [], different.seconds)
    assert promtool_agrees(promtool, tmp_path, different, theirs) == ""


def test_promtool_is_asked_in_earnest(promtool: str, tmp_path: Path) -> None:
    wrong = promtool_agrees(promtool, tmp_path, TABLE.case[0], [(10, 40)])
    assert "FAILED" in wrong
    assert "time: 40s" in wrong


def test_each_difference_is_in_the_guide() -> None:
    page = RULES_PAGE.read_text()
    missing = [one.name for one in TABLE.difference if f"`{one.name}`" not in page]
    assert not missing
    assert f"{len(TABLE.case)} rules and series" in page
    assert len(TABLE.case) >= 20
