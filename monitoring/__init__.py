"""Shared by the processes: home, settings, storage, clock, logging."""
