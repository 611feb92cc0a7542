"""The `monitor` command: what the operator of a live engine types."""

from __future__ import annotations

import os
import sys

import click

from scripts.cli.failure import Failure
from scripts.cli.lazy import LazyGroup

COMMANDS = {
    "status": ("scripts.cli.status:status", "One screen: engine, money, what fires."),
    "health": ("scripts.cli.health:health", "One line a subject, and what to do (exit 0/1/2/3)."),
    "tail": ("scripts.cli.tail:tail", "Show the last alerts and follow new ones."),
    "metrics": ("scripts.cli.metrics:metrics", "Any field over any time."),
    "ack": ("scripts.cli.ack:ack", "Take an alert: you have seen it and are on it."),
    "unack": ("scripts.cli.ack:unack", "Give an alert back."),
    "rules": ("scripts.cli.rules:rules", "List the rules, check or test them."),
    "facts": ("scripts.cli.facts:facts", "What a rule may read, and what it reads now."),
    "breeze": ("scripts.cli.breeze:breeze", "The broker session."),
    "config": ("scripts.cli.config:config", "The settings in force."),
    "init": ("scripts.cli.init:init", "Make a home: a few questions, a settings file."),
}
HELP = """Watch a live trading engine.

The home (settings, data, logs) is MONITOR_HOME, else the nearest folder upward with a monitor.toml,
else this folder. Data goes to stdout, diagnostics to stderr; --json on every command."""

INTERRUPTED = 130  # 128 + SIGINT, what shells expect (bash(1), exit status)
UNKNOWN = 3


def main() -> None:
    """Run the command that `sys.argv` names, and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every way to fail is said on stderr in words."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a Latin-1 terminal has no rupee sign
    code = 0
    try:
        group = LazyGroup("monitor", COMMANDS, HELP)
        # not group.main: it turns a closed pipe into exit code 1
        with group.make_context("monitor", arguments) as context:
            code = group.invoke(context) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort):
        _mute_stdout()
        return INTERRUPTED
    except BrokenPipeError:
        _mute_stdout()  # who read our output has seen enough: not an error
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.UsageError as error:
        error.show()
        # to Nagios 2 is CRITICAL, and a mistyped option is no word on the engine
        named_health = error.ctx is not None and error.ctx.info_name == "health"
        return UNKNOWN if named_health else error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except Failure as failure:
        return _give_up(failure)
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        return _give_up(
            Failure(
                f"Can't use{where}: {error.strerror or error}.",
                "Check that it is there and that this user may read it.",
                code=UNKNOWN,
            )
        )
    return code


def _give_up(failure: Failure) -> int:
    from scripts.cli.terminal import Span, show, terminal_of, uncut  # noqa: PLC0415 - on failure

    terminal = uncut(terminal_of(sys.stderr, os.environ))
    lines = [[Span(failure.what, "bad")]]
    if failure.todo:
        lines.append([Span("→ "), Span(failure.todo)])
    show(lines, terminal, sys.stderr)
    return failure.code


def _mute_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush fails in silence."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
