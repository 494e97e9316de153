"""Avro in every codec and shape, beside what fastavro reads; damaged files never give rows."""

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.exceptions import PanicException, PolarsError

from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.formats.avro import reader as avro
from ingest_project.reading.formats.avro.container import (
    AvroBlock,
    AvroHeader,
    read_blocks,
    read_header,
    unpacked,
)
from ingest_project.reading.formats.avro.reader import read_avro
from ingest_project.reading.unpack.byte_source import ByteSource
from ingest_project.reading.values.cast_exactly import cast_exactly
from ingest_project_tests.reading.factories import read, reasons, values

CODECS = ["null", "deflate", "bzip2", "xz", "zstandard"]
ENUM = {"type": "enum", "name": "e", "symbols": ["A", "B"]}
POINT = {"type": "record", "name": "p", "fields": [{"name": "x", "type": "long"}]}
LONG_DECIMAL = {"type": "bytes", "logicalType": "decimal", "precision": 50, "scale": 2}


def written(schema: Any, *contents: Any, codec: str = "null") -> bytes:
    sink = io.BytesIO()
    record = {"type": "record", "name": "r", "fields": [{"name": "c", "type": schema}]}
    packed = codec if codec != "zstandard" else "null"
    fastavro.writer(sink, record, [{"c": value} for value in contents], codec=packed, sync_interval=64)
    return sink.getvalue() if packed == codec else by_zstandard(sink.getvalue())


def by_zstandard(body: bytes) -> bytes:
    file = ByteSource([body])
    header = read_header(file)
    packed = AvroHeader(header.schema, "zstandard", header.sync)
    blocks = (
        AvroBlock(block.rows, pa.Codec("zstd").compress(block.data, asbytes=True))
        for block in read_blocks(file, header)
    )
    return packed.encoded() + b"".join(block.encoded(header.sync) for block in blocks)


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read(codec: str) -> None:
    expected = list(range(1000))

    assert read_avro(written("long", *expected, codec=codec))["c"].to_list() == expected
    assert read_avro(written({"type": "map", "values": "long"}, {"a": 1}, codec=codec))["c"].to_list() == [
        {"a": 1}
    ]


def test_snappy_is_read_by_polars_and_by_us() -> None:
    sink = io.BytesIO()
    pl.DataFrame({"c": ["x" * 100]}).write_avro(sink, compression="snappy")
    file = ByteSource([sink.getvalue()])
    (block,) = read_blocks(file, read_header(file))

    assert read_avro(sink.getvalue())["c"].to_list() == ["x" * 100]
    assert b"x" * 100 in unpacked(block.data, "snappy", 1000)


@pytest.mark.parametrize(
    ("schema", "contents", "dtype"),
    [
        (
            {"type": "map", "values": ["null", "long"]},
            [{"a": 1, "b": None}, {}],
            pl.Map(pl.String(), pl.Int64()),
        ),
        (["null", ENUM], ["B", None], pl.String()),
        (["null", {"type": "array", "items": ENUM}], [["A"], None], pl.List(pl.String())),
        ("null", [None], pl.Null()),
        (["null", POINT], [{"x": 1}, None], pl.Struct({"x": pl.Int64()})),
        (
            {"type": "map", "values": {"type": "array", "items": {"type": "int", "logicalType": "date"}}},
            [{"a": [date(2026, 1, 1)]}],
            pl.Map(pl.String(), pl.List(pl.Date())),
        ),
        (
            {"type": "map", "values": {"type": "long", "logicalType": "time-micros"}},
            [{"a": time(23, 59, 59, 999_999)}],
            pl.Map(pl.String(), pl.Time()),
        ),
        (
            {
                "type": "map",
                "values": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
            },
            [{"a": Decimal("-1.25"), "b": Decimal("0.00")}],
            pl.Map(pl.String(), pl.Decimal(9, 2)),
        ),
        (LONG_DECIMAL, [Decimal("-12345678901234567890123456789012345678901234567.89")], pl.String()),
        (["null", "long", "string"], [1, "x", None], pl.String()),
    ],
)
def test_what_polars_cannot_read_is_read_all_the_same(
    schema: Any, contents: list[Any], dtype: pl.DataType
) -> None:
    frame = read_avro(written(schema, *contents))

    assert frame.schema == {"c": dtype}
    expected = [None if one is None else str(one) for one in contents] if dtype == pl.String() else contents
    assert frame["c"].to_list() == expected


@pytest.mark.parametrize("other", [[], [{"name": "m", "type": {"type": "map", "values": "long"}}]])
def test_defaults_do_not_matter_to_a_reader_of_what_is_written(other: list[Any]) -> None:
    fields = [
        {"name": "n", "type": "int", "default": 5},
        {"name": "e", "type": {**ENUM, "default": "A"}, "default": "A"},
        {"name": "l", "type": {"type": "array", "items": "string"}, "default": []},
        {"name": "r", "type": POINT, "default": {"x": 1}},
        *other,
    ]
    sink = io.BytesIO()
    row = {"n": 1, "e": "B", "l": ["x"], "r": {"x": 2}}
    fastavro.writer(sink, {"type": "record", "name": "t", "fields": fields}, [row | {"m": {}}])

    frame = read_avro(sink.getvalue())

    assert frame.select("n", "e", "l", "r").to_dicts() == [row]


