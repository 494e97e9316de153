"""Writes S3 Inventories as S3 does: a manifest, and a list of all versions in CSV, Parquet or ORC."""

import csv
import gzip
import hashlib
import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import pyarrow as pa
from pyarrow import orc, parquet

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INVENTORIES = "inventories"
MANIFEST = "inv/manifest.json"
LIST = "inv/data/1.bin"
SCHEMA = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag"
TYPES: dict[str, pa.DataType] = {
    "bucket": pa.string(), "key": pa.string(), "version_id": pa.string(), "is_latest": pa.bool_(),
    "is_delete_marker": pa.bool_(), "size": pa.int64(),
    "last_modified_date": pa.timestamp("ms", "UTC"), "e_tag": pa.string(),
}  # fmt: skip
Rows = list[dict[str, Any]]


def listed(s3: "S3Client", bucket: str) -> Rows:
    """What the bucket holds, as an inventory of all versions has it."""
    rows: Rows = []
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        rows += [
            _row(bucket, one, size=one["Size"], e_tag=one["ETag"].strip('"'))
            for one in page.get("Versions", ())
        ]
        rows += [_row(bucket, one, is_delete_marker=True) for one in page.get("DeleteMarkers", ())]
    return rows


def _row(bucket: str, one: Any, **more: Any) -> dict[str, Any]:
    row = dict.fromkeys(TYPES) | {
        "bucket": bucket, "key": one["Key"], "version_id": one["VersionId"], "is_latest": one["IsLatest"],
        "is_delete_marker": False, "last_modified_date": one["LastModified"],
    }  # fmt: skip
    return row | more


def as_csv(rows: Rows) -> bytes:
    text = io.StringIO()
    lines = csv.writer(text, quoting=csv.QUOTE_ALL)
    for row in rows:
        time = row["last_modified_date"].astimezone(UTC).isoformat(timespec="milliseconds")
        cells = {**row, "key": quote_plus(row["key"], safe="/"), "last_modified_date": time[:-6] + "Z"}
        lines.writerow("" if one is None else str(one).lower() if isinstance(one, bool) else one
                       for one in cells.values())  # fmt: skip
    return gzip.compress(text.getvalue().encode())


def as_parquet(rows: Rows) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(_table(rows), sink)
    return sink.getvalue()


def as_orc(rows: Rows) -> bytes:
    sink = io.BytesIO()
    orc.write_table(_table(rows), sink)
    return sink.getvalue()


def manifest_of(bucket: str, body: bytes, file_format: str, at: datetime) -> dict[str, Any]:
    """The manifest of an inventory with one list, complete at this time."""
    checksum = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return {
        "sourceBucket": bucket, "destinationBucket": f"arn:aws:s3:::{INVENTORIES}", "version": "2016-11-30",
        "creationTimestamp": str(int(at.timestamp() * 1000)), "fileFormat": file_format,
        "fileSchema": SCHEMA if file_format == "CSV" else str([name.lower() for name in TYPES]),
        "files": [{"key": LIST, "size": len(body), "MD5checksum": checksum}],
    }  # fmt: skip


def put_inventory(s3: "S3Client", body: bytes, manifest: dict[str, Any]) -> str:
    """Put the list and its manifest into the bucket of inventories; returns the manifest's URI."""
    s3.put_object(Bucket=INVENTORIES, Key=LIST, Body=body)
    s3.put_object(Bucket=INVENTORIES, Key=MANIFEST, Body=json.dumps(manifest).encode())
    return f"s3://{INVENTORIES}/{MANIFEST}"


def _table(rows: Rows) -> pa.Table:
    times = [{**row, "last_modified_date": row["last_modified_date"].astimezone(UTC)} for row in rows]
    return pa.Table.from_pylist(times, schema=pa.schema(TYPES))
