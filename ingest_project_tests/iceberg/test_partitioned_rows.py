"""Rows are divided by partition exactly as a filter for each partition would, and one part at a time."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform
from pyiceberg.types import DoubleType, LongType, NestedField, StringType, StructType, TimestamptzType

from ingest_project.iceberg.partitioned_rows import by_partition

SCHEMA = Schema(
    NestedField(1, "id", LongType()),
    NestedField(2, "at", TimestamptzType()),
    NestedField(3, "code.x", StringType()),
    NestedField(4, "v", StructType(NestedField(5, "ratio", DoubleType()))),
)
START = datetime(2026, 1, 1, tzinfo=UTC)


def spec(*parts: tuple[int, Any]) -> PartitionSpec:
    return PartitionSpec(
        *(PartitionField(source, 1000 + place, one, f"p{place}") for place, (source, one) in enumerate(parts))
    )


def rows(count: int, seed: int) -> pa.Table:
    seeded = random.Random(seed)  # noqa: S311 - the same rows each time
    return pa.table(
        {
            "id": pa.array(range(count), pa.int64()),
            "at": pa.array(
                [seeded.choice([None, START + timedelta(hours=seeded.randrange(200))]) for _ in range(count)],
                pa.timestamp("us", "UTC"),
            ),
            "code.x": pa.array([seeded.choice([None, "", "ab", "abc", "b"]) for _ in range(count)]),
            "v": pa.array(
                [seeded.choice([None, {"ratio": seeded.choice([0.5, None])}]) for _ in range(count)]
            ),
        }
    )


def divided(table: pa.Table, by: PartitionSpec) -> dict[tuple[Any, ...], list[Any]]:
    """The ids of each partition; a partition has one part."""
    found: dict[tuple[Any, ...], list[Any]] = {}
    for part in by_partition(table, by, SCHEMA):
        assert part.key is not None
        values = tuple(one.value for one in part.key.field_values)
        assert values not in found
        found[values] = part.of(table.combine_chunks())["id"].to_pylist()
    return found


@pytest.mark.parametrize("seed", range(5))
def test_each_row_is_in_the_partition_of_its_values_in_the_order_of_the_rows(seed: int) -> None:
    table = rows(500, seed)
    table = pa.concat_tables([table.slice(0, 123), table.slice(123)])  # several chunks
    expected: dict[tuple[Any, ...], list[Any]] = {}
    for row in table.to_pylist():
        day = None if row["at"] is None else (row["at"] - datetime(1970, 1, 1, tzinfo=UTC)).days
        code = None if row["code.x"] is None else row["code.x"][:2]
        ratio = None if row["v"] is None else row["v"]["ratio"]
        expected.setdefault((day, code, ratio), []).append(row["id"])

    by = spec((2, DayTransform()), (3, TruncateTransform(2)), (5, IdentityTransform()))
    assert divided(table, by) == expected


def test_rows_in_the_order_of_their_partitions_are_not_copied() -> None:
    table = pa.table({"id": pa.array([1, 1, 2, 2], pa.int64())})
    parts = by_partition(table, spec((1, IdentityTransform())), SCHEMA)
    first, second = (part.of(table) for part in parts)
    assert (first["id"].to_pylist(), second["id"].to_pylist()) == ([1, 1], [2, 2])
    assert address_of(second) == address_of(table)


def address_of(table: pa.Table) -> int:
    column: Any = table["id"].chunk(0)
    address: int = column.buffers()[1].address
    return address


def test_zero_and_minus_zero_are_partitions_of_their_own() -> None:
    table = pa.table({"id": [1, 2, 3], "v": [{"ratio": 0.0}, {"ratio": -0.0}, {"ratio": 0.0}]})
    parts = by_partition(table, spec((5, IdentityTransform())), SCHEMA)
    found = [part.of(table)["id"].to_pylist() for part in parts]
    assert found == [[1, 3], [2]]


def test_a_transform_that_pyiceberg_core_computes_divides_too() -> None:
    found = divided(rows(100, 1), spec((1, BucketTransform(4))))
    assert sorted(one for ids in found.values() for one in ids) == list(range(100))
    assert set(found) <= {(0,), (1,), (2,), (3,)}


@pytest.mark.parametrize("in_order", [True, False])
def test_the_pieces_of_a_part_are_its_rows(in_order: bool) -> None:
    values = [1, 1, 1, 2, 2] if in_order else [1, 2, 1, 2, 1]
    table = pa.table({"id": pa.array(values, pa.int64())})
    parts = by_partition(table, spec((1, IdentityTransform())), SCHEMA)
    found = [piece.of(table)["id"].to_pylist() for part in parts for piece in part.pieces(2)]
    assert found == [[1, 1], [1], [2, 2]]


def test_more_partitions_than_16_bits_can_number() -> None:
    count = 70_000
    table = pa.table({"id": pa.array([*range(count), 0], pa.int64())})
    parts = by_partition(table, spec((1, IdentityTransform())), SCHEMA)
    assert len(parts) == count
    assert parts[0].of(table)["id"].to_pylist() == [0, 0]
    assert parts[-1].of(table)["id"].to_pylist() == [count - 1]
