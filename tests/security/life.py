"""A home in which everything has run: both processes, an engine, and every `monitor` command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click

from scripts.cli.lazy import LazyGroup
from scripts.monitor import COMMANDS
from tests import unmeasured
from tests.breeze_stub import Stub
from tests.faults.conftest import SETTINGS, Monitored
from tests.security import canaries

HERE = Path(__file__).parent
RULES = """\
[facts]
"custom.told" = { type = "text" }

[[rule]]
name = "theirs"
severity = "WARNING"
when = ["custom.told != ''"]
message = "The engine says {custom.told}"
context = ["custom.told"]
"""
RULE = "theirs"
SPY = """\
import json, os, sys
with open({0!r}, "a") as out:
    out.write(json.dumps([sys.orig_argv, dict(os.environ)]) + "\\n")
"""
UNDER_UMASK = 'umask "$0"; ulimit -S -c "$(ulimit -H -c)"; exec "$@"'


class Life:
    """What there is to look at afterwards."""

    def __init__(self, root: Path, umask: str, told: str) -> None:
        self.root = root
        self.umask = umask
        self.told = told
        self.outputs = root / "outputs"
        self.outputs.mkdir()
        self.ground = Monitored(root / "home", self.outputs)
        self.started: list[list[Any]] = []
        """Command line and environment of every Python process that `monitor` started."""
        self.cmdlines: list[bytes] = []
        self.limits: list[str] = []
        """What the kernel allows collector and scheduler (proc_pid_limits(5))."""

    @property
    def home(self) -> Any:
        return self.ground.home

    def live(self, stub: Stub) -> None:
        ground = self.ground
        ground.environ = {
            **{k: v for k, v in unmeasured.environ().items() if not k.startswith("MONITOR_")},
            **canaries.environment(),
            "MONITOR_HOME": str(self.home.root),
            "MONITOR_BREEZE__BASE_URL": f"{stub.url}/echo",
        }
        self.commands([["breeze", "login"]], said=f"{canaries.SESSION_KEY}\n")
        try:
            collector, scheduler = self._run()
            self.commands(self._every_command())
            collector.send_signal(signal.SIGABRT)  # as systemd's watchdog ends what hangs
            assert collector.wait(60) == -signal.SIGABRT
            ground.stop()
            assert scheduler.returncode == 0
        finally:
            ground.end()

    def _run(self) -> tuple[Any, Any]:
        ground = self.ground
        under = ("sh", "-c", UNDER_UMASK, self.umask)
        faulting = ("-X", "faulthandler", "-m")
        collector = ground.start(*faulting, "collectors", wrapper=under)
        ground.wait(self._echoed, "Breeze's echo")
        scheduler = ground.start(*faulting, "scheduler", wrapper=under)
        engine = ground.engine()
        ground.tell(engine, "ticks", {"custom": {"told": self.told, self.told: 1.0}})
        ground.append("main.jsonl", f"no tick: {self.told}\n".encode())
        ground.wait(lambda: ground.firing(RULE), "the alert")
        ground.wait(self.home.history.is_file, "the index")
        ground.wait(lambda: list(self.home.quarantine.glob("*")), "the rejected line")
        self.cmdlines = [Path(f"/proc/{one.pid}/cmdline").read_bytes() for one in ground.running]
        self.limits = [
            Path(f"/proc/{one.pid}/limits").read_text() for one in (collector, scheduler)
        ]
        return collector, scheduler

    def _echoed(self) -> bool:
        return any("no such keys" in (one.breeze.detail or "") for one in self.ground.snapshots())

    def _every_command(self) -> list[list[str]]:
        heartbeat = next(iter(self.home.heartbeat.glob("main-*.jsonl")))
        other = self.root / "other"
        ways: dict[str, list[list[str]]] = {
            "init": [["--home", str(other), "--yes"], ["--home", str(self.home.root), "--yes"]],
            "status": [[], ["--json"], ["--svg", str(self.root / "outputs" / "status.svg")]],
            "tail": [["--no-follow"], ["--no-follow", "--json"]],
            "metrics": [["--list"], ["custom.*", "--format", "csv"], ["custom.*"]],
            "report": [[], ["--markdown"]],
            "ack": [[RULE, "--reason", self.told], ["nothing"]],
            "unack": [[RULE]],
            "market open": [["10:00-11:00"]],
            "market extend": [["23:00"]],
            "market skip": [["today"]],
            "market clear": [["all"]],
            "silence add": [["WARNING", "--for", "1h", "--reason", self.told]],
            "silence expire": [["nothing"]],
            "rules check": [[], [str(self.root / "faulty.toml")]],
            "rules explain": [[RULE]],
            "rules test": [["docs/rules/scenarios/disk_low.toml"]],
            "rules backtest": [[], ["--heartbeat", str(heartbeat)]],
            "breeze login": [[]],
            "nonsense": [[]],
        }  # fmt: skip
        (self.root / "faulty.toml").write_text(f"[[rule]]\nname = {json.dumps(self.told)}\nx = 1\n")
        with click.Context(LazyGroup("monitor", COMMANDS, "")) as context:
            names = list(_leaves(context.command, context))
        assert set(ways) - {"nonsense"} <= set(names)
        return [
            [*name.split(), *way] for name in [*names, "nonsense"] for way in ways.get(name, [[]])
        ]

    def commands(self, arguments: list[list[str]], said: str = "") -> None:
        """Run commands; a spy in each Python process says how it was started."""
        spied = self.root / "spied"
        spy = self.root / "spy"
        spy.mkdir(exist_ok=True)
        (spy / "sitecustomize.py").write_text(SPY.format(str(spied)))
        with (self.outputs / "commands.out").open("ab") as out:
            done = subprocess.run(
                ["sh", "-c", UNDER_UMASK, self.umask, sys.executable, str(HERE / "commands.py")],
                input=json.dumps([(one, said) for one in arguments]).encode(),
                cwd=HERE.parents[1], stdout=out, stderr=out, check=False, timeout=120,
                env=self.ground.environ | {"PYTHONPATH": str(spy)},
            )  # fmt: skip
        assert done.returncode == 0, self.said()
        lines = [json.loads(line) for line in spied.read_text().splitlines()]
        self.started += [one for one in lines if "commands.py" not in one[0][-1]]
        spied.unlink()

    def said(self) -> str:
        return self.ground.said()


def _leaves(group: Any, context: click.Context, above: str = "") -> Any:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _leaves(command, context, f"{above}{name} ")
        else:
            yield above + name


def lived(root: Path, umask: str, told: str) -> Life:
    """Return a life that has ended."""
    root.mkdir()
    (root / "home").mkdir(mode=0o750)
    life = Life(root, umask, told)
    home = life.home
    home.settings.write_text(SETTINGS + canaries.toml())
    (home.root / ".env").write_text(canaries.dotenv())
    home.rules.write_text(RULES)
    for file in (home.settings, home.root / ".env"):
        os.chmod(file, 0o600)
    with Stub() as stub:
        life.live(stub)
    return life
