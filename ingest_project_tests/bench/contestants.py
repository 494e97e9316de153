"""What is measured: this project, and the sensor with one commit per file that one writes by hand.

Each runs in a process of its own, given the queue's URL and a folder, and prints what it did as JSON.
"""

import io
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from ingest_project_tests.bench.landing import BUCKET, clients

COLUMNS = {"order_id": "long", "customer_id": "long", "note": "string", "ordered_at": "timestamptz"}


def project(endpoint: str, queue: str, url: str, home: Path, objects: int) -> int:
    """Drain, claim, plan, fetch, read, commit, settle, delete: all but Dagster's own processes.

    Gives the rows.
    """
    import yaml

    from ingest_project.services import Services
    from ingest_project.settings.load import load_settings

    table = {
        "name": "bench.orders", "queue": queue, "bucket": BUCKET, "prefix": f"{queue}/",
        "format": os.environ.get("BENCH_FORMAT", "ndjson"),
        "columns": COLUMNS, "partition_spec": ["day(ordered_at)"], "batch": {"max_objects": 100_000},
    }  # fmt: skip
    settings = {
        "aws": {"region": "us-east-1", "endpoint_url": endpoint},
        "ledger": {"url": "sqlite:///ledger.db"},
        "catalog": {"name": "lake", "type": "sql", "uri": "sqlite:///catalog.db", "warehouse": "warehouse"},
        "queues": [{"name": queue, "url": url, "max_messages_per_tick": 100_000}],
        "tables": [table],
    }
    path = home / "ingest.yaml"
    path.write_text(yaml.safe_dump(settings))
    services = Services(load_settings(path))
    rows = claimed = 0
    while claimed < objects:
        claimed += services.intake(queue).drain().new_objects
        for batch in services.ledger.open_batches(queue):
            result = services.pipeline.process(batch.batch_id, queue=services.queue(queue), run_id="bench")
            rows += result.rows if result else 0
        services.acknowledge(queue)
    return rows


def by_hand(endpoint: str, _queue: str, url: str, home: Path, objects: int) -> int:
    """One message, one file, one append, one delete, and on to the next. Gives the rows."""
    import polars as pl
    from pyiceberg.catalog.sql import SqlCatalog

    s3, sqs = clients(endpoint)
    catalog = SqlCatalog("lake", uri=f"sqlite:///{home}/catalog.db", warehouse=f"file://{home}/warehouse")
    catalog.create_namespace("bench")
    table, rows, done = None, 0, 0
    while done < objects:
        answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in answer.get("Messages", ()):
            for record in json.loads(message["Body"]).get("Records", ()):
                key = unquote_plus(record["s3"]["object"]["key"])
                body = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
                ordered_at = pl.col("ordered_at").str.to_datetime(time_zone="UTC")
                arrow = pl.read_ndjson(io.BytesIO(body)).with_columns(ordered_at).to_arrow()
                table = table or catalog.create_table("bench.orders", schema=arrow.schema)
                table.append(arrow)
                rows += arrow.num_rows
                done += 1
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return rows


CONTESTANTS: dict[str, Callable[[str, str, str, Path, int], int]] = {"project": project, "by_hand": by_hand}


def main(name: str, *arguments: str) -> None:
    """Run one contestant; prints its rows, seconds and peak memory."""
    started = time.perf_counter()
    endpoint, queue, url, home, objects = arguments
    rows = CONTESTANTS[name](endpoint, queue, url, Path(home), int(objects))
    measured: dict[str, Any] = {
        "rows": rows,
        "seconds": time.perf_counter() - started,
        "peak_mib": _peak_mib(),
    }
    print(json.dumps(measured))  # noqa: T201 - read by __main__


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
