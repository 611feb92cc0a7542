"""One question to Breeze: is this session valid? One HTTP exchange, one answer, in bounded time.

The question is that of the official SDK (breeze-connect 1.0.69, `BreezeConnect.api_util`): a GET
of `customerdetails` with a JSON body. So is the way to read the answer: its body counts, its HTTP
status doesn't, for Breeze answers some refusals with 200 and others with 500.
"""

from __future__ import annotations

import base64
import functools
import json
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

from monitoring.redaction import redacted
from monitoring.wall_deadline import Cutter

if TYPE_CHECKING:
    import ssl

    import httpx2

Status = Literal[
    "authenticated",
    "session_expired",
    "bad_app_key",
    "bad_session",
    "rate_limited",
    "unreachable",
    "unknown",
    "off",
]
STATUSES: tuple[Status, ...] = get_args(Status)

REFUSALS: dict[str, tuple[Status, str]] = {
    "Resource not available.": ("session_expired", "Breeze says that the session has expired"),
    "Public Key does not exist.": ("bad_app_key", "Breeze does not know the app key"),
    "Invalid session.": ("bad_session", "Breeze does not know the session key"),
}
"""What Breeze says word for word, as the official SDK knows it."""

RATE_LIMIT_WORDS = "limit exceed"
"""Breeze says "Limit exceed: API call per minute:Try after some time" (or "per day: ") with Status
5 and HTTP 200 or 401: users of the API quote it, no document does."""

MAX_BODY_BYTES = 64 * 1024
MAX_RETRY_AFTER_SECONDS = 3600.0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one question. `detail` is words for a human, without secrets.

    `clock_ahead_seconds`: how far this machine's clock is ahead of the server's, to the second;
    None when the answer told no time.
    """

    status: Status
    detail: str
    latency_ms: float | None = None
    retry_after_seconds: float | None = None
    clock_ahead_seconds: float | None = None


class Question(msgspec.Struct, frozen=True):
    """Where to ask, with which keys, and how long the whole exchange may take in seconds."""

    base_url: str
    app_key: str
    session_key: str
    deadline_seconds: float

    def __repr__(self) -> str:
        return f"Question({self.base_url!r}, keys hidden)"


class Page(msgspec.Struct, frozen=True):
    """An answer as it came: HTTP status, headers (lower case), the body or its beginning."""

    code: int
    headers: dict[str, str]
    body: bytes
    complete: bool


def ask(question: Question) -> Answer:
    """Ask Breeze, and return what it said or why it said nothing. Never raises.

    Blocks for `deadline_seconds`, and longer only while the system looks a name up.
    """
    import httpx2  # noqa: PLC0415 -- slow, and needed by those alone who trade through Breeze

    began, began_at = time.monotonic(), time.time()
    keys = (question.app_key, question.session_key)
    late = Answer(
        status="unreachable", detail=f"no full answer within {question.deadline_seconds:g} s"
    )
    with Cutter(question.deadline_seconds) as cutter:
        try:
            page = _exchange(question, cutter.trace)
        except httpx2.TimeoutException:
            return late
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            if cutter.cut:
                return late
            why = _printable(f"{type(error).__name__}: {error}", keys)
            return Answer(status="unreachable", detail=why)
        if cutter.cut:  # an answer without a length ends where the connection does
            return late
    took_seconds = time.monotonic() - began
    ahead = clock_ahead_seconds(page.headers.get("date"), began_at + took_seconds / 2)
    answer = msgspec.structs.replace(read(page, keys), clock_ahead_seconds=ahead)
    if answer.status != "authenticated":
        return answer
    return msgspec.structs.replace(answer, latency_ms=round(took_seconds * 1000, 1))


def clock_ahead_seconds(date: str | None, at_seconds: float) -> float | None:
    """Return how far the clock that read `at_seconds` (POSIX) is ahead of a Date header's.

    The header has whole seconds (RFC 9110, 6.6.1), so up to one second either way means nothing.
    """
    try:
        told = parsedate_to_datetime(date or "").timestamp()
    except (ValueError, OverflowError):
        return None
    return round(at_seconds - (told + 0.5), 1)


def _exchange(question: Question, trace: Callable[[str, dict[str, object]], None]) -> Page:
    import httpx2  # noqa: PLC0415 -- see ask

    url = question.base_url.rstrip("/") + "/customerdetails"
    keys = {"SessionToken": question.session_key, "AppKey": question.app_key}
    with (
        httpx2.Client(
            trust_env=False,
            follow_redirects=False,
            verify=_tls(),
            timeout=question.deadline_seconds,
        ) as client,
        client.stream(
            "GET",
            url,
            content=json.dumps(keys, separators=(",", ":")),
            headers={
                "Content-Type": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "tickbeat",
            },
            extensions={"trace": trace},
        ) as response,
    ):
        body, complete = _bounded(response)
        return Page(response.status_code, dict(response.headers), body, complete)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return what checks certificates, made once: reading all that are trusted takes 30 ms and
    megabytes, which is no part of Breeze's latency.
    """
    import httpx2  # noqa: PLC0415 -- see ask

    return httpx2.create_ssl_context(trust_env=False)


