"""The values by which rows are divided or sorted: a column, or a field of a struct, behind a transform."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import SortField

from ingest_project.iceberg.field_path import field_path


def source_values(rows: pa.Table, field: PartitionField | SortField, schema: Schema) -> Any:
    """The value of this field for each row, as one array.

    `rows` have the column that the field reads. Raises what PyIceberg and PyArrow raise for a transform that
    does not suit its column.
    """
    column, *path = field_path(schema, field.source_id)
    values: Any = rows.column(column.name)
    for inner in path:
        values = pc.struct_field(values, inner.name)
    source_type = schema.find_field(field.source_id).field_type
    transform: Callable[[Any], Any] = field.transform.pyarrow_transform(source_type)
    return transform(values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays(values.chunks))
