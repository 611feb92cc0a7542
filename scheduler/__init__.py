"""The scheduler process: evaluation loop, APScheduler jobs, retention, packing."""
