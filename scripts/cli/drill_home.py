"""A drill's own home and its three processes; nothing of it is left afterwards.

The channels, with their secrets, come to its notifier on stdin, and are in no file.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from monitoring.config import Channel
from monitoring.home import Home
from monitoring.settings import Settings, variable_name
from monitoring.state import read_state
from scripts.children import dies_with_us, end
from scripts.cli.channel_choice import NOT_SENT
from scripts.cli.drill_rule import rules_text, settings_text
from scripts.cli.failure import Failure

COMMANDS = {
    "collector": ["collectors"],
    "scheduler": ["scheduler"],
    "notifier": ["notifier", "--drill"],
}
POLL_SECONDS = 0.02
START_SECONDS = 60.0


class DrillHome:
    """A home below the system's temporary folder; leaving the context ends and removes it all."""

    def __init__(
        self, real: Home, settings: Settings, channels: tuple[str, ...], rule: str
    ) -> None:
        self._real = real
        self._settings = settings
        self._channels = channels
        self._rule = rule
        self._interrupted = False
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.home = Home(Path(tempfile.mkdtemp(prefix="tickbeat-drill-")))

    def __enter__(self) -> DrillHome:
        # A flag, since an exception may come where nothing can be thrown, and be lost there.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._interrupt)
        config = self._settings.config
        try:
            text = settings_text(config.engine, config.timezone)
            self.home.settings.write_text(text, encoding="utf-8")
            self.home.rules.write_text(rules_text(self._rule), encoding="utf-8")
            for name in COMMANDS:
                self._children[name] = self._start(name)
            for name, child in self._children.items():
                self.wait(partial(self._runs, name, child), name)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for name in reversed(COMMANDS):  # the notifier first: it would tell that the others end
            if name in self._children:
                end(self._children[name], 5.0)
        shutil.rmtree(self.home.root, ignore_errors=True)

    def wait(self, happened: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> Any:
        """Return the first true value, or raise `Failure` when it does not come in time.

        Raises KeyboardInterrupt when a signal asked for the end.
        """
        until = time.monotonic() + seconds
        while not (value := happened()):
            if self._interrupted:
                raise KeyboardInterrupt
            for name, child in self._children.items():
                if child.poll() is not None:
                    raise self._failure(f"The drill's {name} ended by itself.", name)
            if time.monotonic() > until:
                raise self._failure(f"Nothing of the {what} within {seconds:g} s.", "")
            time.sleep(POLL_SECONDS)
        return value

    def _interrupt(self, *_: object) -> None:
        self._interrupted = True

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        environ["MONITOR_HOME"] = str(self.home.root)
        with (self.home.root / f"{name}.out").open("wb") as out:
            child = subprocess.Popen(  # noqa: S603 -- our own interpreter and arguments
                [sys.executable, "-P", "-m", *COMMANDS[name]],
                stdin=subprocess.PIPE, stdout=out, stderr=out,
                env=environ, cwd=self.home.root, start_new_session=True,
                preexec_fn=dies_with_us(signal.SIGTERM),  # noqa: PLW1509 -- no threads yet
            )  # fmt: skip
        if child.stdin is not None:
            # One that ended already is found out in `wait`.
            with contextlib.suppress(BrokenPipeError), child.stdin as given:
                if name == "notifier":
                    variables = channel_variables(self._settings, self._channels, self._real)
                    given.write(msgspec.json.encode(variables))
        return child

    def _runs(self, name: str, child: subprocess.Popen[bytes]) -> bool:
        state = read_state(self.home.state, name)
        return state is not None and state.pid == child.pid

    def _failure(self, what: str, process: str) -> Failure:
        said = ""
        if process:
            text = (self.home.root / f"{process}.out").read_text(errors="replace")
            said = "".join(f"\n{line}" for line in text.splitlines()[-5:])
        todo = "See that the machine is not overloaded, and try again."
        return Failure(what + said, todo, code=NOT_SENT)


def channel_variables(settings: Settings, channels: tuple[str, ...], real: Home) -> dict[str, str]:
    """Return the channels as environment variables, their secrets too; paths lead to the real home.

    A part that is as its kind has it by default is left out: another kind may not have it at all.
    So are the people who may press buttons: a drill listens to nobody, and below its messages there
    are none.
    """
    found: dict[str, str] = {}
    for name in channels:
        channel = settings.config.channels[name]
        usual = Channel(kind=channel.kind)
        for field in Channel.__struct_fields__:
            value = getattr(channel, field)
            if field == "path" and value is not None:
                value = str(real.root / value)
            if field == "kind" or (field != "users" and value != getattr(usual, field)):
                text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
                found[variable_name(f"channels.{name}.{field}")] = text
        for setting in settings.secrets_set:
            if setting.startswith(f"channels.{name}."):
                found[variable_name(setting)] = settings.channels[name].get_secret_value()
    return found
