"""Heartbeat lines: sound ones, ones with wrong values, and what is none at all."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.fuzz.garbage import BYTES, JSON, NUMBER, SCALAR, TEXT, WHOLE, altered, encoded, spoilt

TICK: dict[str, Any] = {
    "kind": "tick", "writer": "k3v9", "seq": 3, "timestamp": "2025-10-12T12:34:56.120+05:30",
    "heartbeat": {"last_tick": "2025-10-12T12:34:56+05:30", "uptime_seconds": 3600},
    "positions": {"count": 3, "total_value": 150000.0, "symbols": ["RELIANCE", "TCS"],
                  "intraday_count": 3, "without_stop": 1},
    "pnl": {"daily": 2500.5, "unrealized": 1200.0, "realized": 1300.5},
    "risk": {"circuit_breaker_active": False, "daily_loss_pct": -0.25, "max_position_value": 5e4},
    "sentiment": {"last_score": 0.65, "provider_errors_1h": 0, "cache_hit_rate": 0.85},
    "connectivity": {"breeze_authenticated": True, "last_api_call": "2025-10-12T12:34:50",
                     "api_calls_today": 812},
    "orders": {"placed": 12, "rejected": 0, "exit_rejected": 0, "open": 1},
    "market_data": {"last_update": "2025-10-12T12:34:56+05:30", "symbols_stale": 0,
                    "halted": False},
    "performance": {"tick_latency_ms": 4.2},
    "artifacts": {"teacher_model_age_hours": 3.5},
    "custom": {"spread_bps": 3.1, "mode": "live", "armed": True},
}  # fmt: skip
HEADER: dict[str, Any] = {
    "kind": "header", "format": 1, "sdk": "tickbeat 0.1", "engine": "main", "writer": "k3v9",
    "segment": 1, "boot_id": "b", "pid": 4121, "pid_started": 55, "first_seq": 1,
    "interval_seconds": 5.0, "timestamp": "2025-10-12T12:34:56+05:30",
}  # fmt: skip
PULSE: dict[str, Any] = {
    "kind": "pulse", "writer": "k3v9", "timestamp": "", "last_seq": 3, "queued": 0, "dropped": 0,
    "nulled": 0, "write_errors": 0,
}  # fmt: skip
CLOSE: dict[str, Any] = {
    "kind": "close", "writer": "k3v9", "timestamp": "", "last_seq": 3, "dropped": 0,
    "reason": "upgrade", "back_within_seconds": 300,
}  # fmt: skip
RECORDS = (TICK, HEADER, PULSE, CLOSE)


@st.composite
def _numbered(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a tick that is well but for what its writer and seq may be."""
    writer = draw(st.sampled_from(["k3v9", "w2", None, "n" * 300]))
    seq = draw(st.one_of(st.none(), st.integers(0, 12), WHOLE))
    kept = draw(st.sets(st.sampled_from(sorted(TICK.keys() - {"writer", "seq"})), max_size=4))
    groups = {name: TICK[name] for name in kept}
    custom = draw(st.dictionaries(TEXT, SCALAR, max_size=4))
    return {"writer": writer, "seq": seq, **groups, **({"custom": custom} if custom else {})}


RECORD = st.one_of(_numbered(), st.sampled_from(RECORDS).flatmap(altered), st.sampled_from(RECORDS))
MANY = st.one_of(
    st.integers(400, 1_200).map(lambda n: {"custom": {f"n{i}": float(i) for i in range(n)}}),
    st.integers(5_000, 6_000).map(lambda n: {"positions": {"symbols": ["S" * 100] * n}}),
    st.just({"custom": {"t" * 90 + str(i): "x" * 4_000 for i in range(60)}}),
    st.just({"artifacts": {"a" * 5_000 + str(i): 1.0 for i in range(20)}}),
    NUMBER.map(lambda n: {"custom": dict.fromkeys(map(str, range(30)), n)}),
)
LINE: st.SearchStrategy[bytes] = st.one_of(
    RECORD.map(encoded),
    RECORD.map(encoded),
    RECORD.map(encoded).flatmap(spoilt),
    JSON.map(encoded),
    BYTES,
    MANY.map(encoded),
    st.sampled_from([b"", b"  ", b"\r", b"\xef\xbb\xbf{}", b"{" * 9_000, b"x" * 1_100_000]),
).map(lambda line: line.replace(b"\n", b" "))
"""One line, without its newline."""
