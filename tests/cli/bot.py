"""A Bot API server on loopback: getMe, getUpdates with offsets and long polls, sendMessage."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Bot:
    """Answers as Telegram does. `told` are the messages that it was to send: chat, text."""

    token = "123456:CANARY-of-the_bot"

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self._updates: list[dict[str, Any]] = []
        self._new = threading.Condition()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                _, path, method = self.path.split("/")
                if path == f"bot{outer.token}":
                    code, said = 200, {"ok": True, "result": outer._do(method, asked)}
                else:
                    code = 401
                    said = {"ok": False, "error_code": 401, "description": "Unauthorized"}
                body = json.dumps(said).encode()
                self.send_response(code)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass  # who asked was killed meanwhile

        self._http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def write(self, chat: int, **names: str) -> None:
        """Let somebody write to the bot."""
        with self._new:
            message = {"message_id": 1, "chat": {"id": chat, "type": "private", **names}}
            self._updates.append({"update_id": 900 + len(self._updates), "message": message})
            self._new.notify_all()

    def end(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _do(self, method: str, asked: dict[str, Any]) -> Any:
        if method == "getMe":
            return {"id": 123456, "is_bot": True, "username": "tick_bot"}
        if method == "sendMessage":
            self.told.append((asked["chat_id"], asked["text"]))
            return {"message_id": 2}

        def fresh() -> list[dict[str, Any]]:
            return [one for one in self._updates if one["update_id"] >= asked["offset"]]

        with self._new:
            self._new.wait_for(fresh, timeout=asked["timeout"])
            return fresh()
