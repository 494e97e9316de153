"""How a table's columns have changed: each snapshot names the schema that it was written with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import Snapshot

from ingest_project.iceberg.batch_snapshot import batch_id_of, committed_at, is_first, main_history
from ingest_project.iceberg.schema import columns_in


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """A column that a commit added, or widened from the type `was`; `batch_id` is None for other writers.

    `is_first_commit`: the table was created without the column, and its first commit added it.
    """

    name: str
    type_name: str
    was: str | None
    batch_id: str | None
    committed_at: datetime
    is_first_commit: bool = False


def column_changes(metadata: TableMetadata, since: datetime) -> tuple[ColumnChange, ...]:
    """What the commits since then added and widened, oldest first.

    The columns that the table was created with are not changes, nor are those of the oldest snapshot in
    main's history if older ones have expired.
    """
    kept = list(reversed(list(_until(metadata, since))))
    return (
        *_first_changes(metadata, kept, since),
        *(
            change
            for before, after in pairwise(kept)
            if before.schema_id != after.schema_id
            for change in _changes(
                _columns(metadata, before.schema_id), _columns(metadata, after.schema_id), after
            )
        ),
    )


def _until(metadata: TableMetadata, since: datetime) -> Iterator[Snapshot]:
    """Main's history from its head to the first snapshot that is older, inclusive."""
    for snapshot in main_history(metadata):
        yield snapshot
        if committed_at(snapshot) < since:
            return


def _first_changes(
    metadata: TableMetadata, kept: Sequence[Snapshot], since: datetime
) -> Iterator[ColumnChange]:
    if not kept or not is_first(kept[0]) or committed_at(kept[0]) < since:
        return
    made_with = min(schema.schema_id for schema in metadata.schemas)
    before, after = _columns(metadata, made_with), _columns(metadata, kept[0].schema_id)
    yield from (replace(change, is_first_commit=True) for change in _changes(before, after, kept[0]))


def _changes(
    before: Mapping[str, str], after: Mapping[str, str], snapshot: Snapshot
) -> Iterator[ColumnChange]:
    for name, type_name in after.items():
        if before and before.get(name) != type_name:
            yield ColumnChange(
                name, type_name, before.get(name), batch_id_of(snapshot), committed_at(snapshot)
            )


def _columns(metadata: TableMetadata, schema_id: int | None) -> Mapping[str, str]:
    """The columns of a schema; none if a snapshot's writer did not say which one it used."""
    schema = next((one for one in metadata.schemas if one.schema_id == schema_id), None)
    return {} if schema is None else columns_in(schema)
