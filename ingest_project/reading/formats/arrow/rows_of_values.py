"""Tells which rows of an Arrow column have a value of some kind, at any depth."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Values = Any
"""An Arrow array: its stubs know no type for arrays of any type."""
Mask = npt.NDArray[np.bool_]
Judge = Callable[[Sequence[Values], Any], Mask | None]
"""Tells which of the values are meant; None if those of this type are not, but perhaps their parts."""


def rows_with(arrays: Sequence[Values], dtype: Any, judge: Judge) -> Mask:
    """Whether each row has a value that the judge means; values within nulls do not count.

    The arrays hold the same values in different forms, such as two units of time, and have the same
    structure. `dtype` has that structure too; the judge is told its part. The arrays must be valid.
    """
    first = arrays[0]
    if isinstance(dtype, pa.BaseExtensionType):
        dtype = dtype.storage_type
    judged = judge(arrays, dtype)
    found = np.zeros(len(first), np.bool_) if judged is None else judged
    if isinstance(first.type, pa.DictionaryType):
        of_words = rows_with([first.dictionary], dtype.value_type, judge)
        found = np.append(of_words, False)[first.indices.fill_null(len(of_words)).to_numpy()]
    for parts, part_type, offsets in _parts(arrays, dtype):
        found |= _by_row(rows_with(parts, part_type, judge), offsets)
    if first.null_count:
        found &= first.is_valid().to_numpy(zero_copy_only=False)
    return found


def _by_row(parts: Mask, offsets: Any) -> Mask:
    """Whether each row has a part that is true; the parts of row k begin at offset k."""
    if offsets is None:
        return parts
    counts = np.concatenate([[0], np.cumsum(parts)])
    return np.asarray(counts[offsets[1:]] > counts[offsets[:-1]])


def _parts(arrays: Sequence[Values], dtype: Any) -> list[tuple[list[Values], Any, Any]]:
    """The arrays of each part of nested values, its type, and where the parts of each row are."""
    first = arrays[0]
    if isinstance(first.type, pa.StructType):
        return [
            ([one.field(place) for one in arrays], dtype.field(place).type, None)
            for place in range(first.type.num_fields)
        ]
    if isinstance(first.type, pa.MapType):
        offsets = first.offsets.to_numpy()
        return [
            ([one.keys for one in arrays], dtype.key_type, offsets),
            ([one.items for one in arrays], dtype.item_type, offsets),
        ]
    if isinstance(first.type, pa.ListType | pa.LargeListType):
        return [([one.values for one in arrays], dtype.value_type, first.offsets.to_numpy())]
    if isinstance(first.type, pa.FixedSizeListType):
        offsets = (np.arange(len(first) + 1) + first.offset) * first.type.list_size
        return [([one.values for one in arrays], dtype.value_type, offsets)]
    return []


def without_rows(values: Values, rows: Mask) -> Values:
    """The values, null in these rows; those of a dictionary without the dictionary, which has them still."""
    places: Any = pa.array(np.arange(len(values)), mask=rows)
    kept = pc.take(values, places)
    return kept.dictionary_decode() if isinstance(kept.type, pa.DictionaryType) else kept