def _bounded(response: httpx2.Response) -> tuple[bytes, bool]:
    """Return at most `MAX_BODY_BYTES` of the body as sent, and whether that is all of it."""
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > MAX_BODY_BYTES:
            return bytes(body[:MAX_BODY_BYTES]), False
    return bytes(body), True


def read(page: Page, keys: tuple[str, ...] = ()) -> Answer:
    """Return what an answer of Breeze means; `keys` are kept out of the words."""
    if page.code == 429:
        return Answer(
            status="rate_limited",
            detail="Breeze says: too many calls (HTTP 429)",
            retry_after_seconds=_retry_after(page.headers.get("retry-after")),
        )
    if 300 <= page.code < 400:
        return Answer(status="unreachable", detail=f"redirected (HTTP {page.code}), not followed")
    if not page.complete:
        return Answer(status="unknown", detail=f"answer longer than {MAX_BODY_BYTES} bytes")
    body = _plain(page)
    if body is None:
        return Answer(status="unknown", detail="answer in an encoding that was not asked for")
    if body.lstrip()[:1] == b"<":
        return Answer(status="unreachable", detail=f"maintenance page (HTML, HTTP {page.code})")
    try:
        said = json.loads(body.decode(json.detect_encoding(body)))
    except (ValueError, RecursionError):
        status: Status = "unreachable" if page.code >= 500 else "unknown"
        return Answer(status=status, detail=f"answer is not JSON (HTTP {page.code})")
    return _read_said(said, page, keys)


def _read_said(said: object, page: Page, keys: tuple[str, ...]) -> Answer:
    if not isinstance(said, dict):
        return Answer(status="unknown", detail="answer is JSON, but not of Breeze")
    success = said.get("Success")
    if success is not None:
        if _has_session(success):
            return Answer(status="authenticated", detail="Breeze accepts the session")
        return Answer(status="unknown", detail="success without a usable session token")
    error = said.get("Error")
    if not isinstance(error, str) or said.get("Status", 200) == 200:
        return Answer(status="unknown", detail=f"answer without a reason (HTTP {page.code})")
    if error in REFUSALS:
        status, words = REFUSALS[error]
        return Answer(status=status, detail=words)
    shown = _printable(error, keys)
    if RATE_LIMIT_WORDS in error.lower():
        return Answer(
            status="rate_limited",
            detail=f'Breeze says: "{shown}"',
            retry_after_seconds=_retry_after(page.headers.get("retry-after")),
        )
    status = "unreachable" if page.code >= 500 else "unknown"
    return Answer(status=status, detail=f'Breeze says: "{shown}" (HTTP {page.code})')


def _has_session(success: object) -> bool:
    """Tell whether this is what the SDK takes for a session: base64 of `user:key`."""
    if not isinstance(success, dict):
        return False
    token = success.get("session_token")
    if not isinstance(token, str):
        return False
    try:
        return ":" in base64.b64decode(token.encode("ascii")).decode("ascii")
    except ValueError:  # binascii.Error and Unicode errors are ValueErrors
        return False


def _plain(page: Page) -> bytes | None:
    """Return the body uncompressed, None when that can't be done within bounds."""
    encoding = page.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"gzip", "deflate"}:
        return page.body  # what we can't unpack turns out not to be JSON
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        body = unpacker.decompress(page.body, MAX_BODY_BYTES)
    except zlib.error:
        return None
    return None if unpacker.unconsumed_tail or not unpacker.eof else body


def _retry_after(text: str | None) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110; its date form is not used here)."""
    if text is None or not text.strip().isdecimal():
        return None
    return min(float(text), MAX_RETRY_AFTER_SECONDS)


def _printable(text: str, keys: tuple[str, ...]) -> str:
    """Return at most 120 characters of foreign text, without keys and what steers a terminal."""
    shown = redacted(text, keys)[:120]
    return "".join(character if character.isprintable() else " " for character in shown)
