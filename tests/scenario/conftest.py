"""How hypothesis runs in this room."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is slow, and slowness is not what these tests are about.
settings.register_profile(
    "tickbeat", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("tickbeat")
