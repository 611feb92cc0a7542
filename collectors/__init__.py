"""The collector process: heartbeat tail, artifacts, Breeze, snapshots."""
