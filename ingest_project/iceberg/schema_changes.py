"""A batch's changes of its table's columns: staged while it writes, committed together with its rows.

Columns are added, widened and described, never removed or narrowed; required ones stay required. The batch's
data files have the ids that the new columns will get: ids are assigned in the same order each time, so
applying the changes to the same table again gives the same ids.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pyiceberg.exceptions import ValidationError
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import IcebergType, ListType, MapType, NestedField, StructType

from ingest_project.errors import CommitConflict, TableMismatch
from ingest_project.iceberg.schema import (
    columns_in,
    docs_in,
    impossible_changes,
    schema_difference,
    schema_of,
)
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.settings.wording import clipped


@dataclass(frozen=True, slots=True)
class _Step:
    """Columns that the table must get, with their types, and descriptions of some of them."""

    columns: Mapping[str, str]
    docs: Mapping[str, str]

    def is_done(self, schema: Schema) -> bool:
        lacks_provenance = any(name not in schema.column_names for name in PROVENANCE_COLUMNS)
        described = docs_in(schema)
        return not (
            lacks_provenance
            or schema_difference(self.columns, columns_in(schema))
            or any(described.get(name) != doc for name, doc in self.docs.items())
        )


class SchemaChanges:
    """The columns that a table must get, in the steps in which they were requested."""

    def __init__(self) -> None:
        self._steps: list[_Step] = []
        self._written: dict[int, str] = {}

    def __bool__(self) -> bool:
        return bool(self._steps)

    def copy(self) -> "SchemaChanges":
        """A copy of the changes so far, to return to."""
        copied = SchemaChanges()
        copied._steps, copied._written = list(self._steps), dict(self._written)
        return copied

    def add(
        self, table: Table, columns: Mapping[str, str], docs: Mapping[str, str] | None = None, *, name: str
    ) -> None:
        """Requests these columns: missing ones are added, those of a narrower type are widened.

        `docs` are new descriptions of some of them. Raises TableMismatch if Iceberg's schema evolution cannot
        make a change.
        """
        schema = self.metadata(table).schema()
        step = _Step(dict(columns), dict(docs or {}))
        if step.is_done(schema):
            return
        if impossible := impossible_changes(columns, columns_in(schema)):
            raise TableMismatch(name, "; ".join(impossible))
        self._steps.append(step)
        try:
            self.metadata(table)
        except ValueError as error:  # such as a column with the name of a partition field
            self._steps.pop()
            reason = f"its columns cannot be changed as needed: {clipped(str(error), 200)}"
            raise TableMismatch(name, reason) from error

    def metadata(self, table: Table) -> TableMetadata:
        """The table's metadata with the changes applied."""
        if not self._steps:
            return table.metadata
        transaction = Transaction(table)
        self._stage(transaction)
        return transaction.table_metadata

    def note_written(self, schema: Schema) -> None:
        """Records the field ids with which data files were written."""
        self._written |= _fields_by_id(schema)

    def apply(self, transaction: Transaction, *, name: str) -> None:
        """Stages the changes. Raises CommitConflict if field ids of the data files now mean something else.

        That happens if another writer has added columns meanwhile: the batch must be written again.
        """
        changed = CommitConflict(
            name, "its columns were changed while the batch was written; nothing was committed"
        )
        try:
            self._stage(transaction)
        except ValidationError as error:  # one of the columns has another type by now
            raise changed from error
        present = _fields_by_id(transaction.table_metadata.schema())
        if any(present.get(field_id) != column for field_id, column in self._written.items()):
            raise changed

    def _stage(self, transaction: Transaction) -> None:
        for step in self._steps:
            schema = transaction.table_metadata.schema()
            if not step.is_done(schema):
                with transaction.update_schema() as update:
                    update.union_by_name(_as_strict(schema_of(step.columns, step.docs), schema))


def _as_strict(asked_for: Schema, present: Schema) -> Schema:
    """The schema, with required fields where the present one requires them.

    Without this, PyIceberg's union with optional fields makes the table's fields optional.
    """
    known = {field.name: field for field in present.fields}
    return Schema(*(_strict_field(field, known.get(field.name)) for field in asked_for.fields))


def _strict_type(asked_for: IcebergType, present: IcebergType) -> IcebergType:
    if isinstance(asked_for, StructType) and isinstance(present, StructType):
        known = {field.name: field for field in present.fields}
        return StructType(*(_strict_field(field, known.get(field.name)) for field in asked_for.fields))
    if isinstance(asked_for, ListType) and isinstance(present, ListType):
        element = _strict_type(asked_for.element_type, present.element_type)
        return ListType(asked_for.element_id, element, element_required=present.element_required)
    if isinstance(asked_for, MapType) and isinstance(present, MapType):
        value = _strict_type(asked_for.value_type, present.value_type)
        ids = asked_for.key_id, asked_for.value_id
        return MapType(ids[0], asked_for.key_type, ids[1], value, value_required=present.value_required)
    return asked_for


def _strict_field(asked_for: NestedField, present: NestedField | None) -> NestedField:
    if present is None:
        return asked_for
    field_type = _strict_type(asked_for.field_type, present.field_type)
    return NestedField(
        asked_for.field_id, asked_for.name, field_type, required=present.required, doc=asked_for.doc
    )


def _fields_by_id(schema: Schema) -> dict[int, str]:
    """Each field's full name and, if it is primitive, its type."""
    return {
        field_id: f"{schema.find_column_name(field_id)} {_primitive(schema, field_id)}"
        for field_id in schema.field_ids
    }


def _primitive(schema: Schema, field_id: int) -> str:
    field_type = schema.find_type(field_id)
    return str(field_type) if field_type.is_primitive else ""
