"""Scenario files: what rules must say of facts that pass over time. Run by `monitor rules test`."""
