"""Where everything lies: one home folder, one engine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

SETTINGS_FILE = "monitor.toml"


class Home(msgspec.Struct, frozen=True):
    """The layout below one home folder. `root` is absolute."""

    root: Path

    @property
    def settings(self) -> Path:
        return self.root / SETTINGS_FILE

    @property
    def rules(self) -> Path:
        return self.root / "rules.toml"

    @property
    def heartbeat(self) -> Path:
        return self.root / "data" / "heartbeat"

    @property
    def snapshots(self) -> Path:
        return self.root / "data" / "monitoring"

    @property
    def quarantine(self) -> Path:
        return self.root / "data" / "quarantine"

    @property
    def history(self) -> Path:
        return self.root / "data" / "history.sqlite3"

    @property
    def spool(self) -> Path:
        return self.root / "data" / "spool"

    @property
    def state(self) -> Path:
        return self.root / "data" / "state"

    @property
    def alerts(self) -> Path:
        return self.root / "logs" / "alerts"

    @property
    def logs(self) -> Path:
        return self.root / "logs"


def find_home(environ: Mapping[str, str], cwd: Path) -> Home:
    """Return the home: `MONITOR_HOME`, else the nearest folder upward with `monitor.toml`, else `cwd`."""
    named = environ.get("MONITOR_HOME")
    if named:
        return Home(Path(named).expanduser().absolute())
    here = cwd.absolute()
    for folder in (here, *here.parents):
        if (folder / SETTINGS_FILE).is_file():
            return Home(folder)
    return Home(here)
