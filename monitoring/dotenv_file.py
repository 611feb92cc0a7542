"""The home's `.env`: variables are put in, and what else is there is kept as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from monitoring.atomic import SECRET_MODE, write_atomic
from monitoring.regular import read_regular

MOST_BYTES = 65_536


def put(path: Path, variables: Mapping[str, str]) -> None:
    """Set variables in the file, which is closed to all others (0600).

    Values are words without spaces and quotes. Raises OSError, UnicodeDecodeError.
    """
    path = path.resolve()  # one that is a link stays one
    try:
        text = read_regular(path, MOST_BYTES).decode()
    except FileNotFoundError:
        text = ""
    write_atomic(path, with_variables(text, variables).encode(), mode=SECRET_MODE)


def with_variables(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with these variables: the line of one that is there is replaced."""
    left = dict(variables)
    lines = []
    for line in text.splitlines():
        found = re.match(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", line)
        name = found[1] if found else ""
        if name not in variables:
            lines.append(line)
        elif name in left:
            lines.append(f"{name}={left.pop(name)}")
    lines += [f"{name}={value}" for name, value in left.items()]
    return "".join(f"{line}\n" for line in lines)
