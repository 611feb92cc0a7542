"""A secret that was given is used, and is to be found nowhere else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from evaluator.instant import Instant
from monitoring.config import Channel
from monitoring.home import Home
from monitoring.settings import Settings, SettingsError, known_settings, load
from monitoring.settings_model import ChannelSettings, SettingsModel
from monitoring.state import ProcessState, write_state

Give = Callable[..., Settings]

APP_KEY, SECRET_KEY = "CANARY-app-5f3a", "CANARY-secret-9c1e"
SECRETS = {"MONITOR_BREEZE__APP_KEY": APP_KEY, "MONITOR_BREEZE__SECRET_KEY": SECRET_KEY}
PLACES = [
    {"env": SECRETS},
    {"dotenv": "".join(f"{name}={value}\n" for name, value in SECRETS.items())},
    {"toml": f'[breeze]\napp_key = "{APP_KEY}"\nsecret_key = "{SECRET_KEY}"\n'},
    {"env": {"MONITOR_BREEZE": f'{{"app_key": "{APP_KEY}", "secret_key": "{SECRET_KEY}"}}'}},
]
INSTANT = Instant(wall_ms=1_760_250_600_000, boottime_ns=1, boot_id="boot")


@pytest.mark.parametrize("place", PLACES, ids=["environment", "dotenv", "toml", "json"])
def test_a_secret_is_in_no_text_made_from_the_settings(
    give: Give, tmp_path: Path, place: dict[str, str]
) -> None:
    settings = give(**place)
    assert settings.breeze is not None
    assert settings.breeze.app_key.get_secret_value() == APP_KEY
    assert settings.breeze.secret_key is not None
    assert settings.breeze.secret_key.get_secret_value() == SECRET_KEY

    write_state(
        tmp_path,
        ProcessState(
            process="collector",
            pid=1,
            version="0",
            started=INSTANT,
            updated=INSTANT,
            home=str(tmp_path),
            config=settings.config,
            secrets_set=settings.secrets_set,
        ),
    )
    state = (tmp_path / "collector.json").read_text()
    shown = [repr(settings), str(settings), f"{settings.breeze}", repr(settings.config), state]
    shown.append(msgspec.json.encode(settings.config).decode())
    assert not [text for text in shown if "CANARY" in text]
    assert settings.secrets_set == ("breeze.app_key", "breeze.secret_key")
    assert settings.config.breeze.configured is True
    assert "breeze.secret_key" in state  # that it is set may be known


def test_the_app_key_alone_is_enough_to_probe_with(give: Give) -> None:
    settings = give(env={"MONITOR_BREEZE__APP_KEY": APP_KEY})
    assert settings.breeze is not None
    assert settings.breeze.secret_key is None
    assert settings.secrets_set == ("breeze.app_key",)


def test_the_plain_record_that_all_rooms_take_has_no_place_for_a_secret() -> None:
    secret = [name for name in known_settings() if name.endswith("_key")]
    assert secret == ["breeze.app_key", "breeze.secret_key"]
    fields = SettingsModel.model_fields["breeze"].annotation.model_fields  # type: ignore[union-attr] # pydantic says "type | None" of every annotation
    assert all("SecretStr" in str(fields[name.partition(".")[2]].annotation) for name in secret)
    kept = ChannelSettings.model_fields
    hidden = {name for name, field in kept.items() if "SecretStr" in str(field.annotation)}
    assert hidden == {"url", "token"}
    assert {*kept} - hidden == {*Channel.__struct_fields__}


FAULTY = [
    {"env": {"MONITOR_BREEZE__APP_KEY": f"{APP_KEY} {SECRET_KEY}"}},
    {"env": {"MONITOR_BREEZE__APP_KEY": f"{APP_KEY}\udcff"}},
    {"env": {"MONITOR_BREEZE__SECRET_KEY": SECRET_KEY}},
    {"env": {**SECRETS, "MONITOR_INTERVAL_SECONDS": "0"}},
    {"env": {"MONITOR_BREEZE__APPKEY": APP_KEY}},
    {"env": {"MONITOR_BREEZE__APP_KEY__": APP_KEY}},
    {"env": {"MONITOR_BREEZE": APP_KEY}},
    {"env": {"MONITOR_BREEZE": f'{{"app_key": "{APP_KEY}"'}},
    {"env": {"MONITOR_BREEZE": f'["{APP_KEY}"]'}},
    {"env": {"MONITOR_BREEZE": f'{{"app_key": {{"x": "{APP_KEY}"}}}}'}},
    {"env": {"MONITOR_BREEZE__BASE_URL": f"https://user:{SECRET_KEY}@x"}},
    {"env": {"MONITOR_BREEZE__BASE_URL": f"https://user:{SECRET_KEY}\u2100@x"}},
    {"dotenv": f"MONITOR_BREEZE__APP_KEY '{APP_KEY}\n"},
    {"dotenv": f"MONITOR_BREEZE__APP_KEY='{APP_KEY}\n"},
    {"dotenv": f"MONITOR_BREEZE__APP_KEY={APP_KEY}\n{APP_KEY}=\n=\n"},
    {"toml": f'[breeze]\napp_key = "{APP_KEY}\n'},
    {"toml": f"[breeze]\napp_key = {APP_KEY}\n"},
    {"toml": f'[breeze]\napp_key = ["{APP_KEY}"]\n'},
    {"toml": f'[breeze]\napp_key = {{ x = "{APP_KEY}" }}\n'},
    {"toml": f'[breeze]\napp_key = "{APP_KEY}"\napp_key = "{SECRET_KEY}"\n'},
    {"toml": f'breeze = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "webhook"\nurl = "http://x.example/{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "webhook"\nurl = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "apprise"\nurl = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "telegram"\ntoken = "{APP_KEY} {APP_KEY}"\nchat = 1\n'},
    {"toml": f'[channels.a]\nkind = "telegram"\ntoken = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\ntoken = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "alertmanager"\nurl = "http://a:{APP_KEY}@10.0.0.7:9093"\n'},
    {"toml": f'[channels.a]\nkind = "alertmanager"\nurl = "http://[{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "alertmanager"\nurl = "https://x/?{APP_KEY}"\n'},
    {"toml": f'[dead_man]\nchain_url = "http://x.example/{APP_KEY}"\n'},
    {"toml": f'[dead_man]\ndelivery_url = "{APP_KEY}"\n'},
    {"toml": f'[channels.a]\nkind = "file"\npath = "x"\nurl = "https://x/{APP_KEY}"\n'},
    {"env": {"MONITOR_CHANNELS__A__URL": APP_KEY}},
    {"env": {"MONITOR_CHANNELS__A": f'{{"kind": "webhook", "url": ["{APP_KEY}"]}}'}},
]


@pytest.mark.fault("O3")
@pytest.mark.parametrize("place", FAULTY)
def test_a_secret_is_in_no_fault_and_no_traceback(give: Give, place: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as refused:
        give(**place)
    error = refused.value
    shown = [str(error), repr(error), *error.faults]
    shown += traceback.format_exception(error)
    assert not [text for text in shown if "CANARY" in text]
    # Nothing hangs on it that a reporter of errors could unfold.
    assert error.__cause__ is None
    assert error.__context__ is None


def test_a_secret_is_in_no_fault_when_the_file_is_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(f"MONITOR_BREEZE__APP_KEY={APP_KEY}\xe9".encode("latin-1"))
    (tmp_path / "monitor.toml").write_bytes(f'breeze.app_key = "{APP_KEY}\xe9"'.encode("latin-1"))
    with pytest.raises(SettingsError) as refused:
        load(Home(tmp_path), {})
    assert len(refused.value.faults) == 2
    assert "CANARY" not in "".join(traceback.format_exception(refused.value))
    assert refused.value.__context__ is None


def test_a_collector_that_runs_with_secrets_writes_them_nowhere(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    environ = {
        **os.environ,
        **SECRETS,
        "MONITOR_HOME": str(home),
        "MONITOR_INTERVAL_SECONDS": "0.25",
        "MONITOR_BREEZE__BASE_URL": "http://127.0.0.1:9",  # nobody listens there
    }
    said = tmp_path / "said"
    with said.open("wb") as out:
        collector = subprocess.Popen(
            [sys.executable, "-m", "collectors"], env=environ, stdout=out, stderr=out
        )
    try:
        state = home / "data" / "state" / "collector.json"
        deadline = time.monotonic() + 60
        while not (state.exists() and list(home.glob("data/monitoring/metrics_*.json"))):
            assert collector.poll() is None, said.read_text()
            assert time.monotonic() < deadline, said.read_text()
            time.sleep(0.05)
    finally:
        collector.send_signal(signal.SIGTERM)
        collector.wait(60)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert state in written
    assert b"breeze.app_key" in state.read_bytes()
    assert [path for path in written if b"CANARY" in path.read_bytes()] == []
