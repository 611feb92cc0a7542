"""Folders that only the operator and the operator's group may look into."""

from __future__ import annotations

from pathlib import Path

from monitoring.atomic import FOLDER_MODE


def make_folder(folder: Path) -> None:
    """Make a folder and its parents, each new one with mode 0750. Raises OSError."""
    if folder.is_dir():
        return
    make_folder(folder.parent)  # mkdir(parents=True) would give the parents the umask's mode
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
