"""What a line says, or why it says nothing."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.tick_line import parse
from tickbeat.record import GROUPS, Close, Header, Pulse

Lines = Any

# Values, written after the name of a field that nobody knows, and what JSON says of them.
ACCEPTED = [
    b"null", b"true", b"-0", b"0", b"-1.5e-3", b"1E+2", b"123456789012345678901234567890", b'""',
    b'"\\u0041\\n\\"\\\\\\/"', b'"\\ud83d\\ude00"', "\"₹\"".encode(), b"[]", b"[[], {}, [1, null]]",
    b'{"":0}', b'{"a":1,"a":2}', b" \t1\r", b"1e999", b'"\x7f"', b'"\\u0000"',
]  # fmt: skip
REFUSED = [
    b"", b"nul", b"True", b"NaN", b"-Infinity", b"+1", b"01", b"-", b"1.", b".5", b"1e", b"1e+",
    b"0x1", b"1 2", b"'a'", b'"\t"', b'"a', b'"\\x41"', b'"\\u00g0"', b'"\\"', b"[1,]", b"[,1]",
    b"[1 2]", b"[", b"]", b"[1}", b"{", b'{"a"}', b'{"a":}', b'{a:1}', b'{"a":1,}', b'{"a" 1}',
    b'{"a":1}}', b"1,", b'1 "x":2', b"//1", b"/* */1", b"\xff", b'"\xff"', b'"\xc0\xaf"',
    b'"\xed\xa0\x80"', b'{"\xff":1}', b"\xef\xbb\xbf1", b"\x00", b"[" * 100_000,
    b'{"a":' * 100_000, b"1\x0c",
]  # fmt: skip


@pytest.mark.fault("T12")
@pytest.mark.parametrize("value", ACCEPTED)
def test_what_json_allows_is_accepted_in_fields_that_nobody_knows(value: bytes) -> None:
    parsed = parse(b'{"strange":' + value + b"}\n")

    assert (parsed.rejects, len(parsed.runs[0])) == ([], 1)


@pytest.mark.fault("T12")
@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value[:12]))
def test_what_json_forbids_costs_that_line_alone(value: bytes) -> None:
    parsed = parse(b'{"seq":1}\n{"strange":' + value + b'}\n{"seq":2}\n')

    assert [tick.seq for tick in parsed.runs[0]] == [1, 2]
    assert [reject.line[:11] for reject in parsed.rejects] == [b'{"strange":']
    assert parsed.rejects[0].reason.startswith(("not JSON: ", "nested too deeply"))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty line"),
        (b" \r", "empty line"),
        (b"[]", "not a JSON object"),
        (b'"tick"', "not a JSON object"),
        (b"17", "not a JSON object"),
        (b"[1,", "not JSON: "),
        (b'{"kind":"order"}', "unknown kind 'order'"),
        (b'{"kind":"order","seq":"x"}', "unknown kind 'order'"),
        (b'{"kind":7}', "kind is not a text"),
        (b'{"kind":"header","pid":1}', "header line: "),
        (b'{"kind":"pulse","pnl":3}', "pulse line: "),
    ],
)
def test_a_line_that_is_no_tick_is_refused_with_the_reason(line: bytes, reason: str) -> None:
    parsed = parse(line + b"\n")

    assert parsed.lines == 1
    assert parsed.runs == []
    assert parsed.rejects[0].reason.startswith(reason)


def test_bare_lines_without_kind_writer_or_seq_are_ticks() -> None:
    parsed = parse(b'{}\n{"kind":null}\n{"pnl":{"daily":1}}\r\n')

    assert (len(parsed.runs[0]), parsed.values_rejected) == (3, 0)
    assert parsed.runs[0][2].pnl.daily == 1.0


def test_two_values_on_one_line_are_not_two_ticks() -> None:
    parsed = parse(b'{"seq":1}{"seq":2}\n{"seq":3,\n"pnl":null}\n')

    assert (len(parsed.rejects), parsed.runs) == (3, [])


def test_values_of_the_wrong_type_are_unknown_and_the_rest_is_used() -> None:
    line = (
        b'{"writer":5,"seq":4.0,"positions":{"count":"3","total_value":true,"symbols":["A",1],'
        b'"without_stop":1},"pnl":[1],"risk":{"circuit_breaker_active":1,"daily_loss_pct":-1},'
        b'"orders":{"placed":1e999},"custom":{"a":[1],"b":2,"c":"x"},"artifacts":7}\n'
    )
    parsed = parse(line)
    tick = parsed.runs[0][0]

    assert (tick.writer, tick.seq) == (None, 4)
    assert (tick.positions.count, tick.positions.total_value, tick.positions.symbols) == (
        None,
        None,
        None,
    )
    assert tick.positions.without_stop == 1.0
    assert tick.positions.intraday_count is msgspec.UNSET
    assert tick.pnl is None
    assert (tick.risk.circuit_breaker_active, tick.risk.daily_loss_pct) == (None, -1.0)
    assert tick.orders.placed is None
    assert tick.custom == {"a": None, "b": 2.0, "c": "x"}
    assert tick.artifacts is None
    assert parsed.values_rejected == 9


def test_left_out_and_null_are_two_things() -> None:
    tick = parse(b'{"pnl":{"daily":null},"risk":null,"seq":"1"}\n').runs[0][0]

    assert (tick.pnl.daily, tick.pnl.realized) == (None, msgspec.UNSET)
    assert (tick.risk, tick.orders) == (None, msgspec.UNSET)


def test_special_lines_keep_their_place_among_the_ticks(lines: Lines) -> None:
    data = lines.header() + lines.ticks(1, 2) + lines.pulse() + lines.ticks(3, 3) + lines.close()
    runs = parse(data).runs

    assert [len(run) if isinstance(run, list) else type(run) for run in runs] == [
        Header, 2, Pulse, 1, Close,
    ]  # fmt: skip


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
NAMES = st.sampled_from(["kind", "writer", "seq", "custom", "artifacts", *GROUPS])
FIELDS = st.sampled_from(sorted({f for group in GROUPS.values() for f in group.__struct_fields__}))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(NAMES, JSON | st.dictionaries(FIELDS, JSON, max_size=4), max_size=4))
def test_any_json_object_is_a_tick_or_has_a_reason(fields: dict[str, Any]) -> None:
    line = json.dumps(fields).encode() + b"\n"
    parsed = parse(line * 2)

    ticks = sum(len(run) for run in parsed.runs if isinstance(run, list))
    assert ticks + len(parsed.rejects) == parsed.lines == 2


@pytest.mark.fault("T12")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), min_size=1))
def test_no_bytes_stop_it(lines: list[bytes]) -> None:
    parsed = parse(b"".join(line + b"\n" for line in lines))

    ticks = sum(len(run) for run in parsed.runs if isinstance(run, list))
    assert ticks + len(parsed.rejects) == parsed.lines == len(lines)
