from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.breeze_stub import Stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running
