"""Alertmanager's API: all alerts in one request."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from notifier.alertmanager import Alert
from notifier.http import meaning, post
from notifier.letter import Outcome


def send(base_url: str, alerts: Sequence[Alert]) -> Outcome:
    """Say how the alerts are."""
    url = f"{base_url.rstrip('/')}/api/v2/alerts"
    said = post(url, msgspec.json.encode(alerts), {})
    return said if isinstance(said, Outcome) else meaning(said)
