"""Adding and widening columns of a table that exists: a commit of metadata alone, before the rows that need it."""

import random
import time
from collections.abc import Callable, Mapping

from pyiceberg.exceptions import CommitFailedException
from pyiceberg.table import Table

from ingest_project.errors import CommitConflict, TableMismatch
from ingest_project.iceberg.schema import columns_in, impossible_changes, schema_difference, schema_of
from ingest_project.settings.model import PROVENANCE_COLUMNS

_ATTEMPTS = 10
_LONGEST_PAUSE_SECONDS = 0.5


def evolve(load: Callable[[], Table], columns: Mapping[str, str], *, name: str) -> Table:
    """The table, freshly loaded, with all of these columns and the provenance columns.

    Columns are added and widened, never removed or narrowed. Idempotent: what another process adds meanwhile is
    taken as it is. Raises TableMismatch for a type that Iceberg cannot evolve to, CommitConflict if other writers
    changed the table each time.
    """
    for _ in range(_ATTEMPTS):
        table = load()
        if not needs_evolution(table, columns):
            return table
        if impossible := impossible_changes(columns, columns_in(table.schema())):
            raise TableMismatch(name, "; ".join(impossible))
        try:
            with table.update_schema() as update:
                update.union_by_name(schema_of(columns))
        except CommitFailedException:
            time.sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))  # noqa: S311 - jitter, not a secret
    raise CommitConflict(
        name, f"{_ATTEMPTS} attempts to change its columns met other writers; nothing was changed"
    )


def needs_evolution(table: Table, columns: Mapping[str, str]) -> bool:
    """Whether the table lacks a provenance column, or one of these columns as declared."""
    present = table.schema().column_names
    lacks_provenance = any(name not in present for name in PROVENANCE_COLUMNS)
    return lacks_provenance or bool(schema_difference(columns, columns_in(table.schema())))
