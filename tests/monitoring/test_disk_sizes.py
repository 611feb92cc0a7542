"""The figures that docs/operations.md sizes a disk by, beside real files."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import msgspec
import pytest

from bench.recording import one_day
from monitoring.history import History
from monitoring.home import Home
from monitoring.packing import pack_days
from monitoring.snapshot import file_name
from monitoring.snapshots import SnapshotStore

PAGE = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
SNAPSHOTS = 720
"""Two hours: enough for the sizes to be in proportion to the number."""


@pytest.fixture(scope="module")
def sizes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Return the bytes on disk for each snapshot, by the page's word for what they are in."""
    home = Home(tmp_path_factory.mktemp("home"))
    home.snapshots.mkdir(parents=True)
    loose = 0
    for snapshot in itertools.islice(one_day(home), SNAPSHOTS):
        file = home.snapshots / file_name(snapshot.wall_ms)
        file.write_bytes(msgspec.json.encode(snapshot))
        loose += file.stat().st_blocks * 512
    history = History(home.history)
    history.open()
    history.add(SnapshotStore(home.snapshots).between(0, 253_402_300_799_999))
    history.close()
    pack_days(home.snapshots, "99991231")
    (pack,) = home.snapshots.glob("*.gz")
    found = {
        "snapshots, loose": loose,
        "snapshots, packed": pack.stat().st_size,
        "history index": home.history.stat().st_size,
    }
    return {what: size / SNAPSHOTS for what, size in found.items()}


@pytest.mark.parametrize("what", ["snapshots, loose", "snapshots, packed", "history index"])
def test_a_snapshot_takes_no_more_than_the_page_says_and_not_half_of_it(
    sizes: dict[str, float], what: str
) -> None:
    said = re.findall(rf"^\| {what} \| `86,400 / i × ([\d,]+)` \|", PAGE, re.MULTILINE)
    figure = float(said[0].replace(",", ""))
    assert 0.5 * figure < sizes[what] < 1.1 * figure, "too much is better than too little"
