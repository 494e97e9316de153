"""Divides rows by the partitions of a table: one pass numbers them, and each part is taken when written.

PyIceberg filters all rows once for each partition, and holds the parts of all of them at once. Here the rows
are sorted by the number of their partition, once, and a part is a slice of that order.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey, PartitionSpec
from pyiceberg.schema import Schema

from ingest_project.iceberg.source_values import source_values


@dataclass(frozen=True, slots=True)
class Part:
    """The rows of one partition, by their places; the key is None if the table does not have partitions.

    `places` are in the order of the rows. None: the rows are one after another, from `start`.
    """

    key: PartitionKey | None
    start: int
    height: int
    places: Any = field(default=None, repr=False)

    def of(self, rows: pa.Table) -> pa.Table:
        """The part of these rows, which are those that were divided, perhaps in other types.

        They should be one chunk, from which rows are taken much faster.
        """
        return rows.slice(self.start, self.height) if self.places is None else rows.take(self.places)

    def pieces(self, height: int) -> Iterator["Part"]:
        """The part in pieces of at most `height` rows."""
        for start in range(0, self.height, height):
            end = min(start + height, self.height)
            places = None if self.places is None else self.places[start:end]
            yield Part(self.key, self.start + start, end - start, places)


def by_partition(rows: pa.Table, spec: PartitionSpec, schema: Schema) -> list[Part]:
    """The parts of a table's rows, which have all columns that the spec reads; within a part in their order.

    Raises what PyIceberg and PyArrow raise for a transform that does not suit its column.
    """
    if spec.is_unpartitioned():
        return [Part(None, 0, rows.num_rows)]
    values = [source_values(rows, one, schema) for one in spec.fields]
    numbers = _numbers(values)
    counts = np.bincount(numbers)
    ends = np.cumsum(counts)
    order = None if _is_sorted(numbers) else np.argsort(numbers, kind="stable")
    return [
        Part(
            _key(values, int(start if order is None else order[start]), spec, schema),
            int(start),
            int(end - start),
            None if order is None else order[start:end],
        )
        for start, end in zip(ends - counts, ends, strict=True)
    ]


def _key(values: Sequence[Any], row: int, spec: PartitionSpec, schema: Schema) -> PartitionKey:
    """The partition of this row."""
    of_row = [
        PartitionFieldValue(part, value[row].as_py()) for part, value in zip(spec.fields, values, strict=True)
    ]
    return PartitionKey(of_row, spec, schema)


def _numbers(values: Sequence[Any]) -> Any:
    """A number from 0 for each row, which is the same for all rows of a partition.

    Values are numbered in the order in which they come, so rows that come partition by partition are sorted.
    """
    numbers: Any = None
    for one in values:
        encoded = one.dictionary_encode(null_encoding="encode")
        found = encoded.indices.to_numpy()
        if numbers is not None:
            both = pa.array(numbers.astype(np.int64) * len(encoded.dictionary) + found)
            found = both.dictionary_encode().indices.to_numpy()
        numbers = found
    # NumPy sorts numbers of 16 bits by their digits, in linear time.
    return numbers.astype(np.uint16) if numbers.max() < 2**16 else numbers


def _is_sorted(numbers: Any) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())
