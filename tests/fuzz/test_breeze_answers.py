"""Any answer of a Breeze, over real loopback HTTP: a known status, and words without the keys."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.breeze_probe import MAX_RETRY_AFTER_SECONDS, STATUSES, Answer, Question, ask
from tests.breeze_stub import APP_KEY, PLAIN, SESSION_KEY, Stub, success
from tests.fuzz.conftest import fewer
from tests.fuzz.garbage import BYTES, JSON, altered, encoded, spoilt

SUCCESS: Any = json.loads(success())
REFUSALS = [
    {"Success": None, "Status": status, "Error": error}
    for status in (5, 500, 200, None)
    for error in ("Invalid session.", "Limit exceed: API call per day:", APP_KEY, SESSION_KEY * 20)
]
BODY = st.one_of(
    st.sampled_from([SUCCESS, *REFUSALS]).flatmap(altered).map(encoded),
    st.just(success()).flatmap(spoilt),
    st.sampled_from([body for _, _, body in PLAIN.values()]),
    JSON.map(encoded),
    BYTES,
)
VALUE = st.one_of(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20),
    st.sampled_from(
        [
            "gzip",
            "deflate",
            "br",
            "identity, gzip",
            "chunked",
            "45",
            "-1",
            "9" * 5_000,
            "²",
            "½",
            "1e9",
            "nan",
            "0",
            "Sun, 12 Oct 2025 05:12:07 GMT",
            "Sun, 99 Oct 2025 05:12:07 GMT",
            "Sun, 12 Oct 99999 05:12:07 GMT",
            "Sun, 12 Oct 2025 05:12:07 +9999",
            "12 Oct 0 0:0:0 GMT",
            "\t",
            "text/html",
            "Mon, 1 Jan 1 00:00:00 -2359",
            "a" * 70_000,
            "-",
            ",",
            "12:::",
            "1 1 1 1 1",
        ]
    ),
)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Date",
            "Retry-After",
            "Content-Encoding",
            "Content-Type",
            "Location",
            "X-Odd",
            "Transfer-Encoding",
        ]
    ),
    VALUE,
    max_size=3,
)
RAW = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [
            b"",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 999 X\r\n\r\n",
            b"HTTP/9.9 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\nContent-Length: 5\n\nab",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 101 Switching\r\n\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
            b"HTTP/1.1 204 No\r\n\r\n{}",
            b"HTTP/1.1 20x OK\r\n\r\n",
            b"HTTP/1.1 200 " + b"x" * 200_000,
            b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000,
        ]
    ),
)


@pytest.fixture(scope="module")
def stub() -> Iterator[Stub]:
    with Stub() as running:
        yield running


def asked(stub: Stub, scenario: str) -> Answer:
    return ask(Question(f"{stub.url}/{scenario}", APP_KEY, SESSION_KEY, 20.0))


def check(answer: Answer) -> None:
    assert answer.status in STATUSES
    assert answer.detail
    assert len(answer.detail) <= 200
    assert answer.detail.isprintable()
    assert not re.search(f"{APP_KEY}|{SESSION_KEY}", answer.detail)
    wait = answer.retry_after_seconds
    assert wait is None or 0 <= wait <= MAX_RETRY_AFTER_SECONDS
    ahead = answer.clock_ahead_seconds
    assert ahead is None or math.isfinite(ahead)
    assert (answer.latency_ms is not None) == (answer.status == "authenticated")


@fewer(10)
@given(code=st.sampled_from([200, 200, 200, 302, 401, 429, 500, 503]), headers=HEADERS, body=BODY)
def test_an_answer_of_any_content_has_a_status_and_words(
    code: int, headers: dict[str, str], body: bytes, stub: Stub
) -> None:
    stub.made = (code, headers, body)
    answer = asked(stub, "made")
    check(answer)
    if b"session_token" not in body and "Content-Encoding" not in headers:
        assert answer.status != "authenticated"


@fewer(10)
@given(raw=RAW)
def test_what_is_no_http_is_unreachable_or_unknown(raw: bytes, stub: Stub) -> None:
    stub.raw = raw
    answer = asked(stub, "raw")
    check(answer)
    assert answer.status in {"unreachable", "unknown"}
