"""A refused rule file in one sentence."""

from __future__ import annotations

from monitoring.state import RulesFile


def refused(file: RulesFile) -> str | None:
    """Return where the file is faulty, and which rules watch meanwhile; None when it is not.

    A file may have thirty faults: each is for `monitor rules check`, none for a screen.
    """
    if not file.faults:
        return None
    more = f" (and {len(file.faults) - 1} more)" if len(file.faults) > 1 else ""
    watching = {
        "built-in": "only the built-in rules watch, none of your own",
        "kept": "the rules from before watch",
    }.get(file.source, "")
    return f"not taken over: {file.faults[0]}{more}; {watching}"
