from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


def _load_stub() -> None:
    """Make `tests/breeze_stub.py` importable: with importlib mode no folder is on the path."""
    path = Path(__file__).parents[1] / "breeze_stub.py"
    spec = importlib.util.spec_from_file_location("breeze_stub", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["breeze_stub"] = module
    spec.loader.exec_module(module)


if "breeze_stub" not in sys.modules:
    _load_stub()

from breeze_stub import Stub  # noqa: E402 -- loaded just above


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running
