"""Which settings are secret, which of them are set, and whether their file is open to all."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, SecretStr


def secrets_in(table: BaseModel, above: tuple[str, ...] = ()) -> Iterator[tuple[str, SecretStr]]:
    """Yield every secret that is set, with its dotted name."""
    for name in type(table).model_fields:
        value, path = getattr(table, name), (*above, name)
        if isinstance(value, SecretStr):
            yield ".".join(path), value
        tables = value if isinstance(value, dict) else {None: value}
        for key, inner in tables.items():
            if isinstance(inner, BaseModel):
                yield from secrets_in(inner, path if key is None else (*path, key))


def everybody_may_read(file: Path) -> bool:
    """Tell whether every user of this machine can open the file, through all folders above it."""
    ways = all(mode_of(folder) & stat.S_IXOTH for folder in file.absolute().parents)
    return ways and bool(mode_of(file) & stat.S_IROTH)


def mode_of(path: Path) -> int:
    """Return the mode of what the path leads to, 0 where that can't be seen."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
