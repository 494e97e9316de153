"""Tables with the columns of S3 Metadata's, in a SQL catalog of their own."""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog, load_catalog

from ingest_project_tests.factories import Zone, orders_table
from ingest_project_tests.landing import BUCKET

NAME = "b_acme_landing.inventory"
TIME = pa.timestamp("us")
INVENTORY: dict[str, pa.DataType] = {
    "bucket": pa.string(), "key": pa.string(), "sequence_number": pa.string(), "version_id": pa.string(),
    "is_delete_marker": pa.bool_(), "size": pa.int64(), "last_modified_date": TIME, "e_tag": pa.string(),
    "storage_class": pa.string(), "is_multipart": pa.bool_(), "encryption_status": pa.string(),
    "is_bucket_key_enabled": pa.bool_(), "kms_key_arn": pa.string(), "checksum_algorithm": pa.string(),
    "object_tags": pa.map_(pa.string(), pa.string()), "user_metadata": pa.map_(pa.string(), pa.string()),
}  # fmt: skip
JOURNAL: dict[str, pa.DataType] = {
    **INVENTORY, "record_type": pa.string(), "record_timestamp": TIME, "requester": pa.string(),
    "source_ip_address": pa.string(), "request_id": pa.string(),
}  # fmt: skip
"""The columns that the user guide of S3 names, without those that only describe the storage."""

Rows = list[dict[str, Any]]


def declare(zone: Zone, **changes: Any) -> Zone:
    """The zone with a catalog for the tables of S3 Metadata."""
    catalog = {"type": "sql", "uri": "sqlite:///metadata.db", "warehouse": "metadata"}
    zone.landing.write(tables=[orders_table(**changes)], metadata_catalog={"name": "s3", **catalog})
    return zone.restarted()


def catalog_of(zone: Zone) -> Catalog:
    folder = zone.landing.folder
    return load_catalog(
        "s3", type="sql", uri=f"sqlite:///{folder}/metadata.db", warehouse=f"file://{folder}/metadata"
    )


def publish(
    zone: Zone, *files: Iterable[Mapping[str, Any]], columns: Mapping[str, pa.DataType] | None = None
) -> str:
    """Make the table anew, with a data file for each of `files`; returns its name."""
    schema = pa.schema(dict(columns or INVENTORY))
    catalog = catalog_of(zone)
    catalog.create_namespace_if_not_exists(NAME.partition(".")[0])
    if catalog.table_exists(NAME):
        catalog.drop_table(NAME)
    table = catalog.create_table(NAME, schema)
    for rows in files:
        table.append(pa.Table.from_pylist([dict(row) for row in rows], schema=schema))
    catalog.close()
    return NAME


def held(zone: Zone) -> Rows:
    """What the bucket holds, as an inventory table has it."""
    listed = zone.landing.s3.list_object_versions(Bucket=BUCKET)
    written = [
        _row(one) | {"size": one["Size"], "e_tag": one["ETag"].strip('"'), "is_delete_marker": False}
        for one in listed.get("Versions", ())
    ]
    return written + [_row(one) | {"is_delete_marker": True} for one in listed.get("DeleteMarkers", ())]


def _row(listed: Any) -> dict[str, Any]:
    """What objects and delete markers have in common; the current one has the largest sequence number."""
    return {
        "bucket": BUCKET, "key": listed["Key"],
        "last_modified_date": listed["LastModified"].replace(tzinfo=None),
        "version_id": None if listed["VersionId"] == "null" else listed["VersionId"],
        "sequence_number": f"{int(listed['IsLatest'])}{listed['LastModified']:%Y%m%d%H%M%S}",
    }  # fmt: skip
