"""Millions of rows in a few bytes are bounded like long ones: each row counts, in groups and in pieces."""

import io
import json
from collections.abc import Callable
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.formats.table import FORMATS
from ingest_project.reading.limits import LIMITS, PieceLimits
from ingest_project.settings.formats import TableFormat

ROWS = 200_000
ROW_BYTES = LIMITS.step.row_bytes


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([1] * ROWS, pa.int8())}), sink)
    return sink.getvalue()


def ipc(column: Any) -> bytes:
    sink = io.BytesIO()
    table = pa.table({"a": column})
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=10_000)
    return sink.getvalue()


def avro() -> bytes:
    sink = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "a", "type": "boolean"}]}
    fastavro.writer(sink, schema, ({"a": True} for _ in range(ROWS)), codec="deflate", sync_interval=1000)
    return sink.getvalue()


FILES: dict[str, tuple[TableFormat, Callable[[], bytes]]] = {
    "ndjson": ("ndjson", lambda: b"{}\n" * ROWS),
    "csv": ("csv", lambda: b"a\n" + b"1\n" * ROWS),
    "csv in CR": ("csv", lambda: b"a\r" + b"1\r" * ROWS),
    "text": ("text", lambda: b"x\n" * ROWS),
    "parquet": ("parquet", parquet),
    "nulls": ("ipc", lambda: ipc(pa.nulls(ROWS))),
    "equal values": ("ipc", lambda: ipc(pa.array([0] * ROWS, pa.int64()))),
    "run ends": (
        "ipc",
        lambda: ipc(pa.RunEndEncodedArray.from_arrays(pa.array([ROWS], pa.int32()), pa.array([1]))),
    ),
    "avro": ("avro", avro),
}

OPENED = "csv in CR"
"""The first MiB is looked at for the ends of its lines, and cut as one."""


@pytest.mark.parametrize("name", FILES)
def test_a_group_counts_the_rows_of_a_file(name: str) -> None:
    file_format, make = FILES[name]
    assert FORMATS[file_format].decoded_bytes(make()) >= 0.99 * ROWS * ROW_BYTES


@pytest.mark.parametrize("name", [*(name for name in FILES if name != OPENED), "json"])
def test_a_piece_has_no_more_rows_than_its_size_allows(name: str) -> None:
    file_format, make = FILES.get(name, ("json", lambda: json.dumps([{}] * ROWS).encode()))
    body = make()
    limits = PieceLimits(piece_bytes=20_000 * ROW_BYTES)
    chunks = (body[start : start + 4096] for start in range(0, len(body), 4096))

    pieces = list(FORMATS[file_format].cut(chunks, DEFAULT_OPTIONS, limits, "s3://b/k"))

    assert len(pieces) >= 9
