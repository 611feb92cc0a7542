from __future__ import annotations

import io

from scripts.cli.progress import Progress


class Screen(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_on_a_terminal_one_line_tells_share_rate_and_what_is_left() -> None:
    screen, clock = Screen(terminal=True), Clock()
    progress = Progress("snapshots", screen, clock)
    clock.seconds += 0.1
    progress.step(200, 0.1)  # too soon to say anything
    clock.seconds += 4.9
    progress.step(40_000, 0.25)
    progress.step(40_001, 0.25)
    clock.seconds += 5
    progress.step(80_000, 0.0)
    progress.end()
    assert screen.getvalue().split("\r\x1b[K") == [
        "",
        "40,000 snapshots, 25%, 8,000/s, 15s left",
        "80,000 snapshots, 0%, 8,000/s, ? left",
        "",
    ]


def test_where_no_terminal_is_nothing_is_written() -> None:
    screen, clock = Screen(terminal=False), Clock()
    progress = Progress("snapshots", screen, clock)
    clock.seconds += 5
    progress.step(40_000, 0.25)
    progress.end()
    assert screen.getvalue() == ""
