"""The properties that a table is created with. All engines that write to the table use them."""

from collections.abc import Mapping

from ingest_project.settings.model import TableSettings

_AT_CREATION: Mapping[str, str] = {
    # Row-level deletes by other engines need version 2; version 3 is not yet read everywhere.
    "format-version": "2",
    # Half the size of snappy for little more CPU.
    "write.parquet.compression-codec": "zstd",
    # As stored: large enough for scans, small enough for a replacement to write it again.
    "write.target-file-size-bytes": str(128 * 1024 * 1024),
    # Each commit writes a whole metadata file; without this they are never deleted. A reader that uses one of
    # the last hundred still finds it.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "100",
    # Each commit adds a manifest, and planning a scan opens all of them; merging keeps their number below a
    # hundred.
    "commit.manifest-merge.enabled": "true",
    # The default, truncate(16), keeps only the bucket of `s3://bucket/...`, so that statistics could not
    # exclude files when the rows of one object are searched. With whole values a replacement opens only files
    # that may hold them.
    "write.metadata.metrics.column._source_uri": "full",
    "write.metadata.metrics.column._batch_id": "full",
    # Bounds of an object's version exclude nothing.
    "write.metadata.metrics.column._source_version": "counts",
}


def properties_of(table: TableSettings) -> dict[str, str]:
    """All properties of a new table; the description is its `comment`, which other engines show."""
    comment = {} if table.description is None else {"comment": table.description}
    return {**_AT_CREATION, **comment}
