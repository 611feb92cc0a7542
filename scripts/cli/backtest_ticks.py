"""Tick files as snapshots: the collector's own folding, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from evaluator.rules import RuleSet
from monitoring.config import Config
from monitoring.replay_line import ReplayLine
from scripts.cli.failure import Failure

SURROUNDINGS = frozenset(
    {
        "collector.disk_free_bytes",
        "collector.inodes_free_pct",
        "collector.network_up",
        "preflight.no_go",
        "preflight.reasons",
    }
)
"""What the collector sees by itself and no tick file holds, and what is checked with it."""

NOTHING = 3
T = TypeVar("T")


def without_surroundings(rule_sets: Sequence[RuleSet]) -> tuple[list[RuleSet], list[str]]:
    """Return the rule sets without the rules that can't be judged by ticks alone, and those rules.

    Unknown is an alarm for some of them, and here it is known that nobody looked.
    """
    left_out: dict[str, None] = {}
    kept = []
    for rules in rule_sets:
        programs = []
        for program in rules.programs:
            asks = {name for condition in program.when for name in condition.whole.names}
            if asks.isdisjoint(SURROUNDINGS):
                programs.append(program)
            else:
                left_out[program.rule.name] = None
        kept.append(RuleSet(rules.rules, rules.facts, tuple(programs), rules.compiler))
    return kept, list(left_out)


class TickFiles:
    """Runs `python -m collectors.replay` on the files while it is entered. Memory is flat: the
    child waits until its output is read.
    """

    def __init__(self, files: Sequence[Path], config: Config) -> None:
        self.notes: list[str] = []
        self._files = files
        self._config = config
        self._span: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        # What it says goes to a file: a pipe that nobody reads could fill and stop it.
        self._said = tempfile.TemporaryFile()
        self._child = subprocess.Popen(  # noqa: S603 -- our own module, by our own interpreter
            # -P: no module comes from the folder that the operator happens to be in.
            [sys.executable, "-P", "-m", "collectors.replay", *map(str, self._files)],
            # It takes its settings from stdin, and needs none of the secrets.
            env={k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        for pipe in (self._child.stdin, self._child.stdout, self._said):
            if pipe is not None:
                pipe.close()

    def share(self, wall_ms: int) -> float:
        """Return which share of the ticks lies before a time."""
        first_ms, last_ms = self._span or (0, 0)
        return (wall_ms - first_ms) / max(1, last_ms - first_ms)

    def snapshots(self, decode: Callable[[str, bytes], T]) -> Iterator[tuple[str, T]]:
        """Yield, under their names, the snapshots that the collector would have written.

        Raises `Failure` when it refused the files, in its words.
        """
        given, output = self._child.stdin, self._child.stdout
        if given is None or output is None:
            return
        given.write(msgspec.json.encode(self._config))
        given.close()
        read = msgspec.json.Decoder(ReplayLine).decode
        for text in output:
            line = read(text)
            if line.name:
                yield line.name, decode(line.name, bytes(line.snapshot))
            elif line.span is not None:
                self._span = line.span
            else:
                self.notes = line.notes or []
        if self._child.wait() != 0:
            self._said.seek(0)
            words = self._said.read().decode(errors="replace").strip()
            what, _, todo = words.partition("\n→ ")
            raise Failure(what or "The tick files could not be read.", todo, code=NOTHING)
