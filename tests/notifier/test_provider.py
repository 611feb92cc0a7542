"""Whose service a channel goes through, without any word of its secret."""

from __future__ import annotations

import pytest

from monitoring.config import Channel
from notifier.provider import provider_of


@pytest.mark.parametrize(
    ("channel", "secret", "provider"),
    [
        (Channel(kind="telegram", chat="1"), "1:CANARY", "telegram api.telegram.org"),
        (Channel(kind="telegram", base_url="http://[::1]:81"), "1:CANARY", "telegram ::1"),
        (Channel(kind="apprise"), "tgram://1:CANARY/7", "telegram api.telegram.org"),
        (Channel(kind="apprise"), "slack://CANARY/CANARY/CANARY", "slack"),
        (Channel(kind="apprise"), "mailtos://u:CANARY@smtp.x:587?to=CANARY", "mail smtp.x"),
        (Channel(kind="apprise"), "mailto://smtp.x?pass=CANARY", "mail smtp.x"),
        (Channel(kind="apprise"), "mailto://u:CANARY[@x", "mail "),
        (Channel(kind="webhook"), "https://hooks.x/CANARY?key=CANARY", "webhook hooks.x"),
        (Channel(kind="alertmanager"), "https://u:CANARY@am.x:9093", "alertmanager am.x"),
        (Channel(kind="file", path="told.txt"), "", ""),
    ],
)
def test_it_is_the_kind_and_the_host_where_that_is_no_secret(
    channel: Channel, secret: str, provider: str
) -> None:
    assert provider_of(channel, secret) == provider
