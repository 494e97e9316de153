"""Writes rows as files of limited size to S3, one by one: each is made on the disk, then sent whole."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self

import pyarrow as pa
from pyarrow import csv, parquet

from ingest_project.iceberg.file_rows import in_portions
from ingest_project.ingestion.jobs.kinds.csv_rows import csv_rows, csv_schema
from ingest_project.ingestion.jobs.kinds.outcome import ResultFile
from ingest_project.sources.s3.result_files import ResultFiles

PORTION_BYTES = 32 * 1024**2
"""So many bytes of rows, in Arrow's form, are written at a time: in Parquet these are a row group."""
FILE_BYTES = 96 * 1024**2
"""A file that has more bytes gets no further portion."""
CONTENT_TYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8"}


class _Parquet:
    def __init__(self, sink: IO[bytes], schema: pa.Schema) -> None:
        self._writer = parquet.ParquetWriter(sink, schema, compression="zstd")

    def write(self, rows: pa.Table) -> None:
        self._writer.write_table(rows, row_group_size=max(rows.num_rows, 1))

    def close(self) -> None:
        self._writer.close()


class _Csv:
    def __init__(self, sink: IO[bytes], schema: pa.Schema) -> None:
        self._writer = csv.CSVWriter(sink, csv_schema(schema))

    def write(self, rows: pa.Table) -> None:
        for batch in rows.to_batches():
            self._writer.write_batch(csv_rows(batch))

    def close(self) -> None:
        self._writer.close()


WRITERS: dict[str, type[_Parquet | _Csv]] = {"parquet": _Parquet, "csv": _Csv}


@dataclass(slots=True)
class _Open:
    """The file that rows are added to."""

    sink: IO[bytes]
    writer: _Parquet | _Csv
    rows: int = 0

    def close(self) -> None:
        self.writer.close()
        self.sink.close()


class ExportFiles:
    """The files of one export: `prefix`, which is a URI, then a number, then the name of the format.

    `folder` is on the disk and has room for one file. Files that are sent stay in S3 if the export fails.
    """

    def __init__(
        self, store: ResultFiles, prefix: str, file_format: str, schema: pa.Schema, folder: Path
    ) -> None:
        self._store = store
        self._prefix = prefix
        self._format = file_format
        self._schema = schema
        self._path = folder / "part"
        self._opened: _Open | None = None
        self.sent: list[ResultFile] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.sink.close()

    def write(self, rows: pa.Table) -> None:
        """Write a portion of rows; sends the file if it has got large enough."""
        opened = self._open()
        opened.writer.write(rows)
        opened.rows += rows.num_rows
        if opened.sink.tell() >= FILE_BYTES:
            self._send(opened)

    def finish(self) -> tuple[ResultFile, ...]:
        """Send the last file; without any rows, one that has only the names and types of the columns."""
        if self._opened is not None or not self.sent:
            self._send(self._open())
        return tuple(self.sent)

    def _open(self) -> _Open:
        if self._opened is None:
            sink = self._path.open("wb")
            self._opened = _Open(sink, WRITERS[self._format](sink, self._schema))
        return self._opened

    def _send(self, opened: _Open) -> None:
        opened.close()
        self._opened = None
        uri = f"{self._prefix}{len(self.sent) + 1:05d}.{self._format}"
        with self._path.open("rb") as body:
            digest = hashlib.file_digest(body, "sha256")
            size = body.tell()
            body.seek(0)
            self._store.put(uri, body, sha256=digest.digest(), content_type=CONTENT_TYPES[self._format])
        self.sent.append(ResultFile(uri, opened.rows, size, digest.hexdigest()))
        self._path.unlink()


def portions(batches: Iterator[pa.RecordBatch], max_rows: int | None) -> Iterator[pa.Table]:
    """The rows in portions of about `PORTION_BYTES`, in their order, at most `max_rows` of them."""
    parts = (part for batch in _cut(batches, max_rows) for part in _parts(batch))
    return in_portions(parts, PORTION_BYTES)


def _cut(batches: Iterator[pa.RecordBatch], max_rows: int | None) -> Iterator[pa.RecordBatch]:
    left = max_rows
    for batch in batches:
        if left is None:
            yield batch
            continue
        yield batch.slice(0, left)
        left -= min(left, batch.num_rows)
        if not left:
            return


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in slices of about `PORTION_BYTES`: rows may be wide."""
    rows = max(1, batch.num_rows * PORTION_BYTES // max(batch.nbytes, 1))
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)
