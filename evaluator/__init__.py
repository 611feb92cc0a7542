"""The pure core: facts, rules, alert lifecycle. No I/O, no clock, no logging, no settings."""
