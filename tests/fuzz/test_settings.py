"""Settings of any content, from every place: a config in bounds, or faults that name them all."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitoring.config import Config
from monitoring.home import Home
from monitoring.settings import Settings, SettingsError, known_settings, load, variable_name
from tests.fuzz.commands import monitor, unprintable
from tests.fuzz.conftest import emptied, fewer
from tests.fuzz.garbage import BYTES, TEXT, spoilt

SECRET = "canary-5f1c"
SETTINGS = [name.replace("*", "student_model") for name in known_settings()]
NUMBERS = [
    "0",
    "-1",
    "1",
    "10",
    "0.5",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "1e-400",
    "9" * 5_000,
    "1" + "0" * 400,
]
VALUES = st.one_of(
    st.sampled_from(
        [
            *NUMBERS,
            "true",
            "false",
            "off",
            '"off"',
            '"10"',
            '""',
            "[]",
            "{}",
            '["a"]',
            '{"a":1}',
            "[" * 3_000,
            '{"a":' * 900 + "1" + "}" * 900,
            '"09:15-15:30"',
            '"25:99"',
            '"XNSE"',
            '"always"',
            '"../../x"',
            '"Asia/Kolkata"',
            '"\\u0000"',
            "2025-10-12",
            "09:15:00",
            '"http://127.0.0.1:1/x"',
            '"ftp://x"',
            "=",
            "'",
            '"""x"""',
        ]
    ),
    TEXT.map(lambda text: '"' + text.replace("\\", "").replace('"', "") + '"'),
)
NAMES = st.one_of(
    st.sampled_from(SETTINGS),
    st.sampled_from(SETTINGS).map(lambda name: name[:-1]),
    st.sampled_from(
        ["limits", "artifacts", "breeze", "artifacts.x.y.z", "a.b.c.d.e", "artifacts..path", "HOME"]
    ),
)
ENVIRON = st.dictionaries(
    st.one_of(NAMES.map(variable_name), TEXT.map(lambda text: f"MONITOR_{text}")),
    st.one_of(VALUES, TEXT),
    max_size=3,
)
LINES = st.lists(st.builds("{} = {}".format, NAMES, VALUES), max_size=4).map("\n".join)
SOUND = b"""\
interval_seconds = 5
[limits]
daily_loss_pct = 2.0
[artifacts.student_model]
path = "m/*.bin"
"""
TOML = st.one_of(
    LINES.map(lambda text: text.encode("utf-8", "surrogatepass")), spoilt(SOUND), BYTES
)
DOTENV = st.one_of(
    st.lists(
        st.builds("{}={}".format, NAMES.map(variable_name), st.one_of(VALUES, TEXT)), max_size=3
    ).map(lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")),
    BYTES,
)


def loaded(home: Home, environ: dict[str, str]) -> Settings | list[str]:
    try:
        return load(home, environ)
    except SettingsError as error:
        return error.faults


def numbers(record: object) -> list[float]:
    """Return every number of a config."""
    if isinstance(record, dict):
        return [one for value in record.values() for one in numbers(value)]
    return [record] if isinstance(record, int | float) else []


def check(config: Config) -> None:
    plain = msgspec.to_builtins(config)
    assert all(math.isfinite(one) and abs(one) < 1e18 for one in numbers(plain))
    assert config.interval_seconds >= 0.25
    assert config.evaluate_seconds > 0
    assert config.poll_seconds > 0
    assert msgspec.json.decode(msgspec.json.encode(config), type=Config) == config
    assert len(msgspec.json.encode(config)) <= 256 * 1024


@fewer(3)
@given(environ=ENVIRON, toml=TOML, dotenv=DOTENV)
def test_settings_are_in_bounds_or_refused_by_name(
    environ: dict[str, str], toml: bytes, dotenv: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = Home(emptied(tmp_path_factory))
    home.settings.write_bytes(toml)
    (home.root / ".env").write_bytes(dotenv)
    secret = {"MONITOR_BREEZE__SECRET_KEY": SECRET, "MONITOR_BREEZE__APP_KEY": SECRET}
    found = loaded(home, secret | environ)
    if isinstance(found, Settings):
        check(found.config)
        assert SECRET not in repr(found)
        return
    said = "".join(found)
    assert found
    assert all(found)
    assert unprintable(said) == set()
    assert SECRET not in said
    assert max(map(len, found)) < 2_000


@fewer(10)
@given(toml=TOML)
def test_config_show_says_what_is_wrong(
    toml: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root: Path = emptied(tmp_path_factory)
    (root / "monitor.toml").write_bytes(toml)
    code, said = monitor(root, "config", "show")
    assert code in {0, 1}
    assert said
    assert unprintable(said) == set()
