"""The settings as the operator gives them: environment, `.env`, `monitor.toml`; checked whole.

Slow to import (pydantic): only processes and commands that must do so import it. Everything else
takes the `Config` that comes out.
"""

from __future__ import annotations

import difflib
import io
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, get_args, get_origin

import msgspec
from dotenv.parser import parse_stream
from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource
from pydantic_settings import SettingsError as VariableError

from evaluator.toml_places import find_places
from monitoring import config
from monitoring.config import Config
from monitoring.home import Home
from monitoring.log_sinks import printable
from monitoring.regular import read_regular
from monitoring.settings_model import SettingsModel, default_artifacts
from monitoring.settings_secrets import everybody_may_read, mode_of, secrets_in
from monitoring.settings_words import in_words

PREFIX = "MONITOR_"
DELIMITER = "__"
HOME_VARIABLE = "MONITOR_HOME"
"""Says where the settings are, and so is none of them."""

DOTENV = ".env"

MOST_BYTES = 65_536
"""What is larger is no file of settings."""

LONGEST_FAULT = 1_000
Path = tuple[str, ...]


class SettingsError(Exception):
    """The settings can't be used; `faults` names every one, with the reason and what to do."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


class BreezeSecrets(msgspec.Struct, frozen=True):
    """What the probe signs in with; never printed."""

    app_key: SecretStr
    secret_key: SecretStr | None


class Settings(msgspec.Struct, frozen=True):
    """The checked settings; `secrets_set` names the secrets that were given, not their values.

    `warnings` say what others can read or write that they should not.
    `channels` has the secret of each channel that has one, by its name; `dead_man` the addresses
    that are pinged, by what they watch.
    """

    config: Config
    breeze: BreezeSecrets | None
    secrets_set: tuple[str, ...]
    secrets: tuple[SecretStr, ...] = ()
    warnings: tuple[str, ...] = ()
    channels: dict[str, SecretStr] = {}
    dead_man: dict[str, SecretStr] = {}


class _Given(msgspec.Struct, frozen=True):
    """One value as the operator gave it: what it is called there, and in which place."""

    value: Any
    name: str
    place: str


def load(home: Home, environ: Mapping[str, str]) -> Settings:
    """Read and check all settings: environment over `.env` over `monitor.toml` over defaults.

    Raises SettingsError with every fault at once, each naming the setting.
    """
    faults: list[str] = []
    if not _is_utf8(str(home.root)):  # no state file could say which home it is of
        faults.append(f"{HOME_VARIABLE}: {home.root} is not UTF-8: choose a folder whose path is")
    given = _from_toml(home, faults)
    given |= _from_variables(_dotenv(home, faults), faults)
    given |= _from_variables(
        {name: (value, "environment") for name, value in environ.items()}, faults
    )
    faults += [_unknown(path, one) for path, one in given.items() if not _is_setting(path)]
    known = {path: one for path, one in given.items() if _is_setting(path)}
    model: SettingsModel | None = None
    try:
        model = SettingsModel(**_nested(known))
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        places = {path: f"{one.name}, {one.place}" for path, one in known.items()}
        faults += [in_words(fault, places) for fault in found]
    if model is None or faults:
        raise SettingsError([printable(fault[:LONGEST_FAULT]) for fault in faults])
    return _settings(model, home, known)


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def known_settings() -> tuple[str, ...]:
    """Return the dotted name of every setting; `*` stands for a name of the operator's choice."""
    return tuple(".".join(path) for path in _PATHS)


def variable_name(setting: str) -> str:
    """Return the environment variable of a setting's dotted name."""
    return PREFIX + setting.replace(".", DELIMITER).upper()


def _paths(model: type[BaseModel], above: Path = ()) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if get_origin(inner) is dict:
            yield from _paths(get_args(inner)[1], (*above, name, "*"))
        elif isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _paths(inner, (*above, name))
        else:
            yield (*above, name)


_PATHS = tuple(_paths(SettingsModel))


def _is_setting(path: Path) -> bool:
    return any(len(known) == len(path) and _begins(known, path) for known in _PATHS)


def _is_table(path: Path) -> bool:
    return any(len(known) > len(path) and _begins(known, path) for known in _PATHS)


def _begins(known: Path, path: Path) -> bool:
    return all(one in ("*", other) for one, other in zip(known, path, strict=False))


def _from_toml(home: Home, faults: list[str]) -> dict[Path, _Given]:
    file = home.settings
    try:
        data = read_regular(file, MOST_BYTES, follow=True)
        text = data.decode("utf-8-sig")  # some editors begin with a byte order mark
        table = tomllib.loads(text)
        places = find_places(text)
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        faults.append(f"{file.name}, line {line}: is not UTF-8: save {file} as UTF-8")
    except tomllib.TOMLDecodeError as error:
        last = f"at line {text.count(chr(10)) + 1}, the last"
        where = str(error).replace("at end of document", last)
        faults.append(f"{file.name} is not TOML: {where}: correct that line in {file}")
    except RecursionError:
        faults.append(f"{file.name} is not TOML: nested too deeply: correct {file}")
    except ValueError:  # tomllib leaves int()'s refusal of thousands of digits as it is
        faults.append(f"{file.name} holds a number of thousands of digits: correct {file}")
    except OSError as error:
        faults.append(f"{file.name} can't be read ({error.strerror}): let this user read {file}")
    else:
        return {
            path: _Given(
                value, ".".join(path), f"{file.name} line {places.line_column(places.key(path))[0]}"
            )
            for path, value in _leaves(table)
        }
    return {}


