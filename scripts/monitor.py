"""The `monitor` command: what the operator of a live engine types."""

from __future__ import annotations

import os
import sys

import click

from monitoring.atomic import close_to_strangers
from scripts.cli.failure import Failure
from scripts.cli.lazy import LazyGroup

COMMANDS = {
    "status": ("scripts.cli.status:status", "One screen: engine, money, what fires."),
    "health": ("scripts.cli.health:health", "One line a subject, and what to do (exit 0/1/2/3)."),
    "preflight": ("scripts.cli.preflight:preflight", "May trading begin? GO or NO-GO."),
    "tail": ("scripts.cli.tail:tail", "Show the last alerts and follow new ones."),
    "metrics": ("scripts.cli.metrics:metrics", "Any field over any time."),
    "report": ("scripts.cli.report:report", "A trading day on one page."),
    "ack": ("scripts.cli.ack:ack", "Take an alert: you have seen it and are on it."),
    "unack": ("scripts.cli.ack:unack", "Give an alert back."),
    "market": ("scripts.cli.market:market", "Today's sessions, and your word over them."),
    "silence": ("scripts.cli.silence:silence", "Be told nothing of some alerts for a while."),
    "notify": ("scripts.cli.notify:notify", "Try the channels that alerts are told on."),
    "oncall": ("scripts.cli.oncall:oncall", "Who is on call, and who takes whose place."),
    "drill": ("scripts.cli.drill:drill", "A marked alert through the whole chain, timed."),
    "rules": ("scripts.cli.rules:rules", "List the rules, check, test or backtest them."),
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
UNANSWERED = Failure(
    "A question found no answer: the input has ended.",
    "Answer on a terminal, or give the answers as options (`--help` names them).",
    code=2,
)


def main() -> None:
    """Run the command that `sys.argv` names, and exit with its code."""
    close_to_strangers()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every way to fail is said on stderr in words."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a Latin-1 terminal has no rupee sign
    if sys.stdout is None:  # closed by the shell (>&-)
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
    code = 0
    try:
        group = LazyGroup("monitor", COMMANDS, HELP)
        # not group.main: it turns a closed pipe into exit code 1
        with group.make_context("monitor", arguments) as context:
            code = group.invoke(context) or 0
        sys.stdout.flush()
    except (KeyboardInterrupt, click.Abort) as end:
        if isinstance(end.__context__, EOFError):  # click.prompt makes one of both
            click.echo(err=True)
            return _give_up(UNANSWERED)
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
        return _give_up(_in_words(error))
    return code


def _in_words(error: OSError) -> Failure:
    if error.filename is None:  # of all that is written, only the output has no name
        _mute_stdout()
        return Failure(
            f"Can't write the output: {error.strerror or error}.",
            "Look at where it is sent to.",
            code=UNKNOWN,
        )
    return Failure(
        f"Can't use {error.filename}: {error.strerror or error}.",
        "Check that it is there and that this user may read it.",
        code=UNKNOWN,
    )


def _give_up(failure: Failure) -> int:
    from scripts.cli.terminal import Span, show, terminal_of, uncut  # noqa: PLC0415 - on failure

    terminal = uncut(terminal_of(sys.stderr, os.environ))
    lines = [[Span(what, "bad")] for what in failure.what.splitlines()]
    if failure.todo:
        lines.append([Span("→ "), Span(failure.todo)])
    show(lines, terminal, sys.stderr)
    return failure.code


def _mute_stdout() -> None:
    """Point stdout nowhere, so that the interpreter's last flush fails in silence."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


if __name__ == "__main__":
    main()
