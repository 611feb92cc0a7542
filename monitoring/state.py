"""State files: what each process says of itself, replaced each cycle."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from evaluator.incident import Scalar
from evaluator.instant import Instant
from evaluator.rules import Fault
from monitoring.atomic import write_atomic
from monitoring.config import Config
from monitoring.regular import read_regular

MOST_BYTES = 16 * 1024 * 1024
"""What is larger is no state file of ours."""


class JobState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One APScheduler job: last run (ISO), how often it missed or failed, the last error."""

    last_run: str | None = None
    next_run: str | None = None
    runs: int = 0
    missed: int = 0
    skipped: int = 0
    failed: int = 0
    last_failed: bool = False
    error: str | None = None


class RuleState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One rule at the last evaluation: its verdict and why, in words; `off`: a limit isn't set.

    `never_seen`: it can't hold for want of `wanting`, facts that nobody ever reported.
    """

    verdict: str
    why: str = ""
    never_seen: bool = False
    enabled: bool = True
    off: bool = False
    wanting: tuple[str, ...] = ()


RulesSource = Literal["file", "kept", "built-in"]
"""Where the rules in force come from; `kept`: the file was sound once, and is not any more."""


class RulesFile(msgspec.Struct, kw_only=True, omit_defaults=True):
    """`rules.toml` as the scheduler takes it; `faults`: it is refused."""

    source: RulesSource = "file"
    faults: list[Fault] = []


class ChannelState(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One channel of the notifier: what is not sent yet, since when it can't be and why, and what
    was given up within the last day. `provider`: whose service it is, empty: nobody's.
    """

    provider: str | None = None
    outstanding: int = 0
    failing_since: Instant | None = None
    failing_reason: str = ""
    dead: int = 0
    dead_since: Instant | None = None
    dead_reason: str = ""


class ProcessState(msgspec.Struct, kw_only=True):
    """`data/state/<process>.json`.

    `seen` are the facts of engine and collector that were ever reported.
    """

    process: str
    pid: int
    version: str
    started: Instant
    updated: Instant
    home: str
    config: Config
    secrets_set: tuple[str, ...] = ()
    snapshot: str | None = None
    snapshot_number: int | None = None
    alert_seq: int | None = None
    jobs: dict[str, JobState] = {}
    rules: dict[str, RuleState] = {}
    rules_file: RulesFile = msgspec.field(default_factory=RulesFile)
    seen: tuple[str, ...] = ()
    facts: dict[str, Scalar | None] = {}
    channels: dict[str, ChannelState] = {}
    degraded: list[str] = []


def write_state(folder: Path, state: ProcessState) -> None:
    """Replace the state file of `state.process`. Raises OSError."""
    write_atomic(folder / f"{state.process}.json", msgspec.json.encode(state), durable=False)


def read_state(folder: Path, process: str) -> ProcessState | None:
    """Return the state of a process, None when it never ran or the file can't be understood."""
    try:
        data = read_regular(folder / f"{process}.json", MOST_BYTES)
        return msgspec.json.decode(data, type=ProcessState)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