def _dotenv(home: Home, faults: list[str]) -> dict[str, tuple[str, str]]:
    """Return variable → (value, place) of the `.env` file, which need not be there."""
    file = home.root / DOTENV
    try:
        text = read_regular(file, MOST_BYTES, follow=True).decode()
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        faults.append(f".env is not UTF-8: save {file} as UTF-8")
        return {}
    except OSError as error:
        faults.append(f".env can't be read ({error.strerror}): let this user read {file}")
        return {}
    found: dict[str, tuple[str, str]] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            # The line itself is not shown: it may hold a secret.
            faults.append(
                f".env line {binding.original.line} is not NAME=value: correct it in {file}"
            )
        elif binding.key is not None and binding.value is not None:
            found[binding.key] = (binding.value, f".env line {binding.original.line}")
    return found


class _Variable(EnvSettingsSource):
    """pydantic-settings' reading of one variable, nested by `__`, that is handed in."""

    def __init__(self, name: str, value: str) -> None:
        self._given = {name.lower(): value}
        super().__init__(SettingsModel, env_prefix=PREFIX, env_nested_delimiter=DELIMITER)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._given


def _from_variables(
    variables: Mapping[str, tuple[str, str]], faults: list[str]
) -> dict[Path, _Given]:
    given: dict[Path, _Given] = {}
    ours = [name for name in variables if name.startswith(PREFIX) and name != HOME_VARIABLE]
    for name in sorted(ours, key=lambda name: (name.count(DELIMITER), name)):
        value, place = variables[name]
        path = tuple(name.removeprefix(PREFIX).lower().split(DELIMITER))
        if not (_is_setting(path) or _is_table(path)):
            faults.append(_unknown(path, _Given(None, name, place)))
        elif value:  # set to nothing is not set: what compose files do
            try:
                read = _Variable(name, value)()
            except (VariableError, RecursionError):  # JSON that is none, or nested without end
                faults.append(_unknown(path, _Given(None, name, place)))
            else:
                given |= {leaf: _Given(one, name, place) for leaf, one in _leaves(read)}
    return given


_EXAMPLES = {"artifacts": "student_model", "channels": "phone"}


def _example(table: Path, one: _Given) -> str:
    part = next(known for known in _PATHS if len(known) > len(table) and _begins(known, table))
    name = ".".join(part).replace("*", table[1] if len(table) > 1 else _EXAMPLES.get(table[0], ""))
    return f"{variable_name(name)}=…" if one.name.startswith(PREFIX) else f"{name} = …"


def _leaves(table: Mapping[str, Any], above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every value with its path; an empty table is a value unless it is one of ours."""
    for name, value in table.items():
        path = (*above, name)
        if isinstance(value, Mapping) and (value or _is_table(path)):
            yield from _leaves(value, path)
        else:
            yield path, value


def _nested(given: Mapping[Path, _Given]) -> dict[str, Any]:
    tree: dict[str, Any] = {"artifacts": default_artifacts()}
    for path, one in given.items():
        table = tree
        for name in path[:-1]:
            table = table.setdefault(name, {})
        table[path[-1]] = one.value
    return tree


def _unknown(path: Path, one: _Given) -> str:
    if _is_table(path):
        return f"{one.name} ({one.place}) is a table: set its parts, as in {_example(path, one)}"
    names = {
        ".".join(
            part if known != "*" or index >= len(path) else path[index]
            for index, (known, part) in enumerate(zip(pattern, pattern, strict=True))
        )
        for pattern in _PATHS
    }
    close = difflib.get_close_matches(".".join(path), sorted(names), 1, 0.6)
    if not close:
        return f"{one.name} ({one.place}) is not a setting: docs/settings.md lists them all"
    nearest = variable_name(close[0]) if one.name.startswith(PREFIX) else close[0]
    return f"{one.name} ({one.place}) is not a setting: did you mean {nearest}?"


def _settings(model: SettingsModel, home: Home, given: Mapping[Path, _Given]) -> Settings:
    breeze = model.breeze
    tables = {"channels", "dead_man", "breeze", "limits", "artifacts", "retention", "calendar"}
    secrets = dict(secrets_in(model))
    holding = {one.place.split()[0] for path, one in given.items() if ".".join(path) in secrets}
    files = (one for one in (home.settings, home.root / DOTENV) if one.name in holding)
    return Settings(
        config=Config(
            **model.model_dump(exclude=tables),
            calendar=config.Calendar(**model.calendar.model_dump()),
            limits=config.Limits(**model.limits.model_dump()),
            artifacts={
                name: config.Artifact(table.path, table.max_age_hours)
                for name, table in model.artifacts.items()
            },
            breeze=config.Breeze(
                configured=breeze.app_key is not None,
                **breeze.model_dump(exclude={"app_key", "secret_key"}),
            ),
            channels={
                name: config.Channel(**one.model_dump(exclude={"url", "token"}))
                for name, one in model.channels.items()
            },
            retention=config.Retention(**model.retention.model_dump()),
            chosen=tuple(sorted(".".join(path) for path in given)),
        ),
        breeze=None if breeze.app_key is None else BreezeSecrets(breeze.app_key, breeze.secret_key),
        secrets_set=tuple(secrets),
        secrets=tuple(secrets.values()),
        warnings=tuple(_warnings(home, files)),
        channels={
            name: one.secret for name, one in model.channels.items() if one.secret is not None
        },
        dead_man={
            name.removesuffix("_url"): url for name, url in model.dead_man if url is not None
        },
    )


def _warnings(home: Home, with_secrets: Iterable[FilePath]) -> Iterator[str]:
    if mode_of(home.root) & stat.S_IWOTH:
        yield (
            f"everybody may write into {home.root}, and so plant settings and rules there: "
            "close it to others (chmod o-w)"
        )
    for file in with_secrets:
        if everybody_may_read(file):
            yield f"{file} holds a secret, and everybody may read it: close it (chmod o=)"
