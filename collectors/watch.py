"""Watched values: a change in one of them is worth a snapshot at once."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from collectors.fold import Fold
from collectors.known import Known
from evaluator.stats import Stats
from monitoring.config import Limits

BREAKER = "risk.circuit_breaker_active"
FLAGS = (BREAKER, "connectivity.breeze_authenticated")
COUNTS = (("orders.exit_rejected", 1.0), ("orders.rejected", 3.0))
"""Increases within a window that a built-in rule calls CRITICAL."""

State = bool | int | str | tuple[bool, str, bool] | None


class _Level(msgspec.Struct, frozen=True):
    """How bad a number is (0: within its limits), and which statistic of a window is its worst."""

    fact: str
    worst: Callable[[Stats], float | None]
    of: Callable[[float], int]


class Watch:
    """Knows which states of the watched values are in a snapshot already."""

    def __init__(self, limits: Limits) -> None:
        self._levels = _levels(limits)
        self._told: dict[str, State] = {}

    def changed(self, fold: Fold, known: Known) -> str | None:
        """Return the name of a watched value that no snapshot shows as it is, or was for a moment
        since the last one; None when there is no news.
        """
        for name, state in self._present(fold, known).items():
            if self._told.get(name) != state:
                return name
        return self._passed(fold)

    def settle(self, fold: Fold, known: Known) -> None:
        """Note that a snapshot was written that shows all this."""
        self._told = self._present(fold, known)

    def _present(self, fold: Fold, known: Known) -> dict[str, State]:
        lapse = known.lapse
        present: dict[str, State] = {
            "heartbeat.cause": (lapse.lapsed, lapse.cause, lapse.expected),
            "breeze.status": known.breeze.status,
            "collector.network_up": known.network_up,
        }
        for name in FLAGS:
            flag = _now(fold, name)
            present[name] = flag if isinstance(flag, bool) else None
        for level in self._levels:
            number = _now(fold, level.fact)
            present[level.fact] = level.of(number) if isinstance(number, float) else None
        return present

    def _passed(self, fold: Fold) -> str | None:
        """Return the watched value that was otherwise for some ticks of the window."""
        for name in FLAGS:
            stats = fold.stat(name)
            if stats is not None and (
                not stats.all if self._told.get(name) is True else bool(stats.any)
            ):
                return name
        counts = [*COUNTS]
        if self._told.get(BREAKER) is True:
            counts.append(("orders.placed", 1.0))
        for name, limit in counts:
            stats = fold.stat(name)
            if stats is not None and stats.delta is not None and stats.delta >= limit:
                return name
        for level in self._levels:
            stats = fold.stat(level.fact)
            worst = level.worst(stats) if stats is not None else None
            told = self._told.get(level.fact)
            if worst is not None and isinstance(told, int) and level.of(worst) > told:
                return level.fact
        return None


def _now(fold: Fold, fact: str) -> object:
    group, _, field = fact.partition(".")
    return fold.now[group].get(field)


def _levels(limits: Limits) -> list[_Level]:
    both = (limits.daily_loss_warning_pct, limits.daily_loss_pct)
    loss = [limit for limit in both if limit is not None]
    levels = []
    if loss:
        levels.append(
            _Level(
                "risk.daily_loss_pct",
                lambda stats: stats.min,
                lambda pct: sum(pct <= -limit for limit in loss),
            )
        )
    for fact, limit in (
        ("positions.count", limits.positions_count),
        ("positions.total_value", limits.positions_total_value),
        ("risk.max_position_value", limits.position_value),
        ("sentiment.provider_errors_1h", limits.sentiment_errors_1h),
        ("performance.tick_latency_ms", limits.tick_latency_ms),
    ):
        if limit is not None:
            levels.append(_Level(fact, lambda stats: stats.max, _above(limit)))
    return levels


def _above(limit: float) -> Callable[[float], int]:
    return lambda number: int(number > limit)
