"""The `monitor.toml` that `monitor init` writes: answers in, text out."""

from __future__ import annotations

import json

import msgspec

from monitoring.money import rupees, rupees_short


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What the operator said. Amounts in rupees; `largest_position` is the most in one position.
    `market` is a segment of NSE, or `always`.
    """

    engine: str
    tick_interval_seconds: float
    capital: float
    daily_loss_pct: float
    largest_position: float
    broker: str
    market: str = "CM"


TEMPLATE = """\
# Tickbeat: the settings of this home. Whatever isn't here has its default; every setting can also
# be given as an environment variable (MONITOR_LIMITS__DAILY_LOSS_PCT=2.0).
# `monitor config show` prints those in force. Restart the processes after a change.

# The engine's name: the same as in HeartbeatWriter(..., engine={engine}).
engine = {engine}

# How often the engine's loop turns. No tick for {deadline:g} s (twice this and ten seconds, at
# least fifteen) is a lapse. The SDK tells it too: this is for engines that write the file alone.
heartbeat_interval_seconds = {interval}

[calendar]
{calendar}
[limits]
# Loss of the day in percent. Of {capital_short}, {loss:g} % is {loss_rupees}.
daily_loss_pct = {loss}
# A warning beforehand: half of it.
daily_loss_warning_pct = {warning}
# Value of all open positions in rupees: the capital.
positions_total_value = {capital}
# Value of the largest single position in rupees.
position_value = {largest}

# A model file to watch: the newest that matches, and the age that is too old.
# [artifacts.student_model]
# path = "models/student-*.bin"
# max_age_hours = 24
{broker}"""

NSE = """\
# Trading hours of NSE; `monitor market show` prints them. Outside of them the rules on the engine
# and on money sleep. Segment: CM cash, CM-CAS its stocks with a closing auction, FO derivatives.
name = "XNSE"
segment = "{market}"
# An engine that trades only a part of the session may be silent in the rest while it is flat:
# engine_window = "09:20-15:20"
"""

ALWAYS = """\
# A market that never closes; "XNSE" has the trading hours of NSE.
name = "always"
"""

BREEZE = """
# Breeze: the keys are secrets and belong into the environment or into .env beside this file
# (mode 0600), not here:
#   MONITOR_BREEZE__APP_KEY=…
#   MONITOR_BREEZE__SECRET_KEY=…
# The day's session key: `monitor breeze login`, each morning.
"""


def settings_text(answers: Answers) -> str:
    """Return the text of monitor.toml, with comments that explain each line."""
    interval, loss = answers.tick_interval_seconds, answers.daily_loss_pct
    return TEMPLATE.format(
        engine=json.dumps(answers.engine),  # a JSON string of printable text is a TOML string
        interval=_number(interval),
        deadline=deadline_seconds(interval),
        capital=_number(answers.capital),
        capital_short=rupees_short(answers.capital),
        loss=float(loss),
        loss_rupees=rupees(answers.capital * loss / 100),
        warning=_number(round(loss / 2, 4)),
        largest=_number(answers.largest_position),
        calendar=ALWAYS if answers.market == "always" else NSE.format(market=answers.market),
        broker=BREEZE if answers.broker == "breeze" else "",
    )


def deadline_seconds(interval: float) -> float:
    """Return the age at which the heartbeat is lapsed."""
    return max(15.0, 2 * interval + 10)


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) >= 1000 else repr(float(value))
