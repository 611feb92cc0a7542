"""The teller of the demo's story: waits for what happens, and says it with its time."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType

from monitoring.alert_line import AlertLine
from scripts.demo_engine import Turn
from scripts.paper.lookout import Alerts, Lines
from scripts.paper.stage import Stage, StageError

Cause = Callable[[int], int | None]
"""When a cause began (monotonic ns), if it did after the given time: that of the last recovery."""


class InterruptError(Exception):
    """A signal asked the demo to end; its number is the first argument."""


class Story:
    """Tells what happens while it waits for the next thing to happen."""

    def __init__(self, stage: Stage, *, colour: bool) -> None:
        self._stage = stage
        self._colour = colour
        self._began = time.monotonic()
        self._journal = Lines(stage.home / "logs", "journal.jsonl", Turn)
        self._alerts = Alerts(stage.home / "logs" / "alerts")
        self._market_told = 0.0
        self._told: set[tuple[str, str | None]] = set()
        self._causes: dict[tuple[str, str | None], tuple[str, Cause]] = {}
        self.turns: list[Turn] = []
        self.interrupted_by: int | None = None

    def listen(self) -> None:
        """Take the signals that end a program as a wish to leave the stage in order."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted_by = number

    def say(self, text: str = "", colour: str = "") -> None:
        """Print a line of the story with the seconds since it began."""
        text = f"{time.monotonic() - self._began:5.1f}s  {text}" if text else ""
        print(f"\x1b[{colour}m{text}\x1b[0m" if colour and self._colour else text, flush=True)

    def wait(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Wait for something, telling alerts meanwhile; tell whether it came in time."""
        until = time.monotonic() + seconds
        while True:
            if self.interrupted_by is not None:
                raise InterruptError(self.interrupted_by)
            self._stage.check_alive()
            new = self._alerts.look()
            # Read after the alerts: so the turn that caused one is always known by now.
            self.turns += self._journal.new()
            for seen_ns, line in new:
                self._tell(seen_ns, line)
            if happened():
                return True
            if time.monotonic() > until:
                return False
            time.sleep(0.02)

    def because(self, rule: str, status: str, cause: str, since: Cause) -> None:
        """Say what an alert to come is caused by."""
        self._causes[rule, status] = (cause, since)

    def turn(self, is_it: Callable[[Turn], bool]) -> Cause:
        """Return as a cause the first turn of the engine's loop of which this holds."""

        def since(after_ns: int) -> int | None:
            turns = (one.at_ns for one in self.turns if one.at_ns > after_ns and is_it(one))
            return next(turns, None)

        return since

    def expect(self, rule: str, status: str, seconds: float, after_ns: int = 0) -> AlertLine:
        """Wait for an alert and return it; raises `StageError` when it doesn't come in time."""

        def came() -> AlertLine | None:
            return self._alerts.find(rule, status, after_ns)

        self.wait(lambda: came() is not None, seconds)
        if (line := came()) is None:
            raise StageError(
                f"no line `{rule}` {status} came within {seconds:.0f} s; what the processes said "
                f"is in {self._stage.processes_log}"
            )
        return line

    def market(self) -> None:
        """Tell where the paper engine stands, at most every two seconds."""
        if self.turns and time.monotonic() - self._market_told > 2:
            self._market_told = time.monotonic()
            turn = self.turns[-1]
            halted = "   breaker ON" if turn.halted else ""
            self.say(
                f"   {turn.day} {turn.minute}  P&L {turn.daily_pct:+.2f} %  "
                f"open positions {turn.positions}{halted}",
                "2",
            )

    def _tell(self, seen_ns: int, line: AlertLine) -> None:
        """Tell the beginning and the end of an incident, with the time since its cause."""
        if line.status not in {"firing", "resolved"} or (line.id, line.status) in self._told:
            return
        self._told.add((line.id, line.status))
        critical = "31" if line.severity == "CRITICAL" else "33"
        text = f"{line.status.upper():8} {line.severity} {line.rule}: {line.message}"
        self.say(
            "".join(c if c.isprintable() else "?" for c in text),
            "32" if line.status == "resolved" else critical,
        )
        if (line.rule, line.status) not in self._causes:
            return
        cause, since = self._causes[line.rule, line.status]
        began_ns = since(self._alerts.ended_ns(line.rule, seen_ns))
        if began_ns is not None:
            took = (seen_ns - began_ns) / 1e9
            text = f"{took:.2f} s" if took >= 1 else f"{took * 1000:.1f} ms"
            self.say(f"   -> in the alert log {text} after {cause}", "1")
