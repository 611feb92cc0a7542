"""The `monitor` command in this process: its real entry, what it prints, its exit code."""

from __future__ import annotations

import io
import json
import os
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from scripts.monitor import run

READERS = [
    ("status",), ("status", "--json"), ("health",), ("health", "--json"),
    ("tail", "--no-follow", "-n", "50"), ("tail", "--no-follow", "--json"),
    ("facts",), ("facts", "--json"), ("rules", "list"), ("rules", "list", "--json"),
    ("rules", "explain", "stale_student_model"), ("rules", "explain", "heartbeat_lapsed", "--json"),
    ("rules", "check"),
    ("metrics", "*", "--since", "1h"), ("metrics", "--format", "csv", "*", "--since", "1h"),
    ("metrics", "--json", "*"), ("metrics", "--list"), ("metrics", "--every", "5m"),
    ("silence", "list"), ("silence", "list", "--json"), ("market", "show"),
    ("market", "show", "--json"), ("report",), ("report", "--json"), ("preflight",),
    ("preflight", "--json"), ("config", "show"), ("config", "show", "--json"),
]  # fmt: skip
DOCUMENTED = {0, 1, 2, 3}


def monitor(home: Path, *arguments: str) -> tuple[int, str]:
    """Return the exit code and all that was printed; what isn't caught inside is raised."""
    out, err = io.StringIO(), io.StringIO()
    environ = {name: value for name, value in os.environ.items() if name[:8] != "MONITOR_"}
    with (
        patch.dict(os.environ, environ | {"MONITOR_HOME": str(home)}, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(list(arguments))
    if "--json" in arguments and code == 0:
        for line in [out.getvalue()] if "tail" not in arguments else out.getvalue().splitlines():
            json.loads(line)
    return code, out.getvalue() + err.getvalue()


def unprintable(said: str) -> set[str]:
    """Return the characters by which a text could steer a terminal."""
    return {one for one in said if not one.isprintable() and one not in "\n\u200c\u200d"}
