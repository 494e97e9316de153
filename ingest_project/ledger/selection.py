"""Selects the object versions of a retry or a dismissal, by URI, batch, error class or table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingest_project.ledger.sql import distinct_values
from ingest_project.ledger.tables import batch_objects, key_id, object_versions
from ingest_project.sources.object_version import bucket_and_key

AT_ONCE = 50_000
"""The most object versions of one call: its transaction holds the queue's lock for a second or two."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which object versions are meant. All given conditions must hold; without any, the selection is empty.

    `uris` are `s3://bucket/key`, of which one must be the object's.
    """

    uris: tuple[str, ...] = ()
    batch_id: str | None = None
    error_class: str | None = None
    table: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.uris and self.batch_id is self.error_class is self.table is None


def selected_objects(connection: sa.Connection, selection: Selection) -> Iterator[sa.ColumnElement[bool]]:
    """The selection's conditions on an object version, except its state."""
    if selection.uris:
        yield object_versions.c.key_id.in_(key_ids(connection, selection.uris))
    if selection.batch_id is not None:
        yield batch_objects.c.batch_id == selection.batch_id
        yield batch_objects.c.object_id == object_versions.c.object_id
    if selection.error_class is not None:
        yield object_versions.c.error_class == selection.error_class
    if selection.table is not None:
        yield object_versions.c.table_name == selection.table


def left_alone(
    connection: sa.Connection, selection: Selection, concerned: sa.ColumnElement[bool]
) -> dict[str, int]:
    """How many versions that a URI or the batch names are not `concerned`, by state."""
    if not selection.uris and selection.batch_id is None:
        return {}  # for a whole table this would count all its versions
    query = (
        sa.select(object_versions.c.state, sa.func.count())
        .where(sa.not_(concerned), *selected_objects(connection, selection))
        .group_by(object_versions.c.state)
    )
    return {state: count for state, count in connection.execute(query)}  # noqa: C416


def key_ids(connection: sa.Connection, uris: Sequence[str]) -> list[str]:
    """The key ids of these URIs, in any table."""
    tables = list(distinct_values(connection, object_versions.c.table_name))
    return [key_id(table, bucket, key) for table in tables for bucket, key in map(bucket_and_key, uris)]
