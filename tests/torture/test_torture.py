from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.__main__ import torture
from tests.torture.play import Script


@pytest.mark.timeout(300)
def test_kills_stops_and_bad_disks_lose_nothing_and_invent_nothing(tmp_path: Path) -> None:
    """A short one; `make torture` kills a thousand times."""
    assert torture(Script(seed=20151012, kills=1000, most_seconds=8, hold_seconds=5), tmp_path)
