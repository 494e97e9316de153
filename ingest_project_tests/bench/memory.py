"""`make memory`: peak memory of a whole run over objects of growing size, from S3 into an Iceberg table.

Each size has a process of its own. Flat means: five times the data, the same memory. Other shapes have many
rows in few bytes, many bad rows, many files or many columns.
"""

import argparse
import gzip
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from ingest_project_tests.bench.landing import BUCKET, clients, ministack, notifying_queue
from ingest_project_tests.bench.memory_shapes import COLUMNS, SHAPES
from ingest_project_tests.bench.path.asked import TABLE, Asked
from ingest_project_tests.bench.path.contestants import CONTESTANTS
from ingest_project_tests.bench.path.judge import rows_of
from ingest_project_tests.bench.path.referee import run_contestant

MIB = 1024**2
BLOCK_ROWS = 100_000
SIZES_MIB = (100, 1024, 5120)
PART_BYTES = 8 * MIB
FORMATS = ("ndjson.gz", "csv", "parquet")


@dataclass(frozen=True)
class Measured:
    """What reading one object took.

    Sizes and memory are in MiB; `content_mib` is the size without compression.
    """

    form: str
    content_mib: float
    stored_mib: float
    rows: int
    seconds: float
    peak_mib: float


def main() -> int:
    """Measure each format at each size, print the table; 1 if rows are missing or memory grows with size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES_MIB, help="MiB without compression")
    parser.add_argument("--formats", nargs="*", choices=FORMATS, default=FORMATS)
    parser.add_argument("--shapes", nargs="*", choices=SHAPES, default=[*SHAPES])
    chosen = parser.parse_args()
    results: list[Measured] = []
    for form in chosen.formats:
        for size in chosen.sizes:
            with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
                results.append(_measure(form, size, endpoint, Path(folder)))
                _print(results[-1:])
    for name in chosen.shapes:
        with tempfile.TemporaryDirectory() as folder, ministack(Path(folder)) as endpoint:
            results.append(_measure_shape(name, endpoint, Path(folder)))
            _print(results[-1:])
    _print(results)
    return 0 if all(_is_flat([one for one in results if one.form == form]) for form in chosen.formats) else 1


def _is_flat(of_format: list[Measured]) -> bool:
    peaks = [one.peak_mib for one in of_format if one.content_mib > 500]
    return not peaks or max(peaks) < 1.25 * min(peaks)


def _measure(form: str, size_mib: int, endpoint: str, folder: Path) -> Measured:
    url = notifying_queue(endpoint, "memory")
    content_bytes, stored_bytes, rows = _put(form, size_mib * MIB, endpoint, folder)
    asked = Asked(endpoint, BUCKET, "memory/", url, str(folder), 1, form.partition(".")[0], COLUMNS)
    return _measured(form, asked, rows, content_bytes, stored_bytes)


def _measure_shape(name: str, endpoint: str, folder: Path) -> Measured:
    shape = SHAPES[name]
    url = notifying_queue(endpoint, "memory")
    s3, _ = clients(endpoint)
    objects = size_bytes = 0
    for body in shape.bodies():
        s3.put_object(Bucket=BUCKET, Key=f"memory/{objects:06}.{shape.format}", Body=body)
        objects, size_bytes = objects + 1, size_bytes + len(body)
    asked = Asked(endpoint, BUCKET, "memory/", url, str(folder), objects, shape.format, dict(shape.columns))
    return _measured(name, asked, shape.rows, size_bytes, size_bytes)


def _measured(name: str, asked: Asked, rows: int, content_bytes: int, stored_bytes: int) -> Measured:
    run = run_contestant(CONTESTANTS[0], asked)
    if (found := rows_of(Path(asked.home), TABLE)) != rows:
        raise RuntimeError(f"{name}: {rows} rows were put, {found} came in")
    return Measured(name, content_bytes / MIB, stored_bytes / MIB, rows, run.seconds, run.peak_mib or 0.0)


def _put(form: str, size_bytes: int, endpoint: str, folder: Path) -> tuple[int, int, int]:
    """Writes one object of about this uncompressed size; gives that size, its stored size and its rows."""
    path = folder / "object"
    content_bytes = rows = 0
    if form == "parquet":
        content_bytes, rows = _write_parquet(path, size_bytes)
    else:
        with path.open("wb") as file:
            for block in _text_blocks(form):
                file.write(gzip.compress(block, 1) if form.endswith(".gz") else block)
                content_bytes += len(block)
                rows += BLOCK_ROWS
                if content_bytes >= size_bytes:
                    break
    _upload(endpoint, path, f"memory/dt=2026-11-20/object.{form}")
    stored_bytes = path.stat().st_size
    path.unlink()
    return content_bytes, stored_bytes, rows


def _frame(number: int) -> pl.DataFrame:
    ids = pl.int_range(number * BLOCK_ROWS, (number + 1) * BLOCK_ROWS, eager=True)
    return pl.DataFrame(
        {
            "order_id": ids,
            "customer_id": (ids * 7919) % 100_003,
            "note": (ids * 2654435761 % 4294967296).cast(pl.String)
            + " left at the door, "
            + ids.cast(pl.String),
            "ordered_at": (1_763_600_000_000_000 + ids * 10_000).cast(pl.Datetime("us", "UTC")),
        }
    )


def _text_blocks(form: str) -> Iterator[bytes]:
    for number in count():
        frame = _frame(number).with_columns(pl.col("ordered_at").dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ"))
        if form.startswith("ndjson"):
            yield frame.write_ndjson().encode()
        else:
            yield frame.write_csv(include_header=number == 0).encode()


def _write_parquet(path: Path, size_bytes: int) -> tuple[int, int]:
    import pyarrow.parquet as pq

    content_bytes = rows = 0
    schema = _frame(0).to_arrow().schema
    with pq.ParquetWriter(path, schema, compression="none", use_dictionary=False) as writer:
        for number in count():
            table = _frame(number).to_arrow().cast(schema)
            writer.write_table(table, row_group_size=BLOCK_ROWS)
            content_bytes += table.nbytes
            rows += BLOCK_ROWS
            if content_bytes >= size_bytes:
                return content_bytes, rows
    raise AssertionError("unreachable")


def _upload(endpoint: str, path: Path, key: str) -> None:
    from boto3.s3.transfer import TransferConfig

    s3, _ = clients(endpoint)
    s3.upload_file(
        str(path), BUCKET, key, Config=TransferConfig(multipart_chunksize=PART_BYTES, use_threads=False)
    )


def _print(results: list[Measured]) -> None:
    table = Table(
        "format", "content MiB", "stored MiB", "rows", "seconds", "MiB/s", "peak MiB", title="make memory"
    )
    for one in results:
        table.add_row(
            one.form, f"{one.content_mib:,.0f}", f"{one.stored_mib:,.0f}", f"{one.rows:,}",
            f"{one.seconds:.0f}",
            f"{one.content_mib / one.seconds:.0f}", f"{one.peak_mib:,.0f}",
        )  # fmt: skip
    Console(width=120).print(table)


if __name__ == "__main__":
    sys.exit(main())
