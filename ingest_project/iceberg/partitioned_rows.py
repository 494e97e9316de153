"""Divides rows by the partitions of a table, one after another, so that only one copy of a part is held.

PyIceberg filters all rows once for each partition, and holds the parts of all of them at once. Here the rows
are sorted by the number of their partition, once, and each part is taken when it is written.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.partitioning import PartitionField, PartitionFieldValue, PartitionKey, PartitionSpec
from pyiceberg.schema import Schema

from ingest_project.iceberg.field_path import field_path


@dataclass(frozen=True, slots=True)
class PartitionedRows:
    """The rows of one partition; the key is None if the table does not have partitions."""

    key: PartitionKey | None
    rows: pa.Table = field(repr=False)


def by_partition(rows: pa.Table, spec: PartitionSpec, schema: Schema) -> Iterator[PartitionedRows]:
    """The parts of a table's rows, which have all columns that the spec reads; within a part in their order.

    Raises what PyIceberg and PyArrow raise for a transform that does not suit its column.
    """
    if spec.is_unpartitioned():
        yield PartitionedRows(None, rows)
        return
    values = [_partition_values(rows, one, schema) for one in spec.fields]
    numbers = _numbers(values)
    counts = np.bincount(numbers)
    ends = np.cumsum(counts)
    order = None if _is_sorted(numbers) else np.argsort(numbers, kind="stable")
    rows = rows if order is None else rows.combine_chunks()  # rows are taken from one chunk much faster
    for start, end in zip(ends - counts, ends, strict=True):
        first = int(start if order is None else order[start])
        key = PartitionKey(
            [
                PartitionFieldValue(part, value[first].as_py())
                for part, value in zip(spec.fields, values, strict=True)
            ],
            spec,
            schema,
        )
        some = rows.slice(start, end - start) if order is None else rows.take(order[start:end])
        yield PartitionedRows(key, some)


def _partition_values(rows: pa.Table, part: PartitionField, schema: Schema) -> Any:
    """The value of this part of the partition, for each row."""
    column, *path = field_path(schema, part.source_id)
    values: Any = rows.column(column.name)
    for inner in path:
        values = pc.struct_field(values, inner.name)
    source = schema.find_field(part.source_id)
    transform: Callable[[Any], Any] = part.transform.pyarrow_transform(source.field_type)
    return transform(_one_array(values))


def _one_array(values: Any) -> Any:
    return values.chunk(0) if values.num_chunks == 1 else pa.concat_arrays(values.chunks)


def _numbers(values: Sequence[Any]) -> Any:
    """A number from 0 for each row, which is the same for all rows of a partition.

    Values are numbered in the order in which they come, so rows that come partition by partition are sorted.
    """
    numbers = np.zeros(len(values[0]), dtype=np.int64)
    for one in values:
        encoded = one.dictionary_encode(null_encoding="encode")
        both = numbers * len(encoded.dictionary) + encoded.indices.to_numpy()
        numbers = np.unique(both, return_inverse=True)[1]
    return numbers


def _is_sorted(numbers: Any) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())
