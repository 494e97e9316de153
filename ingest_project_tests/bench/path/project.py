"""The project as a contestant: its own steps, without the start of a Dagster run."""

from pathlib import Path

import yaml

import ingest_project.iceberg.commit
import ingest_project.ingestion.acknowledge
import ingest_project.ingestion.intake
import ingest_project.ingestion.process
import ingest_project.reading.read  # noqa: F401
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.bench.path.asked import TABLE, Asked

QUEUE = "bench"


def run(asked: Asked) -> None:
    """Drain, claim, plan, fetch, read, commit, settle, delete: all but Dagster's own processes."""
    services = Services(load_settings(settings_file(asked)))
    received = 0
    while received < asked.objects:
        received += services.intake(QUEUE).drain().messages
        for batch in services.ledger.open_batches(QUEUE):
            services.pipeline.process(batch.batch_id, queue=services.queue(QUEUE), run_id="bench")
        services.acknowledge(QUEUE)


def settings_file(asked: Asked) -> Path:
    """The project's settings for what it is asked, in a file in its folder."""
    table = {
        "name": TABLE, "queue": QUEUE, "bucket": asked.bucket, "prefix": asked.prefix,
        "format": asked.format, "columns": asked.columns,
        "partition_spec": ["day(ordered_at)"] if "ordered_at" in asked.columns else [],
        "bad_rows": "quarantine", "batch": {"max_objects": 100_000},
    }  # fmt: skip
    settings = {
        "aws": {"region": "us-east-1", "endpoint_url": asked.endpoint},
        "ledger": {"url": f"sqlite:///{asked.home}/ledger.db"},
        "catalog": {
            "name": "lake",
            "type": "sql",
            "uri": asked.catalog_uri,
            "warehouse": f"file://{asked.home}/warehouse",
        },
        "queues": [{"name": QUEUE, "url": asked.queue_url, "max_messages_per_tick": 100_000}],
        "tables": [table],
    }
    path = Path(asked.home, "ingest.yaml")
    path.write_text(yaml.safe_dump(settings))
    return path
