"""`monitor config show`: the settings in force, without secrets."""

from __future__ import annotations

import os
from typing import Any

import click
import msgspec

from evaluator.instant import Instant
from monitoring.config import Config
from monitoring.home import Home
from monitoring.process_life import ProcTable, life_of
from scripts.cli.desk import desk
from scripts.cli.failure import Failure
from scripts.cli.terminal import Line, Span, show, show_json, uncut


class Setting(msgspec.Struct, frozen=True):
    """One setting: its dotted name, its value, and whether the operator set it."""

    name: str
    value: Any
    source: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, as `--json` prints them."""

    home: str
    source: str
    secrets_set: list[str]
    settings: list[Setting]


@click.group()
def config() -> None:
    """The settings in force."""


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_config(as_json: bool) -> None:
    """Print every setting, its value, and whether it was set or is the default.

    They are those that the processes run with; before they ever ran, those they would run with.
    """
    here = desk()
    shown = effective(here.home, here.clock())
    if as_json:
        show_json(shown)
    else:
        show(config_lines(shown), uncut(here.terminal))


def effective(home: Home, now: Instant) -> Shown:
    """Return the settings in force. Raises `Failure` when they are wrong and nothing ran yet."""
    for process in ("scheduler", "collector"):
        state, life = life_of(home.state, process, now, ProcTable())
        if state is not None:
            runs = "runs with" if life.good else f"ran with ({life.why})"
            return Shown(
                home=str(home.root),
                source=f"what the {process} {runs}",
                secrets_set=sorted(state.secrets_set),
                settings=settings_of(state.config),
            )
    from monitoring.settings import SettingsError, load  # noqa: PLC0415 - slow: pydantic

    try:
        loaded = load(home, os.environ)
    except SettingsError as error:
        raise Failure("\n".join(error.faults), f"Correct {home.settings}.", code=1) from None
    return Shown(
        home=str(home.root),
        source="settings files and environment (no process has run yet)",
        secrets_set=sorted(loaded.secrets_set),
        settings=settings_of(loaded.config),
    )


def settings_of(config: Config) -> list[Setting]:
    """Return each setting flat, in the order of the record."""
    flat: list[Setting] = []

    def add(prefix: str, value: Any) -> None:
        if isinstance(value, dict) and value:
            for name, inner in value.items():
                add(f"{prefix}.{name}" if prefix else name, inner)
        else:
            chosen = any(prefix == c or prefix.startswith(f"{c}.") for c in config.chosen)
            flat.append(Setting(prefix, value, "set" if chosen else "default"))

    fields = msgspec.to_builtins(config)
    fields.pop("chosen")
    add("", fields)
    return flat


def config_lines(shown: Shown) -> list[Line]:
    """Return the settings as an aligned table."""
    wide = max(len(setting.name) for setting in shown.settings)
    lines: list[Line] = [
        [Span("home    ", "dim"), Span(shown.home)],
        [Span("source  ", "dim"), Span(shown.source)],
        [Span("secrets ", "dim"), Span(", ".join(shown.secrets_set) or "none set")],
        [],
    ]
    for setting in shown.settings:
        mine = setting.source == "set"
        lines.append(
            [
                Span(f"{setting.name:<{wide}}  "),
                Span(f"{_text(setting.value):<24}", "strong" if mine else ""),
                Span(f"  {setting.source}", "good" if mine else "dim"),
            ]
        )
    return lines


def _text(value: Any) -> str:
    if value is None:
        return "off"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value):
        return str(int(value))  # as it would be written in monitor.toml
    if isinstance(value, list | tuple):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, dict) and value:  # one user of a channel, as the settings name them
        return ":".join(str(part) for part in value.values())
    return str(value)
