"""Sound records of each kind, to be altered."""

from __future__ import annotations

from typing import Any

import msgspec

from evaluator.incident import Ack, Countdown, Incident, Told
from evaluator.silence import Silence
from tests.cli.conftest import AT, AT_MS, before

INCIDENT = Incident(
    id="0199d6a0-0000-7000-8000-000000000001",
    rule="stale_student_model",
    status="firing",
    severity="WARNING",
    message="31h old",
    reason="condition held",
    context={"artifacts.student_model_age_hours": 31.0, "positions.count": 3.0},
    day="2025-10-12",
    active_at=before(AT, 600),
    fired_at=before(AT, 600),
    held=Countdown(5, before(AT, 600)),
    clear=Countdown(7, before(AT, 10)),
    ack=Ack("asha", AT_MS - 3_600_000, "retraining", AT_MS + 3_600_000),
    told=Told(before(AT, 600), "WARNING", 2),
    refired=(before(AT, 2000),),
)
SILENCE = Silence(
    id="abcd1234", by="asha", reason="restarting", starts_ms=AT_MS, ends_ms=AT_MS + 3_600_000,
    rule="heartbeat_lapsed",
)  # fmt: skip


def plain(record: msgspec.Struct) -> Any:
    """Return a record as JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(record))
