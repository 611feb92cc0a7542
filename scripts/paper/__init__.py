"""The paper engine's inside: bars, a book with real accounting, a strategy and its breaker."""
