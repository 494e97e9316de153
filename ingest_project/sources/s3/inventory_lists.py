"""Reads the files of an S3 Inventory, CSV, Parquet or ORC, in batches: one write of one key for each row."""

import csv
import gzip
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from ingest_project.sources.object_version import UNVERSIONED, ObjectVersion
from ingest_project.sources.s3.held import HeldObject

COLUMNS = ("key", "size", "last_modified_date", "e_tag")
"""The columns that are needed; those of versions are there if the inventory lists all versions."""

BATCH_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class ListFile:
    """A file of the list on this machine, of which bucket it is, and its columns in order."""

    path: Path
    bucket: str
    columns: tuple[str, ...]


def _csv(source: ListFile) -> Iterator[HeldObject]:
    """Has no header, gzip, and keys as in a URL's query: a space is `+`."""
    with gzip.open(source.path) as packed, io.TextIOWrapper(packed, "utf-8", newline="") as text:
        for row in csv.reader(text, strict=True):
            if len(row) != len(source.columns):
                raise ValueError(f"{len(row)} fields")
            named = dict(zip(source.columns, row, strict=True))
            time = datetime.fromisoformat(named["last_modified_date"])
            if (held := _held(source, {**named, "key": unquote_plus(named["key"])}, time)) is not None:
                yield held


def _parquet(source: ListFile) -> Iterator[HeldObject]:
    from pyarrow import parquet

    with parquet.ParquetFile(source.path) as file:
        for batch in file.iter_batches(BATCH_ROWS, columns=list(source.columns)):
            yield from _rows(source, batch)


def _orc(source: ListFile) -> Iterator[HeldObject]:
    """In this process, unlike the objects of tables: S3 has written the file, and its checksum is right."""
    from pyarrow import orc

    with source.path.open("rb") as stream:
        file = orc.ORCFile(stream)
        for stripe in range(file.nstripes):
            yield from _rows(source, file.read_stripe(stripe, columns=list(source.columns)))


READERS: Mapping[str, Callable[[ListFile], Iterator[HeldObject]]] = {
    "CSV": _csv, "PARQUET": _parquet, "ORC": _orc,
}  # fmt: skip
"""The readers by the manifest's `fileFormat`."""


def _rows(source: ListFile, batch: Any) -> Iterator[HeldObject]:
    for row in batch.to_pylist():
        time = row["last_modified_date"]
        if (held := _held(source, row, time)) is not None:
            yield held


def _held(source: ListFile, row: Mapping[str, Any], time: datetime) -> HeldObject | None:
    """The write of a row; None for a delete marker."""
    if _is_true(row.get("is_delete_marker")):
        return None
    version_id = row.get("version_id")
    is_current = "is_latest" not in row or _is_true(row["is_latest"])
    item = ObjectVersion(
        bucket=source.bucket,
        key=row["key"],
        size_bytes=int(row["size"] or 0),
        event_time=time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC),
        version_id=None if version_id in {None, "", UNVERSIONED} else version_id,
        etag=row["e_tag"].strip('"'),
    )
    return HeldObject(item, is_current)


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")
