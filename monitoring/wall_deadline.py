"""How long one HTTP exchange may take in all, however slowly its bytes drip."""

from __future__ import annotations

import contextlib
import socket
import threading


class Cutter:
    """Cuts the connection at the wall deadline: timeouts of a client start anew with each byte."""

    def __init__(self, deadline_seconds: float) -> None:
        self.cut = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer = threading.Timer(deadline_seconds, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> Cutter:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def trace(self, event: str, info: dict[str, object]) -> None:
        """Learn of each new connection (the client's `trace` extension)."""
        if event not in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            return
        stream = info["return_value"]
        with self._lock:
            self._socket = stream.get_extra_info("socket")  # type: ignore[attr-defined] # a stream
        if self.cut:
            self._shut()

    def _shut(self) -> None:
        self.cut = True
        with self._lock, contextlib.suppress(OSError):  # gone already
            if self._socket is not None:
                # not SSLSocket.shutdown, which drops the TLS object under the reading thread
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
