"""An exception that carries a secret, in its words and in the locals of its frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from monitoring.redaction import redacted
from tests.faults.conftest import SETTINGS, Monitored
from tests.security import canaries

LIBRARY = """\
class TimeoutException(Exception): ...
class HTTPError(Exception): ...
class InvalidURL(Exception): ...
def create_ssl_context(**_): ...
class Client:
    def __init__(self, **_): ...
    def __enter__(self): return self
    def __exit__(self, *_): ...
    def stream(self, method, url, *, content, headers, extensions):
        raise RuntimeError(f"can't send {content.encode()!r} as {content}")
"""


def test_it_is_logged_without_the_secret(tmp_path: Path) -> None:
    """Here the HTTP client fails as its authors never thought it would."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "httpx2.py").write_text(LIBRARY)
    (tmp_path / "home").mkdir(mode=0o700)
    home = Monitored(tmp_path / "home", tmp_path)
    home.home.settings.write_text(SETTINGS + canaries.toml())
    session = home.home.root / "data" / "breeze_session"
    session.parent.mkdir()
    session.touch(0o600)
    session.write_text(canaries.SESSION_KEY)
    home.environ |= canaries.environment()
    try:
        home.start("-m", "collectors", PYTHONPATH=str(library))
        home.wait(lambda: "ended by RuntimeError" in home.said(), "the exception")
        home.wait(lambda: "in ask" in home.said(), "its traceback")
    finally:
        home.stop()
        home.end()
    log = (home.home.logs / "monitoring_collector.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    told = next(one["exception"] for one in lines if "exception" in one)
    assert "can't send" in told
    assert "SessionToken" in told
    kept = {home.home.settings, session}
    assert canaries.holding(tmp_path, kept) == []


@pytest.mark.parametrize(
    "quote", [str, json.dumps, repr, str.upper, lambda text: repr(json.dumps(text).encode())]
)
@pytest.mark.parametrize("secret", [canaries.HARD.format(1), canaries.SESSION_KEY, "plain-8char"])
def test_a_secret_is_found_however_it_is_quoted(quote: Any, secret: str) -> None:
    said = redacted(f"no such key: {quote(secret)}, {secret}", [secret])
    assert said.startswith("no such key: ")
    assert secret[:6].lower() not in said.lower()


def test_what_is_no_secret_stays() -> None:
    assert redacted("a session", ["", "a", "ses"]) == "a session"
