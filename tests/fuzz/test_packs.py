"""Packed days of any content: read as far as they go, and no further."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.snapshots import SnapshotStore
from scheduler.retention import _packed_ms
from tests.cli.conftest import AT_MS, House
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, spoilt

DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The lines of a packed day with two snapshots."""
    house = House(tmp_path_factory.mktemp("packed"))
    for seconds in (20.0, 10.0):
        house.snapshot(seconds_ago=seconds)
    files = sorted(house.home.snapshots.iterdir())
    return b"".join(
        b'{"name":"%s","snapshot":%s}\n' % (file.name.encode(), file.read_bytes()) for file in files
    )


@fewer(3)
@given(data=st.data())
def test_what_can_be_read_of_a_pack_is_read_and_the_rest_is_named(
    data: st.DataObject, packed: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = emptied(tmp_path_factory)
    lines = data.draw(st.one_of(st.just(packed), spoilt(packed), BYTES))
    squeezed = gzip.compress(lines)
    content = data.draw(st.one_of(st.just(squeezed), spoilt(squeezed), BYTES))
    path = folder / "metrics_20251012.jsonl.gz"
    path.write_bytes(content)

    store = SnapshotStore(folder)
    found = [name for name, _ in store.between(AT_MS - DAY_MS, AT_MS + DAY_MS)]
    assert found == sorted(set(found))
    assert len(found) == 2 or store.skipped or content != squeezed or lines != packed
    newest = _packed_ms(path)
    assert newest is None or isinstance(newest, int)
