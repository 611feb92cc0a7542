"""The rules in force: the built-in ones, and the operator's when their file is sound."""

from __future__ import annotations

from pathlib import Path

from evaluator.rules import RuleErrors, RuleSet, load


def load_rules(path: Path) -> tuple[RuleSet, list[str]]:
    """Return the rules to run with, and every fault of the file at `path`.

    With any fault the built-in rules alone are in force: a watch that does not start because of a
    typing error watches nothing. No file is no fault.
    """
    try:
        return load(path.read_text("utf-8"), path.name), []
    except FileNotFoundError:
        return load(None), []
    except OSError as error:
        faults = [f"{path.name} can't be read: {error.strerror}"]
    except UnicodeDecodeError as error:
        faults = [f"{path.name} is not UTF-8: {error.reason} at byte {error.start}"]
    except RuleErrors as errors:
        faults = [str(fault) for fault in errors.faults]
    return load(None), faults
