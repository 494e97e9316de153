"""Two fast pipelines made of libraries: obstore fetches, Polars or DuckDB reads, PyIceberg appends once.

They receive and delete with as many threads as the project, and fetch as many objects at once. All rows are
in memory together, and nothing records what was done: a crash between the append and the delete brings all
rows twice.
"""

import asyncio
import io
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote_plus

import duckdb
import polars as pl
import pyarrow as pa
from obstore.store import S3Store
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform
from pyiceberg.types import (
    DecimalType,
    IcebergType,
    IntegerType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from ingest_project_tests.bench.landing import clients, in_tens
from ingest_project_tests.bench.path.asked import NAMESPACE, TABLE, Asked

WORKERS = 8
AT_ONCE = 64
ICEBERG: dict[str, IcebergType] = {
    "int": IntegerType(), "long": LongType(), "string": StringType(), "decimal(18,2)": DecimalType(18, 2),
    "timestamptz": TimestamptzType(),
}  # fmt: skip
DUCKDB = {
    "int": "INTEGER", "long": "BIGINT", "string": "VARCHAR", "decimal(18,2)": "DECIMAL(18,2)",
    "timestamptz": "TIMESTAMPTZ",
}  # fmt: skip


def by_polars(asked: Asked) -> None:
    """Polars reads."""
    _run(asked, frame_by_polars)


def by_duckdb(asked: Asked) -> None:
    """DuckDB reads."""
    _run(asked, _frame_by_duckdb)


def frame_by_polars(bodies: Sequence[bytes], asked: Asked) -> pa.Table:
    """The rows of all bodies, with casts as one writes them by hand."""
    if asked.format == "parquet":
        return pl.concat([pl.read_parquet(io.BytesIO(body)) for body in bodies]).to_arrow()
    direct = {"int": pl.Int32(), "long": pl.Int64()}
    types = {name: direct.get(one, pl.String()) for name, one in asked.columns.items()}
    if asked.format == "ndjson":
        frame = pl.read_ndjson(b"".join(bodies), schema=types)
    else:
        frame = pl.concat([pl.read_csv(body, schema_overrides=types) for body in bodies])
    return frame.with_columns(
        pl.col("amount").cast(pl.Decimal(18, 2)),
        pl.col("ordered_at").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC"),
    ).to_arrow()


def opened_table(asked: Asked) -> Table:
    """The table, created if it does not exist."""
    catalog = SqlCatalog("lake", uri=asked.catalog_uri, warehouse=f"file://{asked.home}/warehouse")
    try:
        return catalog.load_table(TABLE)
    except NoSuchTableError:
        catalog.create_namespace_if_not_exists(NAMESPACE)
        fields = enumerate(asked.columns.items(), start=1)
        schema = Schema(*(NestedField(place, name, ICEBERG[one]) for place, (name, one) in fields))
        source = schema.find_field("ordered_at").field_id
        spec = PartitionSpec(PartitionField(source, 1000, DayTransform(), "ordered_at_day"))
        return catalog.create_table(TABLE, schema=schema, partition_spec=spec)


def _run(asked: Asked, read: Callable[[Sequence[bytes], Asked], pa.Table]) -> None:
    received = _receive(asked)
    keys = [
        unquote_plus(record["s3"]["object"]["key"])
        for body in received.values()
        for record in json.loads(body).get("Records", ())
    ]
    bodies = asyncio.run(_fetched(asked, keys))
    opened_table(asked).append(read(bodies, asked))
    _delete(asked, [*received])


def _receive(asked: Asked) -> dict[str, str]:
    """The bodies of the messages by their receipt handles."""
    _, sqs = clients(asked.endpoint)
    received: dict[str, str] = {}

    def receive(_: int) -> None:
        while len(received) < asked.objects:
            answer = sqs.receive_message(QueueUrl=asked.queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            received.update({one["ReceiptHandle"]: one["Body"] for one in answer.get("Messages", ())})

    with ThreadPoolExecutor(WORKERS) as pool:
        [*pool.map(receive, range(WORKERS))]
    return received


async def _fetched(asked: Asked, keys: Iterable[str]) -> list[bytes]:
    store = S3Store(
        asked.bucket, endpoint=asked.endpoint, region="us-east-1", access_key_id="bench",
        secret_access_key="bench", client_options={"allow_http": True}, virtual_hosted_style_request=False,
    )  # fmt: skip
    at_once = asyncio.Semaphore(AT_ONCE)

    async def fetch(key: str) -> bytes:
        async with at_once:
            return bytes(await (await store.get_async(key)).bytes_async())

    return await asyncio.gather(*map(fetch, keys))


def _frame_by_duckdb(bodies: Sequence[bytes], asked: Asked) -> pa.Table:
    """DuckDB reads files: lines of NDJSON in one, of the other formats one for each object."""
    parts = [b"".join(bodies)] if asked.format == "ndjson" else bodies
    paths = [Path(asked.home, f"{number}.{asked.format}") for number in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        path.write_bytes(part)
    names = [str(path) for path in paths]
    if asked.format == "parquet":
        return _arrow(duckdb.read_parquet(names))
    types = {name: DUCKDB[one] for name, one in asked.columns.items()}
    if asked.format == "csv":
        return _arrow(duckdb.read_csv(names, columns=types))
    return _arrow(duckdb.read_json(names, columns=types, format="newline_delimited"))


def _arrow(found: duckdb.DuckDBPyRelation) -> pa.Table:
    table: pa.Table = found.to_arrow_table()
    return table


def _delete(asked: Asked, receipts: Sequence[str]) -> None:
    _, sqs = clients(asked.endpoint)

    def delete(some: Sequence[str]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": receipt} for place, receipt in enumerate(some)]
        sqs.delete_message_batch(QueueUrl=asked.queue_url, Entries=entries)  # type: ignore[arg-type]

    with ThreadPoolExecutor(WORKERS) as pool:
        [*pool.map(delete, in_tens(receipts))]
