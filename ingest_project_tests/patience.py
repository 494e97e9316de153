"""How long a test waits for what it expects."""

PATIENCE_SECONDS = 600
"""Enough for a machine that is many times slower than usual: only a failing test waits so long."""
