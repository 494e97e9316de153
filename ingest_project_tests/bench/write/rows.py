"""The rows that are written: orders with decimals, times and a nested field, spread over so many days."""

from pathlib import Path

import polars as pl
import pyarrow as pa
import yaml

from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests.bench.orders import COLUMNS, START, orders
from ingest_project_tests.bench.path.asked import TABLE

NESTED = {"discount": "decimal(9,4)", "delivery": "struct<city: string, at: timestamptz, weight: double>"}
SECONDS_A_DAY = 86_400


def rows(count: int, partitions: int, seed: int) -> pa.Table:
    """So many rows in no order of their days, with the columns that the project adds to all rows."""
    mixed = (pl.col("order_id") + seed) * 2_654_435_761 % 4_294_967_291
    seconds = mixed % partitions * SECONDS_A_DAY + mixed // 13 % SECONDS_A_DAY
    ordered_at = (seconds * 1_000_000 + int(START.timestamp() * 1_000_000)).cast(pl.Datetime("us", "UTC"))
    frame = orders(count, seed).with_columns(ordered_at=ordered_at).with_columns(
        discount=((mixed % 10_000).cast(pl.Decimal(9, 4)) / 10_000).cast(pl.Decimal(9, 4)),
        delivery=pl.struct(
            city="city " + (mixed % 500).cast(pl.String),
            at=pl.col("ordered_at") + pl.duration(hours=26),
            weight=(mixed % 50_000).cast(pl.Float64) / 1000,
        ),
        _source_uri=pl.lit("s3://bench-landing/orders/") + (pl.col("order_id") // 50_000).cast(pl.String),
        _source_version=pl.lit("0055"),
        _batch_id=pl.lit("batch-1"),
        _ingested_at=pl.lit(START).cast(pl.Datetime("us", "UTC")),
    )  # fmt: skip
    return frame.to_arrow()


def services_in(home: Path) -> Services:
    """The project's services with a catalog, a ledger and the table of these rows in the folder."""
    table = {
        "name": TABLE, "queue": "bench", "bucket": "bench-landing", "prefix": "orders/", "format": "parquet",
        "columns": COLUMNS | NESTED, "partition_spec": ["day(ordered_at)"],
    }  # fmt: skip
    settings = {
        "ledger": {"url": "sqlite:///ledger.db"},
        "catalog": {
            "name": "lake", "type": "sql", "uri": f"sqlite:///{home}/catalog.db",
            "warehouse": f"file://{home}/warehouse",
        },
        "queues": [{"name": "bench", "url": "http://127.0.0.1:9/1/bench"}],
        "tables": [table],
    }  # fmt: skip
    path = home / "ingest.yaml"
    path.write_text(yaml.safe_dump(settings))
    return Services(load_settings(path))
