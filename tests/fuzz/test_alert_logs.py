"""Alert logs of any content: folded, healed and appended to by the real log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.incident import Transition
from evaluator.rules import load
from monitoring.alert_entry import LineMaker, Notice, of_silence
from monitoring.alert_fold import fold, last_line, log_files, read, scan
from monitoring.alert_log import AlertLog
from monitoring.ambient import OwnHealth
from monitoring.calendar import calendar_of
from monitoring.config import Config
from monitoring.course import Course
from monitoring.market_override import MarketOverride
from tests.cli.conftest import AT, AT_MS
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, JSON, altered, encoded, spoilt
from tests.fuzz.records import INCIDENT, SILENCE

MAKER = LineMaker("main", "Asia/Kolkata")


def lines() -> list[dict[str, Any]]:
    """A line of each kind, as the scheduler writes them."""
    override = MarketOverride(
        id="m1", action="halt", date="2025-10-12", ends_ms=AT_MS + 10**7, from_ms=AT_MS
    )
    carry = MAKER.incident("carry", INCIDENT, AT, 5)
    entries = [
        MAKER.entry(Transition(INCIDENT, AT, "new"), AT, 5, None),
        carry,
        MAKER.silence(SILENCE, AT, 5),
        MAKER.entry(of_silence(SILENCE, "active", "quiet"), AT, 5, "r1"),
        MAKER.entry(Notice(kind="carry", reason="", market=override), AT, 5, None),
        MAKER.entry(Notice(kind="market", reason="", market=override), AT, 5, "r2"),
        MAKER.entry(Notice(kind="carry_end", reason="", context={"carries": 3.0}), AT, 5, None),
        MAKER.entry(
            Notice(kind="healed", reason="", context={"offset": 0.0, "bytes": 5.0}), AT, 5, None
        ),
        MAKER.entry(Notice(kind="request", reason="refused: no"), AT, 5, "r3"),
    ]
    for seq, entry in enumerate(entries, 1):
        entry.seq = seq
    return [msgspec.json.decode(msgspec.json.encode(entry)) for entry in entries]


LINES = lines()
LINE = st.one_of(
    st.sampled_from(LINES).map(encoded),
    st.sampled_from(LINES).flatmap(altered).map(encoded),
    st.sampled_from(LINES).flatmap(altered).map(encoded),
    st.sampled_from(LINES).map(encoded).flatmap(spoilt),
    JSON.map(encoded),
    BYTES,
)
FILES = st.dictionaries(
    st.sampled_from(["2025-10-11.jsonl", "2025-10-12.jsonl", "2025-10-13.jsonl"]),
    st.tuples(st.lists(LINE, max_size=6), st.sampled_from([b"\n", b"", b'{"half'])),
    min_size=1,
    max_size=2,
)
Files = dict[str, tuple[list[bytes], bytes]]


def write(folder: Path, files: Files) -> None:
    folder.mkdir()
    for name, (written, end) in files.items():
        (folder / name).write_bytes(b"\n".join(written) + end)


@fewer(2)
@given(st.lists(LINE, max_size=8))
def test_each_line_is_a_record_or_named_as_none(written: list[bytes]) -> None:
    data = b"".join(line + b"\n" for line in written)
    scanned = scan(data)
    real = [line for line in data.split(b"\n") if line]
    healed = sum(line.kind == "healed" for line in scanned.lines)
    missing = len(real) - len(scanned.lines) - len(scanned.faults)
    assert 0 <= missing <= healed
    assert all("is not a record" in words for words in scanned.faults.values())


@fewer(8)
@given(files=FILES)
def test_a_log_of_any_content_is_folded_judged_healed_and_appended_to(
    files: Files, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = emptied(tmp_path_factory) / "alerts"
    write(folder, files)
    config = Config()
    before = fold(folder)
    assert [line.seq for line in read(folder)] == sorted({line.seq for line in read(folder)})

    log = AlertLog(folder, "main", config.timezone)
    opened = log.open(AT)
    assert opened.states.keys() == before.states.keys()
    sessions = calendar_of(config, opened.market)
    course = Course(
        load(None), config, sessions, states=dict(opened.states), silences=opened.silences,
        past=opened.past,
    )  # fmt: skip
    entries = course.judge(AT, 0.0, OwnHealth())
    marker = Notice(kind="reload", reason="marker")
    assert log.append([*entries, marker], AT, 6), log.error
    log.close()

    after = fold(folder)
    assert after.seq == log.written.seq > before.seq
    assert after.states.keys() == log.written.states.keys() == course.states.keys()
    assert after.silences == log.written.silences
    assert [line.reason for line in read(folder)][-1] == "marker"
    for path in log_files(folder):
        last = last_line(path)
        assert last is None or last.seq <= after.seq
