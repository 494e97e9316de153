"""S3 Inventory: the manifest of a list of a bucket's objects that S3 has made, and the objects in it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html has the manifest's form.
A list is up to two days old and not of one moment, so what it says of a key has to be confirmed by S3.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ingest_project.errors import InventoryUnusable, ObjectError
from ingest_project.sources.aws import Aws
from ingest_project.sources.s3.bucket_owner import told_by_boto3
from ingest_project.sources.s3.held import HeldObject, HeldObjects
from ingest_project.sources.s3.inventory_lists import COLUMNS, READERS, ListFile
from ingest_project.sources.s3.s3_faults import BOTO3_FAULTS

ARN = "arn:aws:s3:::"
PORTION = 1_000
CHUNK_BYTES = 1024**2
LARGEST_MANIFEST = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class InventoryFile:
    """One file of the list, in the manifest's bucket."""

    key: str
    size_bytes: int
    md5: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """A manifest: which bucket was listed when, and the files of the list."""

    uri: str
    bucket: str
    source_bucket: str
    created_at: datetime
    file_format: str
    columns: tuple[str, ...]
    files: tuple[InventoryFile, ...]


def read_manifest(aws: Aws, uri: str, *, of_bucket: str) -> Inventory:
    """The manifest at `s3://.../manifest.json`, of an inventory of this bucket.

    Raises ObjectError if S3 does not return it, and InventoryUnusable if it is truncated, incomplete, or of
    another bucket.
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not key.endswith(".json"):
        raise InventoryUnusable(uri, "not the URI of a manifest; write s3://BUCKET/.../manifest.json")
    try:
        body = aws.s3(bucket).get_object(Bucket=bucket, Key=key)["Body"].read(LARGEST_MANIFEST + 1)
    except BOTO3_FAULTS as error:
        raise told_by_boto3(aws, bucket, uri, error) from error
    try:
        found = json.loads(body)
    except ValueError as error:
        raise InventoryUnusable(
            uri, "the manifest is not complete JSON: it is truncated, or another file"
        ) from error
    inventory = _parsed(uri, bucket, found)
    if inventory.source_bucket != of_bucket:
        raise InventoryUnusable(
            uri,
            f"it lists the bucket {inventory.source_bucket!r}, and the table's objects are in {of_bucket!r}",
        )
    return inventory


def list_inventory(aws: Aws, inventory: Inventory) -> Iterator[HeldObjects]:
    """The writes that the inventory lists, in portions; one file at a time is copied under TMPDIR.

    Raises InventoryUnusable if a file is not as the manifest says, before a row of it is given, and
    ObjectError if S3 does not return it.
    """
    with TemporaryDirectory(prefix="ingest-inventory-") as folder:
        path = Path(folder) / "list"
        for file in inventory.files:
            _download(aws, inventory, file, path)
            source = ListFile(path, inventory.source_bucket, inventory.columns)
            yield from _portions(inventory, file, source)


def _portions(inventory: Inventory, file: InventoryFile, source: ListFile) -> Iterator[HeldObjects]:
    portion: list[HeldObject] = []
    try:
        for held in READERS[inventory.file_format](source):
            portion.append(held)
            if len(portion) == PORTION:
                yield HeldObjects(tuple(portion), inventory.created_at)
                portion = []
    except InventoryUnusable:
        raise
    except (ValueError, OSError, EOFError, KeyError) as error:  # PyArrow's and gzip's are among them
        what = f"its file {file.key!r} cannot be read as {inventory.file_format} ({type(error).__name__})"
        raise InventoryUnusable(inventory.uri, what) from error
    if portion:
        yield HeldObjects(tuple(portion), inventory.created_at)


def _parsed(uri: str, bucket: str, found: Any) -> Inventory:
    try:
        files = tuple(
            InventoryFile(str(one["key"]), int(one["size"]), str(one["MD5checksum"]))
            for one in found["files"]
        )
        file_format = str(found["fileFormat"]).upper()
        columns = _columns(file_format, str(found["fileSchema"]))
        created_at = datetime.fromtimestamp(int(found["creationTimestamp"]) / 1000, UTC)
        source_bucket = str(found["sourceBucket"]).removeprefix(ARN)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        reason = f"the manifest lacks {error}" if isinstance(error, KeyError) else "the manifest is not one"
        raise InventoryUnusable(uri, f"{reason}; name manifest.json of an S3 Inventory") from error
    if file_format not in READERS:
        raise InventoryUnusable(uri, f"its files are {file_format!r}, and known are {', '.join(READERS)}")
    if lacking := [name for name in COLUMNS if name not in columns]:
        raise InventoryUnusable(
            uri,
            f"its lists lack {', '.join(lacking)}; add Size, LastModified and ETag to the inventory's fields",
        )
    return Inventory(uri, bucket, source_bucket, created_at, file_format, columns, files)


def _columns(file_format: str, schema: str) -> tuple[str, ...]:
    """The names of the columns, as Parquet and ORC have them; CSV's `ETag` is `e_tag`."""
    if file_format == "CSV":
        names = (one.strip().replace("ETag", "E_tag") for one in schema.split(","))
        return tuple(re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in names)
    return tuple(name for name in (*COLUMNS, "version_id", "is_latest", "is_delete_marker") if name in schema)


def _download(aws: Aws, inventory: Inventory, file: InventoryFile, path: Path) -> None:
    """Copies a file of the list. Raises InventoryUnusable unless it has the manifest's size and checksum."""
    uri = f"s3://{inventory.bucket}/{file.key}"
    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        body = aws.s3(inventory.bucket).get_object(Bucket=inventory.bucket, Key=file.key)["Body"]
        with path.open("wb") as copy:
            for chunk in body.iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
                copy.write(chunk)
    except BOTO3_FAULTS as error:
        fault: ObjectError = told_by_boto3(aws, inventory.bucket, uri, error)
        raise fault from error
    if size != file.size_bytes or digest.hexdigest() != file.md5.lower():
        what = f"its file {file.key!r} is truncated or changed: {size:,} of {file.size_bytes:,} bytes"
        raise InventoryUnusable(inventory.uri, f"{what}, or another MD5 than the manifest says")
