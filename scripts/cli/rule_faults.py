"""The faults of a refused rule file, told apart from what else is wrong with the scheduler."""

from __future__ import annotations

from collections.abc import Sequence

TODO = "run `monitor rules check`, correct the file, and restart the scheduler"
_FILE = "rules.toml"
_WHOLE = "rules.toml is refused whole"


def apart(degraded: Sequence[str]) -> tuple[list[str], str | None]:
    """Return what is wrong without the rule file's faults, and those in one sentence, or None.

    A file may have thirty faults: each is for `monitor rules check`, none for a screen.
    """
    others = [said for said in degraded if not said.startswith(_FILE)]
    faults = [said for said in degraded if said.startswith(_FILE) and not said.startswith(_WHOLE)]
    if not faults:
        return others, None
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return others, f"the built-in rules alone are in force: {faults[0]}{more}"
