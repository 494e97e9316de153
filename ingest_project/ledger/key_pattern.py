"""Patterns that people give for keys: a key, an `s3://` or `sqs://` URI, or a glob of either."""

import sqlalchemy as sa

from ingest_project.ledger.tables import object_versions
from ingest_project.sources.object_version import bucket_and_key, is_object_uri

WILDCARDS = frozenset("*?")


def exact_uri(pattern: str) -> tuple[str, str] | None:
    """Bucket and key, if the pattern is a URI without wildcards; None for anything else."""
    if not is_object_uri(pattern) or WILDCARDS & set(pattern):
        return None
    return bucket_and_key(pattern)


def matches(connection: sa.Connection, pattern: str) -> sa.ColumnElement[bool]:
    """Whether an object version's key matches the pattern, or its URI if the pattern is a URI.

    `*` is any text and `?` any character. All other characters are literal and case-sensitive, in either
    database.
    """
    if is_object_uri(pattern):
        bucket, key = bucket_and_key(pattern)
        return sa.and_(
            _matches(connection, object_versions.c.bucket, bucket),
            _matches(connection, object_versions.c.key, key),
        )
    return _matches(connection, object_versions.c.key, pattern)


def _matches(
    connection: sa.Connection, column: sa.ColumnElement[str], pattern: str
) -> sa.ColumnElement[bool]:
    if not WILDCARDS & set(pattern):
        return column == pattern
    if connection.dialect.name == "sqlite":  # its LIKE ignores case
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
