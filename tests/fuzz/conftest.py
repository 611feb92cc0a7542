"""How many examples a subject gets, and a folder for each.

`make test` tries the same few each time. `pytest tests/fuzz --hypothesis-profile=search` tries
ten times as many, others with each `--hypothesis-seed`: after a change to what reads a file.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import settings


def fewer(share: int) -> settings:
    """Return the settings for a test whose example costs so many times the usual one."""
    return settings(max_examples=max(10, settings().max_examples // share))


def emptied(factory: pytest.TempPathFactory) -> Path:
    """Return the same folder each time, empty: hypothesis calls a test many times."""
    root = factory.getbasetemp() / "fuzzed"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    return root
