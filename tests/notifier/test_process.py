"""The notifier's real process: an alert line on disk becomes a request at a webhook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from notifier.records import Planned, Sent

Desk = Any
Serve = Callable[..., Any]


def test_an_alert_line_is_told_and_the_log_says_that_it_was(desk: Desk, serve: Serve) -> None:
    server = serve()
    desk.channel("hook", kind="webhook", url=f"{server.url}/in?key=CANARY")
    desk.start()
    incident = desk.fire("circuit_breaker_triggered")
    desk.wait(lambda: desk.records(Sent), "the record of it")
    (request,) = server.requests
    assert request.path == "/in?key=CANARY"
    assert request.body["title"] == "CRITICAL circuit_breaker_triggered (main)"
    assert request.body["incident"] == incident.id
    (planned,) = desk.records(Planned)
    key = planned.key("hook")
    assert request.headers["Tickbeat-Key"] == request.body["key"] == key
    assert request.body["text"].endswith(f"\nTickbeat-Key: {key}")
    assert desk.deliveries().outstanding == {}
    assert desk.stop() == 0
