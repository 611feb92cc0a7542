"""Names of incidents: UUIDs of version 7 that every replay of the same files makes again."""

from __future__ import annotations

import hashlib

from evaluator.instant import Instant


def incident_id(engine: str, rule: str, active_at: Instant) -> str:
    """Return the UUIDv7 of a rule's incident on an engine (RFC 9562, section 5.7).

    Its 48 bits of time are `active_at`; what the RFC lets be random is a hash of engine, rule
    and the whole instant, so that two incidents never share one and a replay changes none.
    """
    instant = f"{active_at.wall_ms}\0{active_at.boottime_ns}\0{active_at.boot_id}"
    digest = hashlib.blake2b(f"{engine}\0{rule}\0{instant}".encode(), digest_size=10).digest()
    time = max(0, active_at.wall_ms) & (1 << 48) - 1
    rand_a = int.from_bytes(digest[:2], "big") & 0x0FFF
    rand_b = int.from_bytes(digest[2:], "big") & (1 << 62) - 1
    whole = f"{time << 80 | 7 << 76 | rand_a << 64 | 0b10 << 62 | rand_b:032x}"
    return "-".join((whole[:8], whole[8:12], whole[12:16], whole[16:20], whole[20:]))
