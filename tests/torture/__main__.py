"""`python -m tests.torture [--kills 1000] [--seed N]`: kill -9 until something gives.

Exit 0 when every promise held, 1 when one did not: the home is kept then.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from monitoring.home import Home
from tests.torture.audit import Finding, audit
from tests.torture.counted import Counted
from tests.torture.play import Ground, Played, Script, play
from tests.torture.spells import disks


class Tortured(NamedTuple):
    """What was done, and what was found."""

    played: Played
    findings: list[Finding]

    @property
    def holds(self) -> bool:
        """Tell whether every promise held."""
        return all(one.holds for one in self.findings)


def torture(script: Script, folder: Path, *, keep: bool = False) -> Tortured:
    """Run a script in a folder and print what was found.

    A home that broke a promise, or that is to be kept, is in `left` afterwards.
    """
    home = folder / "home"
    home.mkdir()

    def say(text: str) -> None:
        print(text, flush=True)  # noqa: T201 -- a program's output

    with disks(home, folder / "disk.image") as spells:
        if not spells:
            say("no disk of its own can be mounted (root can): it is never full or read-only here")
        counted = Counted(Home(home))
        played = play(script, Ground(home, folder, spells), counted, say)
        tortured = Tortured(played, audit(played, Home(home)))
        if keep or not tortured.holds:
            shutil.copytree(home, folder / "left", ignore=shutil.ignore_patterns("*.ballast"))
    kills = {name: actor.kills for name, actor in played.actors.items()}
    of_each = ", ".join(f"{name} {count}" for name, count in kills.items())
    say(f"\n{sum(kills.values())} kills in {played.seconds:.0f} s ({of_each})")
    say(f"{played.pauses} times stopped for a while; the disk was bad")
    for name, times in played.spells.items():
        say(f"  {len(times)} × {name}")
    ended = sum(len(actor.ends) for actor in played.actors.values())
    say(f"{ended} times a process gave up on a bad disk and was started again\n")
    for one in tortured.findings:
        say(f"{'ok    ' if one.holds else 'BROKEN'}  {one.promise}: {one.figure}")
    return tortured


def main() -> int:
    """Read the arguments, run, and say how to run it again."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=30, help="at most (default 30)")
    chosen = parser.parse_args()
    again = f"python -m tests.torture --kills {chosen.kills} --seed {chosen.seed}"
    print(f"seed {chosen.seed}; to run it again: {again}", flush=True)  # noqa: T201 -- as above
    folder = Path(tempfile.mkdtemp(prefix="tickbeat-torture-"))
    script = Script(chosen.seed, chosen.kills, chosen.minutes * 60, hold_seconds=15)
    if torture(script, folder).holds:
        shutil.rmtree(folder)
        return 0
    print(f"\nwhat is left of it is in {folder}", flush=True)  # noqa: T201 -- as above
    return 1


if __name__ == "__main__":
    sys.exit(main())
