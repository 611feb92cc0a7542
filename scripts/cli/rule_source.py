"""The rules that a home goes by: those of its file, or those that stand in for a faulty one."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from evaluator.rules import RuleErrors, RuleSet, load
from monitoring.home import Home
from monitoring.regular import RULES_BYTES, read_regular
from scripts.cli import words
from scripts.cli.failure import Failure

FAULTY = 1


def rules_of(home: Home, shown: str) -> RuleSet:
    """Return the rules of a home; with a faulty file those in force, and say so on stderr.

    `shown` begins the sentence that names them: `Listed are`.
    """
    try:
        return load(text_of(home.rules, required=False), str(home.rules))
    except RuleErrors as error:
        loaded, which = _in_force(home)
        click.echo(
            f"{home.rules} has {words.count(len(error.faults), 'fault')} and is not taken over: "
            f"run `monitor rules check`. {shown} {which}.",
            err=True,
        )
        sys.stderr.flush()
        return loaded


def text_of(path: Path, *, required: bool) -> str | None:
    """Return a rule file's text, None when there is none and none is needed. Raises Failure."""
    try:
        if required:  # what somebody names may be a pipe
            return path.read_text(encoding="utf-8")
        return read_regular(path, RULES_BYTES, follow=True).decode().replace("\r\n", "\n")
    except FileNotFoundError:
        if required:
            raise Failure(f"There is no file {path}.", "Check its name.", code=3) from None
        return None
    except UnicodeDecodeError as error:
        raise Failure(
            f"{path} is not UTF-8 text (byte {error.start}).", "Save it as UTF-8.", code=FAULTY
        ) from None


def _in_force(home: Home) -> tuple[RuleSet, str]:
    """Return the rules that the scheduler goes on with while the file is faulty."""
    try:
        kept = home.rules_in_force.read_text(encoding="utf-8")
        return load(kept), "the rules from before, which stay in force"
    except (OSError, UnicodeDecodeError, RuleErrors):
        return load(None), "the built-in rules alone"
