"""A Breeze on loopback that behaves, or misbehaves in one exact way for each scenario.

The scenario is the first part of the path: `<stub.url>/html` is the base URL of a Breeze that
answers with a maintenance page. `keys` is the well-behaved one: it knows one app key, one session
key, and which session keys have expired.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import threading
import zipfile
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

APP_KEY = "app-key-8g791N"
SESSION_KEY = "session-58593"
EXPIRED_KEY = "session-of-yesterday"

EXPIRED = "Resource not available."
WRONG_APP = "Public Key does not exist."
WRONG_SESSION = "Invalid session."
PER_MINUTE = "Limit exceed: API call per minute:Try after some time"
PAGE = b"<!DOCTYPE html><html><body>Scheduled maintenance</body></html>"


def success() -> bytes:
    """Return what Breeze answers to the right keys (shortened)."""
    token = base64.b64encode(b"AB123456:98765432").decode()
    details = {"exg_trade_date": {"NSE": "10-Oct-2025"}, "session_token": token}
    return _said(details, 200, None)


def _said(success_: object, status: object, error: object) -> bytes:
    return json.dumps({"Success": success_, "Status": status, "Error": error}).encode()


def _refusal(error: str, status: int = 500) -> bytes:
    return _said(None, status, error)


PLAIN: dict[str, tuple[int, dict[str, str], bytes]] = {
    "success": (200, {}, success()),
    "session_expired": (200, {}, _refusal(EXPIRED)),
    "session_expired_500": (500, {}, _refusal(EXPIRED)),
    "bad_app_key": (200, {}, _refusal(WRONG_APP)),
    "bad_session": (200, {}, _refusal(WRONG_SESSION)),
    "unknown_error": (200, {}, _refusal("Something else.")),
    "error_500": (500, {}, _refusal("Something else.")),
    "status_200_with_error": (200, {}, _refusal(EXPIRED, 200)),
    "no_token": (200, {}, _said({"name": "X"}, 200, None)),
    "token_not_base64": (200, {}, _said({"session_token": "é"}, 200, None)),
    "token_without_user": (200, {}, _said({"session_token": "QUJD"}, 200, None)),
    "token_number": (200, {}, _said({"session_token": 5}, 200, None)),
    "success_text": (200, {}, _said("", 200, None)),
    "empty_object": (200, {}, b"{}"),
    "list": (200, {}, b"[1, 2]"),
    "null": (200, {}, b"null"),
    "deep": (200, {}, b"[" * 60_000),
    "http_401": (401, {}, b'{"message": "Unauthorized"}'),
    "rate_limited": (429, {"Retry-After": "45"}, b"Too many requests"),
    "rate_limited_soon": (429, {"Retry-After": "soon"}, b""),
    "rate_limited_json": (401, {}, _refusal(PER_MINUTE, 5)),
    "http_500": (500, {}, b"Internal Server Error"),
    "html": (200, {}, PAGE),
    "html_503": (503, {}, PAGE),
    "redirect": (302, {"Location": "/success/customerdetails"}, b""),
    "huge": (200, {}, b'{"Success": "' + b"x" * 1_000_000 + b'"}'),
    "text": (200, {}, b"OK"),
    "empty": (200, {}, b""),
    "utf16": (200, {}, success().decode().encode("utf-16")),
    "broken_utf8": (200, {}, b'{"Success": null, "Status": 500, "Error": "\xe9\xff"}'),
    "gzip": (200, {"Content-Encoding": "gzip"}, gzip.compress(success())),
    "gzip_bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * 10_000_000)),
    "not_gzip": (200, {"Content-Encoding": "gzip"}, success()),
    "mislabelled": (200, {"Content-Encoding": "br"}, success()),
    "brotli": (200, {"Content-Encoding": "br"}, b"\x8b\x03\x80{}\x03"),
}


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        scenario = self.path.split("/")[1]
        stub = self.server.stub
        if self.path == "/SecurityMaster.zip":
            self._answer(200, {}, _empty_zip())
            return
        with stub.lock:
            stub.requests.append((self.path, dict(self.headers), body))
        special: dict[str, Callable[[], None]] = {
            "hang": self._hang,
            "half_json": self._half_json,
            "half_json_no_length": self._half_json_no_length,
            "drip": lambda: self._drip(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"),
            "drip_no_length": lambda: self._drip(b"HTTP/1.1 200 OK\r\n\r\n"),
            "drip_headers": lambda: self._drip(b""),
            "keys": lambda: self._keys(body),
            "made": lambda: self._answer(*stub.made),
            "raw": self._raw,
            "echo": lambda: self._answer(200, {}, _refusal("no such keys: " + body.decode())),
        }
        if scenario in special:
            special[scenario]()
        else:
            self._answer(*PLAIN[scenario])

    def _answer(self, code: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _keys(self, body: bytes) -> None:
        stub = self.server.stub
        asked = json.loads(body)
        if list(asked) != ["SessionToken", "AppKey"]:
            self._answer(*PLAIN["unknown_error"])
        elif asked["AppKey"] != stub.app_key:
            self._answer(*PLAIN["bad_app_key"])
        elif asked["SessionToken"] in stub.expired_keys:
            self._answer(*PLAIN["session_expired"])
        elif asked["SessionToken"] != stub.session_key:
            self._answer(*PLAIN["bad_session"])
        else:
            self._answer(*PLAIN["success"])

    def _raw(self) -> None:
        self.wfile.write(self.server.stub.raw)
        self.close_connection = True

    def _hang(self) -> None:
        self.server.stub.closing.wait()
        self.close_connection = True

    def _half_json(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "400")
        self.end_headers()
        self.wfile.write(success()[:40])
        self.close_connection = True

    def _half_json_no_length(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + success()[:40])
        self.close_connection = True

    def _drip(self, head: bytes) -> None:
        """Send one byte at a time for ever: each comes within any timeout between bytes."""
        self.close_connection = True
        try:
            self.wfile.write(head)
            for byte in (b"HTTP/1.1 200 OK\r\nX: " if not head else b"") + b"x" * 10_000:
                self.wfile.write(bytes((byte,)))
                if self.server.stub.closing.wait(self.server.stub.drip_seconds):
                    return
        except OSError:
            self.server.stub.cut.set()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    stub: Stub


class Stub:
    """The server; `requests` are (path, headers, body) as they came.

    `made` is what the scenario of that name answers, `raw` the bytes of one that may be no HTTP.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.app_key = APP_KEY
        self.session_key = SESSION_KEY
        self.expired_keys = {EXPIRED_KEY}
        self.drip_seconds = 0.05
        self.made: tuple[int, dict[str, str], bytes] = (200, {}, b"")
        self.raw = b""
        self.closing = threading.Event()
        self.cut = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.stub = self
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def asked(self) -> list[str]:
        """Return the paths that were asked for."""
        with self.lock:
            return [path for path, _, _ in self.requests]

    def __enter__(self) -> Stub:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _empty_zip() -> bytes:
    held = io.BytesIO()
    zipfile.ZipFile(held, "w").close()
    return held.getvalue()
