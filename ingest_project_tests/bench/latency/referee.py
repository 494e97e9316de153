"""Measures how old a row is when it can be read, with one small object after the other."""

import tempfile
from pathlib import Path

from ingest_project_tests.bench.landing import ministack, notifying_queue
from ingest_project_tests.bench.own_process import answer_of
from ingest_project_tests.bench.path.referee import CREDENTIALS

STEPS = "ingest_project_tests.bench.latency.steps"


def measure_latency(objects: int, *, every: float) -> list[float]:
    """The seconds from each put to its commit, of so many objects that are put so many seconds apart."""
    with tempfile.TemporaryDirectory(prefix="bench-") as home, ministack(Path(home)) as endpoint:
        url = notifying_queue(endpoint, "latency")
        given = {"home": home, "endpoint": endpoint, "url": url, "objects": objects, "every": every}
        found: list[float] = answer_of(f"{STEPS}:put_to_row", given, CREDENTIALS)
        return found
