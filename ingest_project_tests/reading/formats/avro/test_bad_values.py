"""A value that its column or its own type cannot hold is one bad row, also within maps."""

from datetime import time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from ingest_project.reading.formats.avro.container import AvroBlock, AvroHeader, encoded_number
from ingest_project.reading.formats.avro.reader import read_avro
from ingest_project.reading.parse import Reading
from ingest_project.reading.target import Target
from ingest_project_tests.bench.reading.case import target_of
from ingest_project_tests.reading.factories import fetched, read_objects, values
from ingest_project_tests.reading.formats.avro.random_files import SYNC


def encoded(schema: Any, *contents: bytes) -> bytes:
    """A file with a column `c` of these encoded values."""
    record = {"type": "record", "name": "r", "fields": [{"name": "c", "type": schema}]}
    block = AvroBlock(len(contents), b"".join(contents)).encoded(SYNC)
    return AvroHeader(record, "null", SYNC).encoded() + block


def decimal_type(size: int) -> dict[str, Any]:
    return {
        "type": "fixed",
        "name": "f",
        "size": size,
        "logicalType": "decimal",
        "precision": 12,
        "scale": 2,
    }


def fixed(unscaled: int, size: int = 8) -> bytes:
    return unscaled.to_bytes(size, "big", signed=True)


def entry(key: bytes, value: bytes) -> bytes:
    return encoded_number(len(key)) + key + value


TIME_MILLIS = {"type": "int", "logicalType": "time-millis"}
TIME_MICROS = {"type": "long", "logicalType": "time-micros"}
CASES: list[tuple[Any, list[bytes], str, list[Any], str]] = [
    (
        decimal_type(8), [fixed(100), fixed(10**13), fixed(-5)], "decimal(12,2)",
        [Decimal("1.00"), Decimal("-0.05")], "Decimal('100000000000.00') is not a valid decimal(12,2)",
    ),
    (
        decimal_type(8), [fixed(100), fixed(10**9), fixed(-5)], "decimal(6,2)",
        [Decimal("1.00"), Decimal("-0.05")], "Decimal('10000000.00') is not a valid decimal(6,2)",
    ),
    (
        decimal_type(20), [fixed(100, 20), fixed(2**127, 20), fixed(-5, 20)], "decimal(12,2)",
        [Decimal("1.00"), Decimal("-0.05")],
        "'1701411834604692317316873037158841057.2'... is not a valid decimal(12,2)",
    ),
    (
        {"type": "map", "values": decimal_type(8)},
        [b"\2" + entry(b"a", fixed(100)) + b"\0", b"\2" + entry(b"b", fixed(10**13)) + b"\0", b"\0"],
        "map<string, decimal(12,2)>", [{"a": Decimal("1.00")}, {}],
        "{'b': Decimal('100000000000.00')} is not a valid map<string, decimal(12,2)>",
    ),
    (
        {"type": "map", "values": "long"},
        [b"\2" + entry(b"a", b"\2") + b"\0", b"\2" + entry(b"a", encoded_number(2**40)) + b"\0"],
        "map<string, int>", [{"a": 1}], "{'a': 1099511627776} is not a valid map<string, int>",
    ),
    (
        TIME_MILLIS, [encoded_number(5), encoded_number(86_400_000), encoded_number(7)], "time",
        [time(0, 0, 0, 5000), time(0, 0, 0, 7000)], "'86400000' is not a valid time",
    ),
    (
        TIME_MICROS, [encoded_number(2**62), encoded_number(86_399_999_999)], "time",
        [time(23, 59, 59, 999_999)], "'4611686018427387904' is not a valid time",
    ),
    (
        ["null", "long", "string"], [b"\0", b"\2" + encoded_number(7), b"\4\2x"], "long",
        [None, 7], "'x' is not a valid long",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "contents", "column", "good", "reason"), CASES)
def test_one_bad_value_is_one_bad_row(
    schema: Any, contents: list[bytes], column: str, good: list[Any], reason: str
) -> None:
    objects = fetched(encoded(schema, *contents))

    result = read_objects(objects, Reading("avro", target_of({"c": column}), quarantines=True))

    assert result.failures == ()
    assert values(result, "c") == good
    assert result.rejected is not None
    assert result.rejected["reason"].to_list() == [f"column 'c': {reason}"]


def string(raw: bytes) -> bytes:
    return encoded_number(len(raw)) + raw