def test_an_error_is_a_record() -> None:
    sink = io.BytesIO()
    fastavro.writer(
        sink, {"type": "error", "name": "t", "fields": [{"name": "n", "type": "int"}]}, [{"n": 1}]
    )

    assert read_avro(sink.getvalue()).rows() == [(1,)]


def test_records_of_several_types_have_the_columns_of_all() -> None:
    at = {"type": "long", "logicalType": "timestamp-millis"}
    when = datetime(2099, 1, 1, tzinfo=UTC)
    kinds = [
        {
            "type": "record",
            "name": "n.a",
            "fields": [{"name": "at", "type": at}, {"name": "v", "type": "int"}],
        },
        {
            "type": "record",
            "name": "n.b",
            "fields": [
                {"name": "at", "type": ["null", at]},
                {"name": "v", "type": "string"},
                {"name": "a", "type": ["null", "int", "n.a", POINT]},
            ],
        },
    ]
    sink = io.BytesIO()
    rows = [
        ("n.a", {"at": when, "v": 1}),
        ("n.b", {"at": None, "v": "x", "a": ("n.p", {"x": 3})}),
        ("n.b", {"at": when, "v": "y", "a": None}),
    ]
    fastavro.writer(sink, kinds, rows)

    frame = read_avro(sink.getvalue())

    assert frame.schema == {"at": pl.Datetime("ms", "UTC"), "v": pl.String(), "a": pl.String()}
    assert frame.rows() == [(when, "1", None), (None, "x", '{"x": 3}'), (when, "y", None)]
    assert list(avro.field_names(sink.getvalue(), DEFAULT_OPTIONS)) == ["at", "v", "a"]


def test_a_type_within_itself_is_text() -> None:
    schema = {
        "type": "record",
        "name": "node",
        "fields": [{"name": "n", "type": "long"}, {"name": "next", "type": ["null", "node"]}],
    }
    sink = io.BytesIO()
    fastavro.writer(sink, schema, [{"n": 1, "next": {"n": 2, "next": None}}])

    assert read_avro(sink.getvalue()).rows() == [(1, '{"n": 2, "next": null}')]


def test_times_beyond_python_s_years_fail_no_file() -> None:
    schema = {"type": "map", "values": {"type": "long", "logicalType": "timestamp-micros"}}
    body = written({"type": "map", "values": "long"}, {"a": 2**62}, {"a": 0})
    file = ByteSource([body])
    header = read_header(file)
    record = {"type": "record", "name": "r", "fields": [{"name": "c", "type": schema}]}
    told = AvroHeader(record, "null", header.sync).encoded() + file.read()

    frame = read_avro(told)

    assert frame.schema["c"] == pl.Map(pl.String(), pl.Datetime("us", "UTC"))
    cast = cast_exactly(frame["c"], "map<string, timestamptz>")
    assert cast is not None
    assert cast.to_list() == [None, {"a": datetime(1970, 1, 1, tzinfo=UTC)}]


def test_a_uuid_of_text_and_a_union_fit_declared_columns() -> None:
    uuids = written({"type": "string", "logicalType": "uuid"}, "0123abcd-0123-4567-89ab-ffffffffffff")
    mixed = written(["null", "long", "double"], 1, 2.5, None)

    assert values(read(uuids, columns={"c": "uuid"}, file_format="avro"), "c") == [
        bytes.fromhex("0123abcd0123456789abffffffffffff")
    ]
    assert values(read(mixed, columns={"c": "double"}, file_format="avro"), "c") == [1.0, 2.5, None]


SCHEMAS: list[tuple[Any, Any]] = [("long", 7), ({"type": "map", "values": "string"}, {"k": "v"})]
REFUSED = (ValueError, PolarsError, PanicException)


@pytest.mark.parametrize(("schema", "content"), SCHEMAS)
@given(data=st.data())
def test_a_file_cut_short_anywhere_is_refused_or_ends_at_a_block(
    schema: Any, content: Any, data: st.DataObject
) -> None:
    body = written(schema, *[content] * 100)
    cut = data.draw(st.integers(0, len(body) - 1))

    try:
        frame = read_avro(body[:cut])
    except REFUSED:
        return
    assert body[:cut].endswith(read_header(ByteSource([body])).sync)
    assert frame["c"].to_list() == [content] * frame.height


@pytest.mark.parametrize(("schema", "content"), SCHEMAS)
@given(data=st.data())
def test_a_damaged_file_is_refused_or_read_but_never_crashes(
    schema: Any, content: Any, data: st.DataObject
) -> None:
    body = bytearray(written(schema, *[content] * 100))
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))

    result = read(bytes(body), file_format="avro", columns=None, allow_new_columns=True)

    assert all(reason.startswith(("unreadable", "schema")) for reason in reasons(result).values())


@pytest.mark.parametrize("depth", [100, 100_000])
def test_a_schema_that_is_nested_without_end_is_refused(depth: int) -> None:
    text = "x" * (2 * depth - 2)
    body = AvroHeader(text, "null", bytes(16)).encoded()

    with pytest.raises(ValueError, match=r"not a valid Avro schema|holds no records"):
        read_avro(body.replace(f'"{text}"'.encode(), b"[" * depth + b"]" * depth))


def test_a_block_that_unpacks_to_too_much_is_refused() -> None:
    packed = ByteSource([written("string", "x" * 10_000, codec="deflate")])
    header = read_header(packed)
    (block,) = read_blocks(packed, header)

    with pytest.raises(ValueError, match="more than 1000 bytes"):
        unpacked(block.data, "deflate", 1000)
