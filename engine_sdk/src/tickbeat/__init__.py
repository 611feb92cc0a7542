"""Tickbeat's engine side: one lightweight heartbeat line per tick, and nothing else."""

from tickbeat.record import Tick
from tickbeat.writer import HeartbeatWriter

__all__ = ["HeartbeatWriter", "Tick"]
__version__ = "0.1.0"