NODE = {
    "type": "record", "name": "node",
    "fields": [{"name": "t", "type": "string"}, {"name": "next", "type": ["null", "node"]}],
}  # fmt: skip
TEXTS: list[tuple[Any, list[bytes], str, list[Any], str]] = [
    ("string", [string(b"a"), string(b"z\xff"), string(b"b")], "string", ["a", "b"], '"z\\\\xff"'),
    (["string", "null"], [b"\0" + string(b"\xe2\x82"), b"\2", b"\0" + string(b"7")], "long", [None, 7],
        '"\\\\xe2\\\\x82"'),
    (
        {"type": "map", "values": ["null", "string"]},
        [b"\2" + entry(b"k\xff", b"\0") + b"\0", b"\1\x08" + entry(b"k", b"\2" + string(b"v")) + b"\0"],
        "map<string, string>", [{"k": "v"}], '{"k\\\\xff": null}',
    ),
    (
        {"type": "array", "items": ["long", "string"]},
        [b"\4\0\2\2" + string(b"\xff") + b"\0", b"\2\2" + string(b"x") + b"\0"],
        "list<string>", [["x"]], '["1", "\\\\xff"]',
    ),
    (
        NODE, [string(b"a") + b"\2" + string(b"\xff") + b"\0", string(b"b") + b"\0"],
        "struct<t: string, next: string>", [{"t": "b", "next": None}],
        '{"t": "a", "next": "{\\"t\\": \\"\\\\\\\\xff\\", \\"next\\": null}"}',
    ),
]  # fmt: skip


@pytest.mark.parametrize("undeclared", [False, True])
@pytest.mark.parametrize(("schema", "contents", "column", "good", "raw"), TEXTS)
def test_one_text_that_is_not_utf_8_is_one_bad_row(
    schema: Any, contents: list[bytes], column: str, good: list[Any], raw: str, *, undeclared: bool
) -> None:
    target = Target(None, "add_columns") if undeclared and column != "long" else target_of({"c": column})

    result = read_objects(fetched(encoded(schema, *contents)), Reading("avro", target, quarantines=True))

    assert result.failures == ()
    assert values(result, "c") == good
    assert result.rejected is not None
    assert result.rejected["raw"].to_list() == [f'{{"c": {raw}}}']
    assert result.rejected["column_name"].to_list() == ["c"]


def test_a_damaged_file_with_invalid_text_is_unreadable() -> None:
    body = encoded("string", string(b"\xff"), b"\x7e")

    result = read_objects(fetched(body), Reading("avro", target_of({"c": "string"}), quarantines=True))

    assert [failure.error.error_class for failure in result.failures] == ["unreadable"]


def test_an_undeclared_decimal_that_exceeds_its_own_type_keeps_its_digits() -> None:
    body = encoded(decimal_type(8), fixed(100), fixed(10**13))

    result = read_objects(fetched(body), Reading("avro", Target(None, "add_columns"), quarantines=True))

    assert values(result, "c") == [Decimal("1.00"), Decimal("100000000000.00")]


def test_the_last_value_of_a_key_that_is_twice_in_a_map_counts() -> None:
    entries = entry(b"a", b"\2") + entry(b"b", b"\4") + entry(b"a", b"\6")

    frame = read_avro(encoded({"type": "map", "values": "long"}, b"\6" + entries + b"\0"))

    assert frame["c"].to_list() == [{"a": 3, "b": 2}]


def test_types_of_the_same_name_in_different_namespaces_are_different() -> None:
    first = {"type": "record", "name": "P", "fields": [{"name": "x", "type": "long"}]}
    second = {"type": "record", "name": "b.P", "fields": [{"name": "y", "type": "string"}]}
    fields = [
        {"name": name, "type": of}
        for name, of in (("p", first), ("q", second), ("again", "P"), ("too", "b.P"))
    ]
    schema = {"type": "record", "name": "r", "namespace": "a", "fields": fields}
    row = b"\2" + b"\2y" + b"\4" + b"\2z"
    body = AvroHeader(schema, "null", SYNC).encoded() + AvroBlock(1, row).encoded(SYNC)

    assert read_avro(body).rows() == [({"x": 1}, {"y": "y"}, {"x": 2}, {"y": "z"})]


def test_a_schema_that_doubles_with_each_type_is_refused() -> None:
    fields: list[dict[str, Any]] = [{"name": "f0", "type": {"type": "fixed", "name": "t0", "size": 1}}]
    for number in range(1, 40):
        members = [{"name": name, "type": f"t{number - 1}"} for name in "ab"]
        record = {"type": "record", "name": f"t{number}", "fields": members}
        fields.append({"name": f"f{number}", "type": record})
    body = AvroHeader({"type": "record", "name": "r", "fields": fields}, "null", SYNC).encoded()

    with pytest.raises(ValueError, match="more than 100,000 parts"):
        read_avro(body)


@pytest.mark.parametrize("count", [2**40, -(2**40)])
@pytest.mark.parametrize("items", ["double", ["long", "string"], {"type": "fixed", "name": "f", "size": 1}])
def test_a_count_of_items_that_the_file_does_not_have_is_refused(items: Any, count: int) -> None:
    array = {"type": "array", "items": items}
    body = encoded(["null", array, "string"], b"\2" + encoded_number(count) + bytes(100))

    with pytest.raises(ValueError, match="does not end where it should"):
        read_avro(body)


def test_a_value_within_itself_too_many_times_is_refused() -> None:
    fields = [{"name": "next", "type": ["null", "node"]}]
    body = encoded({"type": "record", "name": "node", "fields": fields}, b"\2" * 100_000 + b"\0")

    with pytest.raises(ValueError, match="contains itself too many times"):
        read_avro(body)


def test_a_column_of_only_nulls_has_no_type() -> None:
    assert read_avro(encoded(["null"], b"\0", b"\0")).schema == {"c": pl.Null()}
