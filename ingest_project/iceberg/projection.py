"""Mends how PyIceberg 0.12 puts nested columns together, on their way into a data file and out of one.

It rebuilds lists and maps of structs from their offsets alone, so that a null list becomes an empty one: a wrong
value, in the file itself. https://github.com/apache/arrow/issues/38809 is why it rebuilds them at all.
"""

from functools import wraps
from typing import Any

import pyarrow as pa
from pyiceberg.io.pyarrow import ArrowProjectionVisitor

_MENDED = "_keeps_null_lists"


def keep_null_lists() -> None:
    """From now on, PyIceberg keeps lists and maps null that are null; idempotent, for the whole process."""
    if hasattr(ArrowProjectionVisitor, _MENDED):
        return
    setattr(ArrowProjectionVisitor, _MENDED, True)
    for name in ("list", "map"):
        setattr(ArrowProjectionVisitor, name, _with_nulls(getattr(ArrowProjectionVisitor, name)))


def _with_nulls(rebuild: Any) -> Any:
    @wraps(rebuild)
    def mended(self: Any, iceberg_type: Any, source: Any, *parts: Any) -> Any:
        rebuilt = rebuild(self, iceberg_type, source, *parts)
        if rebuilt is None or rebuilt.null_count == source.null_count:
            return rebuilt
        offsets = pa.concat_arrays([rebuilt.offsets])  # a copy, as PyArrow takes no mask with a slice
        values = (rebuilt.keys, rebuilt.items) if isinstance(rebuilt, pa.MapArray) else (rebuilt.values,)
        return type(rebuilt).from_arrays(offsets, *values, type=rebuilt.type, mask=source.is_null())

    return mended
