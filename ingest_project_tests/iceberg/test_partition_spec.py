"""Partition specs are parsed, named as Iceberg's Java library names them, or refused with a remedy."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.catalog import Lake
from ingest_project.iceberg.partition_spec import entries_of, partition_difference, partition_spec_of
from ingest_project.iceberg.schema import schema_of
from ingest_project.settings.partition_fields import PartitionField
from ingest_project.settings.table_rules import table_faults
from ingest_project_tests.iceberg.factories import nothing, replacing, table_settings

SCHEMA = schema_of(
    {
        "region": "string",
        "customer_id": "long",
        "ordered_at": "timestamptz",
        "ordered_at_day": "date",
        "price": "double",
        "tags": "list<string>",
        "place": "struct<zip: string>",
    }
)


def test_fields_are_named_as_in_java() -> None:
    entries = [
        "truncate[4](region)",
        "hour(ordered_at)",
        "bucket[16](customer_id)",
        "place.zip",
        "void(price)",
    ]
    spec = partition_spec_of(entries, SCHEMA, table="sales.orders")
    names = [field.name for field in spec.fields]
    assert names == ["region_trunc", "ordered_at_hour", "customer_id_bucket", "place.zip", "price_null"]
    assert entries_of(spec, SCHEMA) == tuple(entries)


def test_a_name_that_a_column_has_already_is_not_used_for_a_field() -> None:
    spec = partition_spec_of(["day(ordered_at)"], SCHEMA, table="sales.orders")
    assert [field.name for field in spec.fields] == ["ordered_at_day_2"]


NAMES = (
    "ordered at", "a.b", "a,b", "a (b)", "größe", 'q"t', "it's", "a`b", "x[0]", "day(ts)", "a/b",
    "日本", "a=b%",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("transform", ["identity", "truncate[3]", "bucket[4]"])
def test_column_of_any_name_may_part_the_rows(transform: str, name: str, sqlite_lake: Lake) -> None:
    kind, _, width = transform.rstrip("]").partition("[")
    entry = str(PartitionField(kind, name, int(width) if width else None))
    settings = table_settings(columns={name: "string"}, partition_spec=[entry])
    assert list(table_faults(0, settings)) == []

    table = sqlite_lake.table(settings, columns={name: "string"})
    rows = pa.table({name: ["abcd", "b/ c", None], "_source_uri": list("abc"), "_batch_id": ["one"] * 3})
    table.commit("one", [table.write(rows)], nothing)

    assert table.differences(settings) == ()
    assert table.partition_spec == (entry,)
    found = table._table.scan().to_arrow().sort_by("_source_uri")
    assert found[name].to_pylist() == ["abcd", "b/ c", None]


def test_space_and_identity_are_spelling_only() -> None:
    spec = partition_spec_of(
        [" identity( region ) ", "bucket[ 16 ]( customer_id )"], SCHEMA, table="sales.orders"
    )
    assert partition_difference(["region", "bucket[16](customer_id)"], spec, SCHEMA) == ()
    assert partition_difference(["identity(region)", "bucket[16] (customer_id)"], spec, SCHEMA) == ()


def test_another_spec_is_a_line_for_people() -> None:
    spec = partition_spec_of(["region"], SCHEMA, table="sales.orders")
    (line,) = partition_difference(["day(ordered_at)"], spec, SCHEMA)
    assert "['day(ordered_at)']" in line
    assert "['region']" in line


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("days(ordered_at)", "did you mean day"),
        ("bucket(customer_id)", "write bucket[16](column)"),
        ("unknown(customer_id)", "no such transform"),
        ("bucket[0](customer_id)", "not a partition field"),
        ("day[3](ordered_at)", "day takes no width"),
        ("day(ordered_at", "not a partition field"),
        ("day(ordered)", "names column 'ordered', but the columns are region"),
        ("day(region)", "day does not take a string"),
        ("bucket[16](price)", "a double cannot partition rows"),
        ("price", "a double cannot partition rows"),
        ("tags", "a list cannot partition rows"),
        ("tags.element", "names column 'tags.element'"),
        ("place", "a struct cannot partition rows"),
    ],
)
def test_a_wrong_entry_is_refused_with_its_reason(entry: str, reason: str) -> None:
    with pytest.raises(TableMismatch) as caught:
        partition_spec_of([entry], SCHEMA, table="sales.orders")
    assert reason in str(caught.value)
    assert repr(entry) in str(caught.value)


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        (["region", "identity(region)"], "is listed before; remove one"),
        (["day(ordered_at)", "hour(ordered_at)"], "keep hour(ordered_at) alone"),
        (["month(ordered_at)", "year(ordered_at)"], "keep month(ordered_at) alone"),
        (["bucket[4](region)", "truncate[2](region)"], "only one field of a column can be written"),
        (["bucket[4](region)", "bucket[8](region)"], "only one field of a column can be written"),
        (["void(region)", "region"], "only one field of a column can be written"),
    ],
)
def test_second_field_of_a_column_is_refused(entries: list[str], reason: str) -> None:
    with pytest.raises(TableMismatch) as caught:
        partition_spec_of(entries, SCHEMA, table="sales.orders")
    assert reason in str(caught.value)


VALUES: dict[str, Any] = {
    "long": pa.array([7, -7, None], pa.int64()),
    "int": pa.array([7, -7, None], pa.int32()),
    "string": pa.array(["größer", "", None], pa.large_string()),
    "decimal(12,2)": pa.array([Decimal("1.10"), Decimal("-1.11"), None], pa.decimal128(12, 2)),
    "date": pa.array([date(2026, 1, 1), date(1969, 12, 31), None], pa.date32()),
    "timestamp": pa.array(
        [datetime(2026, 1, 1, 5), datetime(1969, 12, 31, 23, 30), None],  # noqa: DTZ001 - local time is the point
        pa.timestamp("us"),
    ),
    "timestamptz": pa.array(
        [datetime(2026, 1, 1, 5, tzinfo=UTC), datetime(1969, 12, 31, 23, 30, tzinfo=UTC), None],
        pa.timestamp("us", "UTC"),
    ),
    "binary": pa.array([b"abcd", b"", None], pa.large_binary()),
    "uuid": pa.array([UUID(int=7).bytes, UUID(int=8).bytes, None], pa.binary(16)),
}
NUMBERS_AND_TEXT = ["long", "int", "string", "decimal(12,2)", "binary"]
DAYS = ["date", "timestamp", "timestamptz"]
TRANSFORMS = {
    "identity": list(VALUES),
    "bucket[16]": list(VALUES),
    "void": list(VALUES),
    "truncate[3]": NUMBERS_AND_TEXT,
    "year": DAYS,
    "month": DAYS,
    "day": DAYS,
    "hour": ["timestamp", "timestamptz"],
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_every_transform_creates_writes_and_replaces(transform: str, sqlite_lake: Lake) -> None:
    for number, kind in enumerate(TRANSFORMS[transform]):
        settings = table_settings(f"s.t{number}", columns={"c": kind}, partition_spec=[f"{transform}(c)"])
        table = sqlite_lake.table(settings, columns={"c": kind})
        values = pa.chunked_array([VALUES[kind], VALUES[kind]])
        rows = pa.table({"c": values, "_source_uri": list("abcdef"), "_batch_id": ["one"] * 6})
        table.commit("one", [table.write(rows)], nothing)
        assert table.row_count() == 6, kind
        table.commit("two", [], replacing("a", "c", "e"))
        left = table._table.scan().to_arrow().sort_by("_source_uri")
        assert left["_source_uri"].to_pylist() == ["b", "d", "f"], kind
