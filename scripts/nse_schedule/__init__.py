"""The generator of `monitoring/schedules/xnse.json`; its libraries are in the extra `calendar`."""
