"""One HTTP request to a channel: one answer, within a wall deadline, and what it means.

No redirect is followed: a key or a message must not go where a stranger points to.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import msgspec

from monitoring.wall_deadline import Cutter
from notifier.letter import SENT, Outcome

DEADLINE_SECONDS = 10.0
LONGEST_ANSWER_BYTES = 64 * 1024
LONGEST_WAIT_SECONDS = 3600.0
"""A server that asks for more is asked again after an hour all the same."""

AGAIN = frozenset({408, 425, 429})
"""Refusals that may be none the next time: timeout, too early, too many (RFC 9110, 8470, 6585)."""


class Page(msgspec.Struct, frozen=True):
    """An answer: HTTP status, headers (lower case), the body or its beginning."""

    code: int
    headers: dict[str, str]
    body: bytes


def prepare() -> None:
    """Do beforehand what is slow the first time: the first alert must not wait for it."""
    _trusted()


@cache
def _trusted() -> ssl.SSLContext:
    """Return what a server is trusted by; reading the authorities takes longer than to send."""
    import httpx2  # noqa: PLC0415 -- see post

    return httpx2.create_ssl_context(trust_env=False)


def post(
    url: str,
    content: bytes,
    headers: dict[str, str],
    deadline_seconds: float = DEADLINE_SECONDS,
    longest_bytes: int = LONGEST_ANSWER_BYTES,
) -> Page | Outcome:
    """Send JSON, and return the answer, or what kept it from coming. Raises nothing of the network.

    No word of an error is passed on: the address, which may be secret, could be in it.
    """
    import httpx2  # noqa: PLC0415 -- slow, and needed by those channels alone that speak HTTP

    late = Outcome("again", f"no full answer within {deadline_seconds:g} s")
    with Cutter(deadline_seconds) as cutter:
        try:
            page = _exchange(
                url, content, headers,
                deadline_seconds=deadline_seconds, longest_bytes=longest_bytes, trace=cutter.trace,
            )  # fmt: skip
        except httpx2.TimeoutException:
            return late
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            return late if cutter.cut else Outcome("again", _words(error))
        return late if cutter.cut else page


def meaning(page: Page, now: datetime | None = None) -> Outcome:
    """Return what an HTTP status means for a message: sent, to be sent again, refused for good."""
    code = page.code
    if 200 <= code < 300:
        return SENT
    if 300 <= code < 400:
        return Outcome("again", f"redirected (HTTP {code}), not followed")
    words = f"HTTP {code}"
    if code in AGAIN or code >= 500:
        return Outcome("again", words, retry_after(page.headers.get("retry-after"), now))
    return Outcome("refused", words)


def retry_after(text: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds of a Retry-After header, given as such or as a date (RFC 9110, 10.2.3)."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return min(float(text), LONGEST_WAIT_SECONDS)
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        until = parsedate_to_datetime(text)
        left = (until - (now or datetime.now(UTC))).total_seconds()
        return min(max(0.0, left), LONGEST_WAIT_SECONDS)
    return None


def _exchange(
    url: str,
    content: bytes,
    headers: dict[str, str],
    *,
    deadline_seconds: float,
    longest_bytes: int,
    trace: Callable[[str, dict[str, Any]], None],
) -> Page:
    import httpx2  # noqa: PLC0415 -- see post

    given = {"Content-Type": "application/json", "User-Agent": "tickbeat"} | headers
    given["Accept-Encoding"] = "identity"
    with (
        httpx2.Client(
            verify=_trusted(), trust_env=False, follow_redirects=False, timeout=deadline_seconds
        ) as client,
        client.stream(
            "POST", url, content=content, headers=given, extensions={"trace": trace}
        ) as response,
    ):
        body = bytearray()
        for piece in response.iter_raw():
            body += piece
            if len(body) >= longest_bytes:
                break
        return Page(response.status_code, dict(response.headers), bytes(body))


def _words(error: Exception) -> str:
    """Return what kind of error it is: the system's own words, never those of the library."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, OSError) and inner.strerror and inner.filename is None:
            return f"{type(error).__name__}: {inner.strerror}"
        inner = inner.__cause__ or inner.__context__
    return type(error).__name__
