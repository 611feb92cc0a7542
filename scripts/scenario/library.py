"""Scenario files and rule files as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evaluator.rules import Fault, RuleSet, load
from scripts.scenario.model import ScenarioFile
from scripts.scenario.parse import ScenarioErrors, read

SUFFIX = ".toml"


class Library:
    """Reads files; rules that many files share are compiled once."""

    def __init__(self) -> None:
        self._builtin: RuleSet | None = None

    def load(self, text: str | None, file: str) -> RuleSet:
        """Return the built-in rules with those of the text. Raises RuleErrors."""
        if text is not None:
            return load(text, file)
        if self._builtin is None:
            self._builtin = load(None)
        return self._builtin

    def text_of(self, name: str, beside: str) -> tuple[str, str]:
        """Return path and text of a rule file named in the file `beside`.

        Raises OSError, UnicodeDecodeError.
        """
        path = Path(beside).parent / name
        return str(path), path.read_text("utf-8")

    def scenarios(self, path: Path) -> ScenarioFile:
        """Return the scenarios of a file. Raises ScenarioErrors, also when it can't be read."""
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            reason = f"can't be read: {error.strerror}"
        except UnicodeDecodeError as error:
            reason = f"is not UTF-8 text (byte {error.start})"
        else:
            return read(text, str(path), self)
        raise ScenarioErrors([Fault(str(path), 1, 1, None, reason)])


def files_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files, and of a folder the scenario files in it, by name. Raises OSError."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(one for one in path.iterdir() if one.suffix == SUFFIX)
        else:
            found.append(path)
    return found
