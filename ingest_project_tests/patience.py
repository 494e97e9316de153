"""How long a test waits for what it expects."""

import os

PATIENCE_SECONDS = 600
"""Enough for a machine that is many times slower than usual: only a failing test waits so long."""
SLOWNESS = float(os.environ.get("INGEST_TEST_SLOWNESS", "1"))
"""How many times slower than usual the machine is, for what cannot be that patient: a run that Dagster takes
for dead because it does not start, and the time that a fault trial may take."""
