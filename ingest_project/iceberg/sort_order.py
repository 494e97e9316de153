"""Sort orders of tables, in the notation of ingest.yaml, and rows in that order.

`settings/sort_fields.py` has the grammar. Rows are written in the order that the table has, whoever gave it.
"""

from collections.abc import Sequence

import polars as pl
import pyarrow as pa
from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER, NullOrder, SortDirection, SortOrder
from pyiceberg.table.sorting import SortField as IcebergField
from pyiceberg.transforms import IdentityTransform

from ingest_project.errors import PartitionMismatch, TableMismatch
from ingest_project.iceberg.source_values import source_values
from ingest_project.iceberg.type_names import type_name
from ingest_project.settings.sort_fields import SortField, parse_sort_field, sort_source_fault


def sort_order_of(entries: Sequence[str], schema: Schema, *, table: str) -> SortOrder:
    """The order that these entries declare for a table of this schema.

    Raises TableMismatch for an entry that cannot be parsed, and PartitionMismatch if the table lacks its
    column or the column has no order.
    """
    if not entries:
        return UNSORTED_SORT_ORDER
    columns = {field.name: type_name(field.field_type) for field in schema.fields}
    fields: list[IcebergField] = []
    for entry in entries:
        try:
            field = parse_sort_field(entry)
        except ValueError as error:
            raise TableMismatch(table, f"sort_order: {entry!r}: {error}") from error
        if text := sort_source_fault(field, columns):
            raise PartitionMismatch(table, f"sort_order: {entry!r}: {text}")
        fields.append(
            IcebergField(
                source_id=schema.find_field(field.column).field_id,
                transform=IdentityTransform(),
                direction=SortDirection.DESC if field.descending else SortDirection.ASC,
                null_order=NullOrder.NULLS_FIRST if field.nulls_first else NullOrder.NULLS_LAST,
            )
        )
    return SortOrder(*fields)


def sort_difference(declared: Sequence[str], order: SortOrder, schema: Schema) -> tuple[str, ...]:
    """One line for people if the table's order differs from the declared one, else nothing."""
    actual = [_text(field, schema) for field in order.fields]
    if [str(parse_sort_field(entry)) for entry in declared] == actual:
        return ()
    return (f"sort_order is declared as {list(declared)}, but the table is sorted by {actual}",)


def is_sorted(metadata: TableMetadata) -> bool:
    """Whether the table has a sort order."""
    return metadata.default_sort_order_id != UNSORTED_SORT_ORDER.order_id


def sorted_rows(rows: pa.Table, metadata: TableMetadata) -> pa.Table:
    """The rows in the order of the table of this metadata; those that are equal stay in theirs.

    `rows` have all columns that the order reads. Raises what PyArrow and PyIceberg raise for a transform that
    does not suit its column.
    """
    fields = metadata.sort_order_by_id(metadata.default_sort_order_id)
    if fields is None or not fields.fields:
        return rows
    # Polars, unlike PyArrow, places nulls column by column, and NaN above all numbers, as Iceberg does.
    keys = pl.DataFrame(
        {
            str(place): pl.Series(source_values(rows, one, metadata.schema()))
            for place, one in enumerate(fields.fields)
        }
    )
    places = keys.select(
        pl.arg_sort_by(
            keys.columns,
            descending=[field.direction == SortDirection.DESC for field in fields.fields],
            nulls_last=[field.null_order == NullOrder.NULLS_LAST for field in fields.fields],
            maintain_order=True,
        )
    ).to_series()
    return rows.combine_chunks().take(places.to_arrow())


def _text(field: IcebergField, schema: Schema) -> str:
    column = schema.find_column_name(field.source_id) or f"column #{field.source_id}, since dropped"
    told = SortField(column, field.direction == SortDirection.DESC, field.null_order == NullOrder.NULLS_FIRST)
    return str(told) if isinstance(field.transform, IdentityTransform) else f"{field.transform}({told})"
