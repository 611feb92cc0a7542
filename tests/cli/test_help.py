from __future__ import annotations

import pytest

from scripts.monitor import run

COMMANDS = (
    "", "status", "health", "tail", "preflight", "metrics", "report", "ack", "unack", "rules",
    "rules check", "rules explain", "rules list", "rules test", "rules backtest", "facts",
    "breeze", "breeze login", "config", "config show", "init", "market", "market show",
    "market open", "market close", "market extend", "market halt", "market skip", "market clear",
    "silence", "silence add", "silence expire", "silence list", "notify", "notify check",
    "notify test",
    "oncall", "oncall now", "oncall week", "oncall check", "oncall override",
    "drill",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_as_it_was(
    golden, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    assert run([*command.split(), "--help"]) == 0
    golden(f"help_{command.replace(' ', '_') or 'monitor'}.txt", capsys.readouterr().out)


def test_a_command_that_does_not_exist_is_refused(monitor) -> None:
    done = monitor("statsu")
    assert done.returncode == 2
    assert "No such command 'statsu'" in done.stderr
