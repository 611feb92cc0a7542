"""The `monitor` command: one file per command or subject."""
