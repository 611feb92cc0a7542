"""What a human starts: the `monitor` command, and the demo with its paper engine."""
