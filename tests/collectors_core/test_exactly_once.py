"""A real writer, a real collector killed again and again: every tick is in one snapshot."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.exactly_once import Told, play
from monitoring.home import Home

pytestmark = pytest.mark.timeout(120)


def test_no_tick_is_lost_or_doubled_through_rotations_and_kills(tmp_path: Path) -> None:
    home = Home(tmp_path)

    told = play(home, 30_000, 4, 500_000, random.Random(7))

    assert told == Told(counted=30_000, numbers=sum(range(30_000)), gaps=0, doubles=0)
    assert len(list(home.heartbeat.glob("*.jsonl"))) > 3
