"""A run is a process of its own, which loads what its batch needs, and nothing else."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingest_project_tests.factories import QUEUE, Zone
from ingest_project_tests.patience import PATIENCE_SECONDS

TOP = Path(__file__).parents[2]
NEEDLESS = {
    "chdb", "duckdb", "fastapi", "fastavro", "httpx", "hypothesis", "jwt", "moto", "openpyxl", "pytest",
    "pyarrow.orc", "pyiceberg.catalog.glue", "pyiceberg.catalog.hive", "pyiceberg.catalog.rest",
    "rich.progress", "uvicorn",
    "ingest_project.api", "ingest_project.checks.deployment", "ingest_project.cli", "ingest_project.demo",
    "ingest_project.ingestion.intake", "ingest_project.ingestion.rebuild", "ingest_project.preview",
    "ingest_project.reading.formats.arrow", "ingest_project.reading.formats.avro",
    "ingest_project.reading.formats.csv", "ingest_project.reading.formats.excel",
    "ingest_project.reading.formats.orc",
}  # fmt: skip
"""What some other process, or a batch of another format, needs."""
RUN = f"""
import gc, sys
from ingest_project.definitions import defs
services = defs.load_fn().get_repository_def().get_top_level_resources()["services"].resource_fn(None)
pipeline = services.pipeline
(batch,) = services.ledger.open_batches("{QUEUE}")
pipeline.process(batch.batch_id, queue=services.queue("{QUEUE}"), run_id="run-1")
services.acknowledge("{QUEUE}")
print(sorted({NEEDLESS} & sys.modules.keys()), gc.isenabled(), gc.get_freeze_count() > 100_000)
"""


@pytest.fixture
def printed(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a process that runs a batch of one NDJSON object prints last."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")  # for the reader that checks the rows
    zone = Zone.create(tmp_path, aws)
    zone.put_orders("a", 1)
    zone.plan_one()
    environment = {**os.environ, "INGEST_CONFIG": str(zone.landing.settings_path)}
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, cwd=TOP, capture_output=True, text=True, check=False,
        timeout=PATIENCE_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert zone.order_ids() == [1]
    return done.stdout.splitlines()[-1]


def test_run_of_one_object_loads_nothing_needless_and_the_collector_skips_what_was_loaded(
    printed: str,
) -> None:
    assert printed == "[] True True"
