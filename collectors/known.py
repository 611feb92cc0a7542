"""What the collector found out at one instant, besides what the engine told."""

from __future__ import annotations

import msgspec

from collectors.host import Disk
from collectors.lapse import Lapse
from evaluator.instant import Instant
from monitoring.snapshot import BreezeStatus


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """The judgement on the heartbeat and the surroundings at `now`.

    `artifact_ages` (hours by artifact) is None when no model file is watched here.
    """

    now: Instant
    lapse: Lapse
    breeze: BreezeStatus
    network_up: bool | None
    disk: Disk
    artifact_ages: dict[str, float | None] | None
