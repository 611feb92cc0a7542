"""Where plain http may go, and where not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from monitoring.settings import Settings, SettingsError

Give = Callable[..., Settings]


def channel(kind: str, url: str) -> str:
    return f'[channels.a]\nkind = "{kind}"\nurl = "{url}"\n'


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9093", "http://localhost:9093/prefix", "http://10.0.0.7:9093",
     "http://[fd00::7]:9093", "http://alertmanager:9093", "http://am.monitoring.svc:9093",
     "http://am.internal", "https://am.example.com", "https://user:pass@am.example.com",
     "http://user:pass@127.0.0.1:9093"],
)  # fmt: skip
def test_an_alertmanager_is_spoken_to_in_the_open_inside_the_own_network(
    give: Give, url: str
) -> None:
    assert give(channel("alertmanager", url)).channels["a"].get_secret_value() == url


@pytest.mark.parametrize(
    ("kind", "url", "why"),
    [
        ("alertmanager", "http://am.example.com:9093", "must be https"),
        ("alertmanager", "http://203.0.114.7:9093", "must be https"),
        ("alertmanager", "http://user:pass@10.0.0.7:9093", "must be https"),
        ("alertmanager", "http://10.0.0.7/?x=1", "without ? or #"),
        ("alertmanager", "am:9093", "must be a web address"),
        ("webhook", "http://10.0.0.7/hook", "must be https"),
        ("webhook", "http://hook/x", "must be https"),
    ],
)
def test_elsewhere_and_with_a_password_it_must_be_https(
    give: Give, kind: str, url: str, why: str
) -> None:
    with pytest.raises(SettingsError, match=r"^channels\.a ") as refused:
        give(channel(kind, url))
    assert why in str(refused.value)
    assert url not in str(refused.value)


@pytest.mark.parametrize("name", ["chain_url", "delivery_url"])
def test_a_ping_goes_over_https_or_to_this_machine(give: Give, name: str) -> None:
    for url in ("https://hc-ping.com/uuid", "http://127.0.0.1:8000/ping/uuid"):
        settings = give(f'[dead_man]\n{name} = "{url}"\n')
        assert settings.dead_man[name.removesuffix("_url")].get_secret_value() == url
        assert settings.secrets_set == (f"dead_man.{name}",)
    with pytest.raises(SettingsError, match="must be https"):
        give(f'[dead_man]\n{name} = "http://hc.example.com/uuid"\n')
