"""Maps of Parquet whose keys may be null by their schema, as Presto, Trino and Hive write them.

PyArrow refuses them, so `parquet_footer.py` has it read them as lists of structs. They become maps again, if
no key of a row is null.
"""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from ingest_project.reading.formats.arrow.rows_of_values import Mask, Values

MARK = "\1"
"""How the name of such a key begins, instead of its own first byte."""
NULL_KEY = "has a null as the key of a map"


def is_such_entry(dtype: Any) -> bool:
    """Whether this is the type of an entry of such a map."""
    return isinstance(dtype, pa.StructType) and dtype.num_fields == 2 and dtype.field(0).name.startswith(MARK)


def has_such_maps(schema: pa.Schema) -> bool:
    """Whether a column has such a map, at any depth."""
    return any(with_maps(field.type) != field.type for field in schema)


def with_maps(dtype: Any) -> Any:
    """The type with maps in the place of lists of such entries."""
    if isinstance(dtype, pa.StructType):
        return pa.struct([field.with_type(with_maps(field.type)) for field in dtype.fields])
    if isinstance(dtype, pa.MapType):
        return pa.map_(with_maps(dtype.key_type), with_maps(dtype.item_type))
    if not isinstance(dtype, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        return dtype
    entry = with_maps(dtype.value_type)
    if isinstance(dtype, pa.ListType) and is_such_entry(entry):
        return pa.map_(entry.field(0).type, entry.field(1).type)
    if entry == dtype.value_type:
        return dtype
    field = dtype.value_field.with_type(entry)
    return pa.large_list(field) if isinstance(dtype, pa.LargeListType) else pa.list_(field)


def keys_are_null(arrays: Sequence[Values], dtype: Any) -> Mask | None:
    """Whether each entry of such a map has a null as its key."""
    if not is_such_entry(dtype):
        return None
    found: Mask = arrays[0].field(0).is_null().to_numpy(zero_copy_only=False).copy()
    return found
