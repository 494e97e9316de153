"""Values of Arrow arrays as Python's, with all digits: PyArrow's own way loses nanoseconds and far years."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

PER_UNIT = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


@dataclass(frozen=True, slots=True)
class Instant:
    """A time as nanoseconds since 1970, whatever its year."""

    nanoseconds: int


@dataclass(frozen=True, slots=True)
class Days:
    """A date as days since 1970, whatever its year."""

    days: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day, as nanoseconds."""

    nanoseconds: int


def python_values(array: Any) -> list[Any]:
    """The values of this array; times as the classes above, a map as pairs."""
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        is_bool = kind.extension_name == "arrow.bool8"
        stored = python_values(array.storage)
        return [one if one is None or not is_bool else bool(one) for one in stored]
    if pa.types.is_dictionary(kind):
        return python_values(array.dictionary_decode())
    if pa.types.is_run_end_encoded(kind):
        return python_values(pc.run_end_decode(array))  # type: ignore[attr-defined]
    if pa.types.is_struct(kind):
        return _structs(array)
    if pa.types.is_map(kind):
        return _maps(array)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return _lists(array)
    return _scalars(array)


def _scalars(array: Any) -> list[Any]:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return _made(array.view(pa.int64()), Instant, PER_UNIT[kind.unit])
    if pa.types.is_time64(kind):
        return _made(array.view(pa.int64()), Clock, PER_UNIT[kind.unit])
    if pa.types.is_time32(kind):
        return _made(array.view(pa.int32()), Clock, PER_UNIT[kind.unit])
    if pa.types.is_date32(kind):
        return _made(array.view(pa.int32()), Days, 1)
    if pa.types.is_date64(kind):
        return [
            None if one is None else Days(one // 86_400_000) for one in array.view(pa.int64()).to_pylist()
        ]
    return list(array.to_pylist())


def _made(array: Any, make: Any, factor: int) -> list[Any]:
    return [None if one is None else make(one * factor) for one in array.to_pylist()]


def _structs(array: Any) -> list[Any]:
    names = [array.type.field(place).name for place in range(array.type.num_fields)]
    columns = [python_values(one) for one in array.flatten()]
    is_null = pc.is_null(array).to_pylist()
    return [
        None if is_null[row] else {name: column[row] for name, column in zip(names, columns, strict=True)}
        for row in range(len(array))
    ]


def _lists(array: Any) -> list[Any]:
    lengths = pc.list_value_length(array).to_pylist()
    return _divided(python_values(array.flatten()), lengths)


def _maps(array: Any) -> list[Any]:
    offsets = array.offsets.to_pylist()
    is_null = pc.is_null(array).to_pylist()
    keys, items = python_values(array.keys), python_values(array.items)
    return [
        None if is_null[row] else [*zip(keys[start:end], items[start:end], strict=True)]
        for row, (start, end) in enumerate(pairwise(offsets))
    ]


def _divided(values: Sequence[Any], lengths: Sequence[int | None]) -> list[Any]:
    found: list[Any] = []
    start = 0
    for length in lengths:
        found.append(None if length is None else list(values[start : start + length]))
        start += length or 0
    return found
