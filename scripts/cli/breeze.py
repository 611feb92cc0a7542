"""`monitor breeze login`: hand the day's session key to the collector."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import click

from monitoring.atomic import SECRET_MODE, make_folder, write_atomic
from monitoring.home import Home
from scripts.cli.desk import desk
from scripts.cli.failure import Failure
from scripts.cli.tail import config_of
from scripts.cli.terminal import Span, show, show_json

LOGIN_URL = "https://api.icicidirect.com/apiuser/login?api_key="
"""Where ICICI Direct hands out the day's session key (Breeze API, "Login")."""

_KEY = re.compile(r"[A-Za-z0-9._=+/-]{4,256}")


@click.group()
def breeze() -> None:
    """The broker session."""


@breeze.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def login(as_json: bool) -> None:
    """Store the day's session key where the collector reads it.

    The key comes from a prompt or from stdin, never from the command line, where other users could
    read it. The whole link that the login page sends you to (…?apisession=12345678) will do.
    """
    here = desk()
    session_file, app_key = _settings(here.home)
    asking = sys.stdin.isatty()
    if asking and app_key is not None:
        click.echo(f"Log in here, with your OTP:\n  {login_url(app_key)}", err=True)
    elif asking:
        click.echo(
            "No app key is set (MONITOR_BREEZE__APP_KEY): use your own login link.", err=True
        )
    said = (
        click.prompt("Session key, or the link you were sent to", hide_input=True, err=True)
        if asking
        else sys.stdin.readline(8192)
    )
    key = session_key(said)
    if key is None:
        raise Failure(
            "That holds no session key.",
            "Give the key alone, or the whole link with apisession=… in it.",
            code=1,
        )
    path = here.home.root / session_file
    make_folder(path.parent)
    write_atomic(path, f"{key}\n".encode(), mode=SECRET_MODE)
    if as_json:
        show_json({"session_file": str(path)})
    else:
        done = f": the session key is in {path}; the collector takes it from there by itself"
        show([[Span("done", "good"), Span(done)]], here.terminal)


def session_key(said: str) -> str | None:
    """Return the session key in what the operator gave, None when there is none in it."""
    text = said.strip()
    if "apisession=" in text.lower():
        query = parse_qs(urlsplit(text).query or text.partition("?")[2] or text)
        found = [values[0] for name, values in query.items() if name.lower() == "apisession"]
        text = found[0].strip() if found else ""
    return text if _KEY.fullmatch(text) else None


def login_url(app_key: str) -> str:
    """Return the login page's address for an app key."""
    return LOGIN_URL + quote(app_key, safe="")


def _settings(home: Home) -> tuple[Path, str | None]:
    """Return the session file and the app key; wrong settings don't keep the operator from it."""
    from monitoring.settings import SettingsError, load  # noqa: PLC0415 - slow: pydantic

    try:
        settings = load(home, os.environ)
    except SettingsError as error:
        click.echo(f"The settings are not in order: {'; '.join(error.faults)}", err=True)
        return Path(config_of(home).breeze.session_file), None
    secrets = settings.breeze
    app_key = secrets.app_key.get_secret_value() if secrets is not None else None
    return Path(settings.config.breeze.session_file), app_key or None
