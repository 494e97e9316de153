"""What a batch changes about its table's columns: staged while it writes, committed in one transaction with its rows.

Columns are added and widened, never removed or narrowed. The batch's data files carry the ids that the new columns will
have; they are given out in the same order each time, so whoever applies the changes to the same table gets the same ids.
"""

from collections.abc import Mapping

from pyiceberg.exceptions import ValidationError
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata

from ingest_project.errors import CommitConflict, TableMismatch
from ingest_project.iceberg.schema import columns_in, impossible_changes, schema_difference, schema_of
from ingest_project.settings.model import PROVENANCE_COLUMNS


class SchemaChanges:
    """The columns that a table is to have, in the steps in which they were asked for."""

    def __init__(self) -> None:
        self._steps: list[dict[str, str]] = []
        self._written: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def copy(self) -> "SchemaChanges":
        """The changes as they are now, to go back to."""
        copied = SchemaChanges()
        copied._steps, copied._written = list(self._steps), dict(self._written)
        return copied

    def add(self, table: Table, columns: Mapping[str, str], *, name: str) -> None:
        """Adds the columns that the table, as changed so far, lacks, and widens those that it has narrower.

        Raises TableMismatch for a type that Iceberg's schema evolution does not lead to.
        """
        schema = self.metadata(table).schema()
        if not _lacks(schema, columns):
            return
        if impossible := impossible_changes(columns, columns_in(schema)):
            raise TableMismatch(name, "; ".join(impossible))
        self._steps.append(dict(columns))
        try:
            self.metadata(table)
        except ValueError as error:  # such as a column that is named like a field of the partition spec
            self._steps.pop()
            raise TableMismatch(name, f"its columns cannot be changed so: {str(error)[:200]}") from error

    def metadata(self, table: Table) -> TableMetadata:
        """The table's metadata as the changes make it."""
        if not self._steps:
            return table.metadata
        transaction = Transaction(table)
        self._stage(transaction)
        return transaction.table_metadata

    def note_written(self, schema: Schema) -> None:
        """Remembers the ids under which data files were written."""
        self._written |= _fields_by_id(schema)

    def apply(self, transaction: Transaction, *, name: str) -> None:
        """Stages the changes. Raises CommitConflict if data files carry ids that mean something else by now.

        That is so when another writer has given the table columns of its own meanwhile: the batch must be written anew.
        """
        changed = CommitConflict(
            name, "its columns were changed while the batch was written; nothing was committed"
        )
        try:
            self._stage(transaction)
        except ValidationError as error:  # one of them has another type by now
            raise changed from error
        present = _fields_by_id(transaction.table_metadata.schema())
        if any(present.get(field_id) != column for field_id, column in self._written.items()):
            raise changed

    def _stage(self, transaction: Transaction) -> None:
        for columns in self._steps:
            if _lacks(transaction.table_metadata.schema(), columns):
                with transaction.update_schema() as update:
                    update.union_by_name(schema_of(columns))


def _lacks(schema: Schema, columns: Mapping[str, str]) -> bool:
    """Whether a table of this schema lacks a provenance column, or one of these columns as it is asked for."""
    lacks_provenance = any(name not in schema.column_names for name in PROVENANCE_COLUMNS)
    return lacks_provenance or bool(schema_difference(columns, columns_in(schema)))


def _fields_by_id(schema: Schema) -> dict[int, str]:
    """Each field's full name and, where it has no parts, its type."""
    return {
        field_id: f"{schema.find_column_name(field_id)} {_primitive(schema, field_id)}"
        for field_id in schema.field_ids
    }


def _primitive(schema: Schema, field_id: int) -> str:
    field_type = schema.find_type(field_id)
    return str(field_type) if field_type.is_primitive else ""
