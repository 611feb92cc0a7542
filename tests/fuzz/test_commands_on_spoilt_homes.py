"""The commands of the operator on homes with any file spoilt: words and an exit code, always."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.clock import SystemClock
from tests.cli.conftest import House
from tests.fuzz.commands import DOCUMENTED, READERS, monitor, unprintable
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, HOSTILE, altered, encoded, spoilt

FILES = (
    "snapshot",
    "collector",
    "scheduler",
    "alerts",
    "heartbeat",
    "rules",
    "settings",
    "history",
)
COMMANDS = st.lists(st.sampled_from(READERS), min_size=1, max_size=4, unique=True)


def built(root: Path) -> tuple[House, dict[str, Path]]:
    """Return a home of this moment with a good day in it, and its files by what they are."""
    house = House(root, SystemClock().now())
    house.good_day()
    house.snapshot(custom=dict.fromkeys(HOSTILE, 1.5), seconds_ago=0.1)
    house.silence()
    house.home.heartbeat.mkdir(parents=True)
    files = {
        "snapshot": max(house.home.snapshots.iterdir()),
        "collector": house.home.state / "collector.json",
        "scheduler": house.home.state / "scheduler.json",
        "alerts": next(house.home.alerts.iterdir()),
        "heartbeat": house.home.heartbeat / "main.jsonl",
        "rules": house.home.rules,
        "settings": house.home.settings,
        "history": house.home.history,
    }
    files["heartbeat"].write_bytes(b'{"timestamp":"2025-10-12T12:34:56"}\n{"kind":"pulse"}\n')
    files["rules"].write_text('[facts]\n"custom.x" = { type = "number" }\n')
    return house, files


@st.composite
def spoiling(draw: st.DrawFn, data: bytes) -> bytes:
    """Draw a spoilt version of a file of JSON lines, or of any."""
    kind = draw(st.sampled_from(["altered", "altered", "altered", "spoilt", "bytes"]))
    if kind == "spoilt":
        return draw(spoilt(data))
    if kind == "bytes":
        return draw(BYTES)
    lines = data.splitlines()
    try:
        records: list[Any] = [msgspec.json.decode(line) for line in lines]
    except msgspec.DecodeError:
        return draw(spoilt(data))
    if not records:
        return draw(BYTES)
    index = draw(st.integers(0, len(records) - 1))
    records[index] = draw(altered(records[index]))
    return b"".join(encoded(record) + b"\n" for record in records)


@fewer(5)
@given(data=st.data(), commands=COMMANDS)
def test_a_command_ends_in_words_with_a_documented_code(
    data: st.DataObject, commands: list[tuple[str, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = emptied(tmp_path_factory) / "home"
    _, files = built(root)
    for name in data.draw(st.sets(st.sampled_from(FILES), min_size=1, max_size=2)):
        before = files[name].read_bytes() if files[name].exists() else b""
        files[name].write_bytes(data.draw(spoiling(before)))
    for command in commands:
        code, said = monitor(root, *command)
        assert code in DOCUMENTED
        assert said or command[0] in {"tail", "metrics"}  # of nothing there is nothing to list
        assert unprintable(said) == set()


@fewer(10)
@given(data=BYTES)
def test_a_snapshot_of_garbage_is_never_healthy(
    data: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = emptied(tmp_path_factory) / "home"
    _, files = built(root)
    for snapshot in files["snapshot"].parent.iterdir():
        snapshot.write_bytes(data)
    code, _ = monitor(root, "health")
    assert code in {2, 3}
