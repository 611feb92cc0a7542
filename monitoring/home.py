"""Where everything lies: one home folder, one engine."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

SETTINGS_FILE = "monitor.toml"


class Home(msgspec.Struct, frozen=True):
    """The layout below one home folder. `root` is absolute."""

    root: Path

    @property
    def settings(self) -> Path:
        """The operator's settings file."""
        return self.root / SETTINGS_FILE

    @property
    def rules(self) -> Path:
        """The operator's own rules."""
        return self.root / "rules.toml"

    @property
    def notify(self) -> Path:
        """Whom alerts go to, and what of them may wait."""
        return self.root / "notify.toml"

    @property
    def oncall(self) -> Path:
        """Who is on call, and whom an alert climbs to that nobody takes."""
        return self.root / "oncall.toml"

    @property
    def heartbeat(self) -> Path:
        """What the engine writes."""
        return self.root / "data" / "heartbeat"

    @property
    def snapshots(self) -> Path:
        """Snapshots, loose and packed."""
        return self.root / "data" / "monitoring"

    @property
    def quarantine(self) -> Path:
        """Heartbeat lines that were rejected, with the reason."""
        return self.root / "data" / "quarantine"

    @property
    def history(self) -> Path:
        """The index of all snapshots' numbers."""
        return self.root / "data" / "history.sqlite3"

    @property
    def spool(self) -> Path:
        """Commands of the operator that wait for the scheduler."""
        return self.root / "data" / "spool"

    @property
    def state(self) -> Path:
        """What the processes say of themselves; their locks and ballast."""
        return self.root / "data" / "state"

    @property
    def rules_in_force(self) -> Path:
        """The text of the rules that the scheduler took over last; it writes it, nobody else."""
        return self.state / "rules_in_force.toml"

    @property
    def routes_in_force(self) -> Path:
        """The routes that the notifier took over last; it writes them, nobody else."""
        return self.state / "routes_in_force.json"

    @property
    def oncall_in_force(self) -> Path:
        """The on-call set-up that the notifier took over last; it writes it, nobody else."""
        return self.state / "oncall_in_force.json"

    @property
    def alerts(self) -> Path:
        """The alert log."""
        return self.root / "logs" / "alerts"

    @property
    def deliveries(self) -> Path:
        """What the notifier sent, and is about to send."""
        return self.root / "logs" / "deliveries"

    @property
    def logs(self) -> Path:
        """The processes' own logs; the alert log is below."""
        return self.root / "logs"


def find_home(environ: Mapping[str, str], cwd: Path) -> Home:
    """Return the home: `MONITOR_HOME`, else the nearest folder upward with settings, else `cwd`.

    Upward, no settings count that a stranger may have planted in a folder open to everybody (/tmp).
    """
    here = cwd.absolute()
    named = environ.get("MONITOR_HOME")
    if named:
        # os.path, since Path.expanduser raises for a user that there is not
        return Home(here / os.path.expanduser(named))
    for folder in (here, *here.parents):
        # os.path, since Path.is_file raises for a folder that this user may not look into
        if os.path.isfile(folder / SETTINGS_FILE) and not _planted(folder):
            return Home(folder)
    return Home(here)


def _planted(folder: Path) -> bool:
    open_to_all = folder.stat().st_mode & stat.S_IWOTH
    owner = (folder / SETTINGS_FILE).lstat().st_uid
    return bool(open_to_all) and owner not in (0, os.geteuid())
