"""Corrects how PyIceberg 0.12 assembles nested columns when it writes and reads data files.

It rebuilds lists and maps of structs from their offsets alone, so that a null list becomes an empty one: a
wrong value, in the file itself. (It rebuilds them because of https://github.com/apache/arrow/issues/38809.)
It casts others, which PyArrow refuses if a required part is null below a null, or where no list refers to it:
there it is not a value.
"""

from functools import wraps
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import ArrowProjectionVisitor

_MENDED = "_keeps_null_lists"


def keep_null_lists() -> None:
    """Makes PyIceberg keep null lists and maps and accept required parts, process-wide; idempotent."""
    if hasattr(ArrowProjectionVisitor, _MENDED):
        return
    setattr(ArrowProjectionVisitor, _MENDED, True)
    for name, put_together in (("list", _put_list_together), ("map", _put_map_together)):
        setattr(ArrowProjectionVisitor, name, _mended(getattr(ArrowProjectionVisitor, name), put_together))


def _mended(original: Any, put_together: Any) -> Any:
    @wraps(original)
    def mended(self: Any, iceberg_type: Any, source: Any, *parts: Any) -> Any:
        is_known = isinstance(source, pa.ListArray | pa.LargeListArray | pa.MapArray)
        if not is_known or any(part is None for part in parts):
            return original(self, iceberg_type, source, *parts)
        return put_together(self, iceberg_type, source, *parts)

    return mended


def _put_list_together(visitor: Any, list_type: Any, source: Any, elements: Any) -> Any:
    elements = visitor._cast_if_needed(list_type.element_field, elements)
    element = visitor._construct_field(list_type.element_field, elements.type)
    kind = pa.large_list(element) if isinstance(source, pa.LargeListArray) else pa.list_(element)
    return rebuilt(source, kind, elements)


def _put_map_together(visitor: Any, map_type: Any, source: Any, keys: Any, values: Any) -> Any:
    keys = visitor._cast_if_needed(map_type.key_field, keys)
    values = visitor._cast_if_needed(map_type.value_field, values)
    key = visitor._construct_field(map_type.key_field, keys.type)
    value = visitor._construct_field(map_type.value_field, values.type)
    return rebuilt(source, pa.map_(key, value), keys, values)


def rebuilt(source: Any, kind: pa.DataType, *parts: Any) -> Any:
    """The list or map of these parts, null where the source is."""
    if not source.null_count:
        return type(source).from_arrays(source.offsets, *parts, type=kind)
    offsets = pa.concat_arrays([source.offsets])  # a copy: PyArrow does not accept a mask with a slice
    return type(source).from_arrays(offsets, *parts, type=kind, mask=source.is_null())
