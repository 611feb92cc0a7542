"""Every kind of broken and of strange JSON as a line, judged by RFC 8259."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from collectors.quarantine import MAX_PER_CALL, Entry
from collectors.tick_line import parse
from tests.faults.json_cases import MUST_ACCEPT, MUST_REFUSE, OPEN, mutations
from tests.faults.rfc8259 import is_json

Monitored = Any


def as_field(value: bytes) -> bytes:
    return b'{"strange":' + value + b"}"


def joined(lines: Iterable[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def test_judge_and_cases_agree() -> None:
    assert [case for case in MUST_ACCEPT if not is_json(case)] == []
    assert [case[:40] for case in MUST_REFUSE if is_json(case)] == []
    assert [case for case in (*MUST_ACCEPT, *MUST_REFUSE, *OPEN) if b"\n" in case] == []


@pytest.mark.fault("T12")
@pytest.mark.parametrize(
    "around", [b'{"strange":%s}', b'{"custom":{"a":%s}}', b'{"pnl":%s}', b'{"orders":{"open":%s}}']
)
def test_a_byte_left_out_put_in_or_changed_anywhere_is_judged_as_json_says(around: bytes) -> None:
    wrong = []
    for value in mutations():
        line = around % value
        parsed = parse(line + b"\n")
        if (parsed.rejects == []) != is_json(line):
            wrong.append((line, parsed.rejects))
    assert wrong == []


@pytest.mark.fault("T12")
@pytest.mark.parametrize("value", [*MUST_ACCEPT, *MUST_REFUSE], ids=lambda value: repr(value[:12]))
def test_a_text_by_itself_is_a_tick_if_it_is_an_object(value: bytes) -> None:
    is_object = is_json(value) and value.lstrip(b" \t\r").startswith(b"{")
    assert (parse(value + b"\n").rejects == []) == is_object


@pytest.mark.fault("T12")
def test_a_collector_takes_what_is_json_keeps_the_rest_with_the_reason_and_stops_for_none(
    monitored: Monitored,
) -> None:
    collector = monitored.collector()
    taken = [
        b'{"writer":"y","seq":%d,"strange":' % seq + case + b"}"
        for seq, case in enumerate(MUST_ACCEPT, 1)
    ]
    refused = {
        f"main-n{start}.jsonl": list(map(as_field, MUST_REFUSE[start : start + MAX_PER_CALL]))
        for start in range(0, len(MUST_REFUSE), MAX_PER_CALL)
    }
    monitored.append("main-y.jsonl", joined(taken))
    for name, lines in refused.items():
        monitored.append(name, joined(lines))
    monitored.append("main-i.jsonl", joined(map(as_field, OPEN)))
    total = len(taken) + len(MUST_REFUSE) + len(OPEN)

    def all_read() -> Any:
        newest = monitored.snapshots()[-1].collector
        return newest if newest.lines_read >= total else None

    either = monitored.wait(all_read, "the last line").lines_rejected - len(MUST_REFUSE)
    monitored.append("main-y.jsonl", b'{"writer":"y","seq":%d}\n' % (len(taken) + 1))
    ticks = len(taken) + len(OPEN) - either + 1
    monitored.wait(lambda: monitored.counted() >= ticks, "a tick after all that")

    newest = monitored.snapshots()[-1].collector
    assert 0 <= either <= len(OPEN)
    assert (monitored.counted(), newest.lines_read, newest.ticks_lost) == (ticks, total + 1, 0)
    assert monitored.state("collector").pid == collector.pid
    kept = [
        msgspec.json.decode(line, type=Entry)
        for line in (monitored.home.quarantine / "rejected.jsonl").read_bytes().splitlines()
    ]
    for name, lines in refused.items():
        entries = [entry for entry in kept if entry.file == name]
        assert [entry.bytes for entry in entries] == list(map(len, lines))
        assert all(entry.reason.startswith(("not JSON: ", "nested")) for entry in entries)
