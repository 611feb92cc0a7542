"""A channel's other side on loopback that is down a third of the time, in one of three ways."""

from __future__ import annotations

import json
import random
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import NamedTuple

DOWN = ("answers 503", "refuses", "hangs")
DOWN_SECONDS = (0.1, 1.5)
UP_SECONDS = (0.2, 3.0)
"""With what it is down for: two thirds of the time."""

NUMBERS = count()


class Arrival(NamedTuple):
    """What the other side was told of one transition, alone or in a summary.

    `key` is the one that a message of its own has; `message` numbers the requests that were taken.
    """

    channel: str
    incident: str
    why: str
    key: str
    message: int


class Endpoint:
    """Takes webhooks of one channel into `taken`, while it is up. `word` is what it does now."""

    def __init__(self, channel: str, taken: list[Arrival], dice: random.Random) -> None:
        self.channel = channel
        self.word = "up"
        self.down_seconds = 0.0
        self.requests = 0
        self._taken = taken
        self._dice = dice
        self._began = self._changed = time.monotonic()
        self._until = self._changed + dice.uniform(*UP_SECONDS)
        self._over = threading.Event()
        self._closed: socket.socket | None = None
        self._listen(0)
        self.port: int = self._http.server_address[1]

    def turn(self) -> None:
        """Go up or down when its time has come."""
        if time.monotonic() >= self._until:
            self.become("up" if self.word != "up" else self._dice.choice(DOWN))
            lasts = UP_SECONDS if self.word == "up" else DOWN_SECONDS
            self._until = self._changed + self._dice.uniform(*lasts)

    def become(self, word: str) -> None:
        """Be up, or down in one of the ways."""
        now = time.monotonic()
        self.down_seconds += (now - self._changed) * (self.word != "up")
        self._changed = now
        before, self.word = self.word, word
        self._over.set()  # who was left hanging is cut off
        self._over = threading.Event()
        if before == "refuses" and self._closed is not None:
            self._closed.close()
            self._listen(self.port)
        if word == "refuses":
            self._stop()
            # Bound and deaf: the port stays ours, and who calls is refused.
            self._closed = socket.socket()
            self._closed.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._closed.bind(("127.0.0.1", self.port))

    @property
    def down_share(self) -> float:
        """Return what part of its time it was down."""
        return self.down_seconds / (time.monotonic() - self._began)

    def end(self) -> None:
        self.become("up")
        self._stop()

    def _stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _listen(self, port: int) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.requests += 1
                body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                word, over = outer.word, outer._over
                if word == "hangs":
                    over.wait(60)
                    return
                if word == "up":
                    body["key"] = self.headers["Tickbeat-Key"]
                    number = next(NUMBERS)
                    outer._taken += [
                        Arrival(outer.channel, one["incident"], one["why"], one["key"], number)
                        for one in body.get("alerts", [body])
                    ]
                self.send_response(200 if word == "up" else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # who called was killed meanwhile

        self._http = Quiet(("127.0.0.1", port), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
