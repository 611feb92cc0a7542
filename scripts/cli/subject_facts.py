"""The figures that `monitor health` shows for a subject while nothing is wrong with it."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.message import size
from monitoring.money import rupees
from scripts.cli.look import Look
from scripts.cli.words import age, figure, number, percent


def engine(look: Look) -> str:
    """Return when the engine was last heard of."""
    parts = []
    if look.tick_age_seconds is not None:
        parts.append(f"tick {age(look.tick_age_seconds)} ago")
    if look.pulse_age_seconds is not None:
        parts.append(f"pulse {age(look.pulse_age_seconds)}")
    marks = look.snapshot.collector.writers if look.snapshot else []
    pids = [str(mark.pid) for mark in marks if mark.pid is not None and mark.closed is None]
    if pids:
        parts.append(f"pid {pids[-1]}")
    return ", ".join(parts)


def money(look: Look) -> str:
    """Return the day's result beside its limit, and whose limit that is."""
    daily, loss = look.number("pnl.daily"), look.number("risk.daily_loss_pct")
    parts = [] if daily is None else [f"P&L {rupees(daily)}"]
    if loss is not None:
        parts.append(percent(loss))
    limit = look.config.limits.daily_loss_pct
    if limit is None:
        parts.append("no daily loss limit")
    else:
        mine = "limits.daily_loss_pct" in look.config.chosen or "limits" in look.config.chosen
        parts.append(f"limit {number(-limit, 1)}%{'' if mine else ' (default, not yours)'}")
    breaker = look.flag("risk.circuit_breaker_active")
    if breaker is not None:
        parts.append("breaker ON" if breaker else "breaker off")
    return ", ".join(parts)


def breeze(look: Look) -> str:
    """Return the broker session's state and the calls made."""
    status = look.text("breeze.status")
    if status in {None, "off", "unknown"}:
        said = look.flag("connectivity.breeze_authenticated")
        known = "session valid, says the engine" if said else "the engine has no session"
        parts = ["session not known" if said is None else known]
    else:
        parts = ["session valid" if status == "authenticated" else str(status).replace("_", " ")]
    calls = look.number("connectivity.api_calls_today")
    if calls is not None:
        calls += look.number("breeze.probes_today") or 0
        parts.append(f"{figure(calls)} of {look.config.breeze.calls_per_day} calls")
    return ", ".join(parts)


def models(look: Look) -> str:
    """Return the age of each watched model beside its limit."""
    parts = []
    for name, artifact in look.config.artifacts.items():
        hours = look.number(f"artifacts.{name}_age_hours")
        short = name.removesuffix("_model")
        if hours is not None:
            parts.append(
                f"{short} {figure(round(hours, 1))}h old (limit {artifact.max_age_hours:g}h)"
            )
        elif artifact.path is not None:
            parts.append(f"{short} has no age: no finished file at {artifact.path}")
    return ", ".join(parts)


def sentiment(look: Look) -> str:
    """Return the last score and the provider's errors."""
    score = look.number("sentiment.last_score")
    errors = look.number("sentiment.provider_errors_1h")
    parts = [] if score is None else [f"score {number(score)}"]
    if errors is not None:
        parts.append(f"{figure(errors)} errors in the last hour")
    return ", ".join(parts)


def market_data(look: Look) -> str:
    """Return the age of the newest price."""
    parts = []
    update = look.number("market_data.update_age_seconds")
    if update is not None and look.snapshot_age_seconds is not None:
        parts.append(f"updated {age(update + look.snapshot_age_seconds)} ago")
    stale = look.number("market_data.symbols_stale")
    if stale is not None:
        parts.append(f"{figure(stale)} symbols stale")
    if look.flag("market_data.halted"):
        parts.append("halted")
    return ", ".join(parts)


def orders(look: Look) -> str:
    """Return the orders of the day."""
    named = {"placed": "placed", "rejected": "rejected", "open": "open"}
    values = {word: look.number(f"orders.{field}") for field, word in named.items()}
    return ", ".join(
        f"{figure(value)} {word}" for word, value in values.items() if value is not None
    )


def disk(look: Look) -> str:
    """Return what is free on the home's disk."""
    free, inodes = (
        look.number("collector.disk_free_bytes"),
        look.number("collector.inodes_free_pct"),
    )
    parts = [] if free is None else [f"{size(free)} free"]
    if inodes is not None:
        parts.append(f"{figure(round(inodes))}% of inodes")
    return ", ".join(parts)


def network(look: Look) -> str:
    """Return whether there is a network."""
    up = look.flag("collector.network_up")
    return {True: "up", False: "down", None: ""}[up]


FIGURES: dict[str, Callable[[Look], str]] = {
    "engine": engine,
    "money": money,
    "breeze": breeze,
    "models": models,
    "sentiment": sentiment,
    "market data": market_data,
    "orders": orders,
    "disk": disk,
    "network": network,
}
