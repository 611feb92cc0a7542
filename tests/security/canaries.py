"""Secrets that are easy to find again, in every setting that is one."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import BaseModel, SecretStr

from monitoring.settings import variable_name
from monitoring.settings_model import SettingsModel

MARK = b"CANARY"
SESSION_KEY = "CANARY-session/key+1="
HARD = "CANARY-{}-\"'\\%7b"
"""What JSON, Python and URLs write in another way: whole in no text that quotes it."""


CHANNELS = {
    "channels.canary.url": "channels.hook.url",
    "channels.canary.token": "channels.phone.token",
}
"""A channel has one secret, by its kind."""

NEEDED = {
    "channels.hook.kind": "webhook",
    "channels.phone.kind": "telegram",
    "channels.phone.chat": "1",
    "channels.phone.users": "1:Asha:acknowledge",
    "channels.phone.base_url": "http://127.0.0.1:9",
}
"""What else makes them channels."""


def secret_settings() -> Iterator[str]:
    """Yield the dotted name of every secret, with a table's name where the operator chooses one."""
    for name in _declared(SettingsModel):
        yield CHANNELS.get(name, name)


def _declared(model: type[BaseModel], above: str = "") -> Iterator[str]:
    """Yield the dotted name of every setting that the model declares as a secret."""
    for name, field in model.model_fields.items():
        if (
            typing.get_origin(field.annotation) is dict
        ):  # tables with names of the operator's choice
            name += ".canary"  # noqa: PLW2901 -- one of them stands for all
        for part in _parts(field.annotation):
            if part is SecretStr:
                yield above + name
            elif isinstance(part, type) and issubclass(part, BaseModel):
                yield from _declared(part, f"{above}{name}.")


def _parts(annotation: object) -> Iterator[object]:
    yield annotation
    for part in typing.get_args(annotation):
        yield from _parts(part)


def environment() -> dict[str, str]:
    given = {name: HARD.format(f"env-{name}") for name in secret_settings()} | NEEDED
    for name in given:
        if name.endswith("url") and MARK.decode() in given[name]:
            given[name] = f"https://127.0.0.1:9/{given[name]}"
    return {variable_name(name): value for name, value in given.items()}


def dotenv() -> str:
    lines = (f"{variable_name(name)}=CANARY-dotenv-{name}\n" for name in secret_settings())
    return "".join(lines)


def toml() -> str:
    places = [name.rpartition(".") for name in secret_settings()]
    assert all(table for table, _, _ in places), "a secret outside of a table must stand on top"
    lines = []
    for table in dict.fromkeys(table for table, _, _ in places):
        lines.append(f"[{table}]")
        lines += [f'{name} = "CANARY-toml"' for other, _, name in places if other == table]
    return "\n".join(lines) + "\n"


def holding(root: Path, allowed: Mapping[Path, int] | set[Path] = frozenset()) -> list[str]:
    """Return the files below a folder that hold a canary, save those allowed."""
    found = []
    for path in root.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in allowed:
            data = path.read_bytes()
            if MARK in data or b"Q0FOQVJZ" in data:  # the same in base64
                found.append(str(path))
    return found
