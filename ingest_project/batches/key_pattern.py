"""Keys as people ask for them: a key, an `s3://` URI, or a glob of either."""

import sqlalchemy as sa

from ingest_project.batches.tables import object_versions

SCHEME = "s3://"
WILDCARDS = frozenset("*?")


def exact_uri(pattern: str) -> tuple[str, str] | None:
    """Bucket and key, if the pattern is a URI without wildcards; None for anything else."""
    if not pattern.startswith(SCHEME) or WILDCARDS & set(pattern):
        return None
    return bucket_and_key(pattern)


def bucket_and_key(uri: str) -> tuple[str, str]:
    """The two halves of an `s3://` URI; the key as it is, not decoded."""
    bucket, _, key = uri.removeprefix(SCHEME).partition("/")
    return bucket, key


def matches(connection: sa.Connection, pattern: str) -> sa.ColumnElement[bool]:
    """Whether an object version's key, or its URI if the pattern is one, matches: `*` is any text, `?` any character.

    All other characters stand for themselves, upper and lower case apart, in either database.
    """
    if pattern.startswith(SCHEME):
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
    if connection.dialect.name == "sqlite":  # whose LIKE takes upper and lower case for the same
        return column.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]"))
    escaped = pattern.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.like(escaped.replace("*", "%").replace("?", "_"), escape="\\")
