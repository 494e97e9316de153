"""A value that the file's own type does not allow is one bad row, at any depth; its neighbours come in."""

import io
import json
import struct
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target, target_of
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut
from ingest_project_tests.settings.factories import table

SECOND = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


def array(dtype: Any, raw_type: Any, *raw: Any) -> Any:
    """Values of a type, made of the bytes of another one, which PyArrow does not check."""
    return pa.array(raw, raw_type).view(dtype)


def decimals(dtype: Any, *unscaled: int | None) -> Any:
    size = dtype.byte_width
    raw = [None if one is None else one.to_bytes(size, "little", signed=True) for one in unscaled]
    return array(dtype, pa.binary(size), *raw)


def written(column: Any, file_format: TableFormat, *, rows_at_once: int = 1000) -> bytes:
    rows, sink = pa.table({"n": pa.array(range(len(column))), "c": column}), io.BytesIO()
    match file_format:
        case "parquet":
            pq.write_table(rows, sink, store_schema=False, row_group_size=rows_at_once)
        case "orc":
            orc.write_table(rows, sink)
        case _:
            with ipc.new_stream(sink, rows.schema) as writer:
                writer.write_table(rows, max_chunksize=rows_at_once)
    return sink.getvalue()


def read_all(body: bytes, file_format: TableFormat, columns: Any) -> ReadResult:
    target = Target(columns, "fail" if columns else "add_columns")
    return read_objects(fetched(body), Reading(file_format, target, quarantines=True))


def bad_rows(result: ReadResult) -> list[tuple[int, object]]:
    """The number and the value of each bad row."""
    assert result.rejected is not None
    found = result.rejected.select("line_number", "raw", "column_name").rows()
    assert {column for _, _, column in found} == {"c"}
    return [(number, json.loads(raw)["c"]) for number, raw, _ in found]


IN_PARQUET: list[tuple[Any, str, Any, Any]] = [
    (array(pa.string(), pa.binary(), b"a", b"z\xff", None), "string", "a", "z\\xff"),
    (array(pa.large_string(), pa.large_binary(), b"a", b"\xff", None), "string", "a", "\\xff"),
    (array(pa.string(), pa.binary(), b"7", b"\xe2\x82", None), "long", 7, "\\xe2\\x82"),
    (array(pa.string(), pa.binary(), b"YWI=", b"\xff", None), "binary", b"ab", "\\xff"),
    (array(pa.time64("us"), pa.int64(), 1, 86_400_000_000, None), "time", time(0, 0, 0, 1), 86_400_000_000),
    (array(pa.time64("ns"), pa.int64(), 5000, -1, None), "time", time(0, 0, 0, 5), -1),
    (array(pa.time32("ms"), pa.int32(), 1, 86_400_000, None), "time", time(0, 0, 0, 1000), 86_400_000),
    (decimals(pa.decimal128(38, 0), 10**37, 10**38, None), "decimal(38,0)", Decimal(10**37), "1" + "0" * 38),
    (decimals(pa.decimal128(38, 2), 7, 1 - 2**127, None), "decimal(38,2)", Decimal("0.07"),
        "-1701411834604692317316873037158841057.27"),
]  # fmt: skip
IN_ARROW: list[tuple[Any, str, Any, Any]] = [
    *IN_PARQUET,
    (decimals(pa.decimal128(5, 2), -100, 10**5, None), "decimal(5,2)", Decimal(-1), "1000.00"),
    (decimals(pa.decimal128(5, 2), 99_999, -(10**5), None), "decimal(9,2)", Decimal("999.99"), "-1000.00"),
    (decimals(pa.decimal256(40, 2), 1, 10**40, None), "decimal(38,2)", Decimal("0.01"), f"1{'0' * 38}.00"),
    (array(pa.timestamp("s", "UTC"), pa.int64(), 1, 2**54, None), "timestamptz", SECOND,
        "570855533-09-22T15:13:04Z"),
    (array(pa.date64(), pa.int64(), 86_400_000, 5, None), "date", date(1970, 1, 2), 5),
    (array(pa.date64(), pa.int64(), 0, 86_400_000 * 2**31, None), "date", date(1970, 1, 1), "5881580-07-12"),
]  # fmt: skip
CASES = [("parquet", *one) for one in IN_PARQUET] + [("ipc", *one) for one in IN_ARROW]


@pytest.mark.parametrize(("file_format", "column", "type_name", "good", "bad"), CASES)
def test_one_invalid_value_is_one_bad_row(
    file_format: TableFormat, column: Any, type_name: str, good: object, bad: object
) -> None:
    result = read_all(written(column, file_format), file_format, {"n": "long", "c": type_name})

    assert result.failures == ()
    assert values(result, "c") == [good, None]
    assert values(result, "n") == [0, 2]
    assert bad_rows(result) == [(2, bad)]


def fields(leaf: Any) -> Any:
    return pa.StructArray.from_arrays([leaf, pa.array([1, 2, 3])], ["x", "y"])


@pytest.mark.parametrize(("file_format", "column", "type_name", "good", "bad"), CASES)
def test_one_invalid_value_within_others_is_one_bad_row(
    file_format: TableFormat, column: Any, type_name: str, good: Any, bad: Any
) -> None:
    keys = pa.array(["k", "l", "m"])
    nested: list[tuple[Any, str, list[Any], Any]] = [
        (pa.ListArray.from_arrays([0, 1, 3, 3], column),
            f"list<{type_name}>", [[good], []], [bad, None]),
        (fields(column), f"struct<x: {type_name}, y: long>", [{"x": good, "y": 1}, {"x": None, "y": 3}],
            {"x": bad, "y": 2}),
        (pa.MapArray.from_arrays(pa.array([0, 1, 3, 3]), keys, column), f"map<string, {type_name}>",
            [{"k": good}, {}], {"l": bad, "m": None}),
        (pa.ListArray.from_arrays([0, 1, 2, 3], fields(column)), f"list<struct<x: {type_name}, y: long>>",
            [[{"x": good, "y": 1}], [{"x": None, "y": 3}]], [{"x": bad, "y": 2}]),
    ]  # fmt: skip
    for made, wanted, expected, shown in nested:
        result = read_all(written(made, file_format), file_format, {"n": "long", "c": wanted})

        assert (result.failures, values(result, "c")) == ((), expected)
        assert bad_rows(result) == [(2, shown)]
        assert values(result, "n") == [0, 2]


@pytest.mark.parametrize("file_format", ["parquet", "ipc"])
def test_pieces_have_the_same_bad_rows(file_format: TableFormat) -> None:
    raw = [b"\xff" if row % 7 == 3 else b"x%d" % row for row in range(40)]
    body = written(array(pa.string(), pa.binary(), *raw), file_format, rows_at_once=9)
    reading = Reading(file_format, Target({"n": "long", "c": "string"}), quarantines=True)

    whole = read_objects(fetched(body), reading)
    pieces = [read_contents([one], reading) for one in cut(body, file_format, piece_bytes=200)]

    assert len(pieces) > 2
    assert bad_rows(whole) == [(row + 1, "\\xff") for row in range(3, 40, 7)]
    assert [row for one in pieces if one.rejected is not None for row in bad_rows(one)] == bad_rows(whole)
    assert [n for one in pieces if one.frame is not None for n in values(one, "n")] == values(whole, "n")


def test_an_invalid_value_fails_an_object_whose_bad_rows_are_not_set_aside() -> None:
    body = written(array(pa.string(), pa.binary(), b"a", b"\xff"), "parquet")

    result = read(body, columns={"n": "long", "c": "string"}, file_format="parquet")

    assert reasons(result) == {
        "0": "schema: column 'c', row 2: '\\\\xff' is not a valid string, its type in the file"
    }


def test_a_column_of_a_new_table_keeps_its_type() -> None:
    result = read_all(written(array(pa.time64("us"), pa.int64(), 1, -5), "parquet"), "parquet", None)

    assert values(result, "c") == [time(0, 0, 0, 1)]
    assert bad_rows(result) == [(2, -5)]


def test_two_bad_values_of_a_row_are_both_shown() -> None:
    column = array(pa.string(), pa.binary(), b"a", b"\xff")
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": column, "b": column, "n": [1, 2]}), sink, store_schema=False)

    result = read_all(sink.getvalue(), "parquet", {"a": "string", "b": "string", "n": "long"})

    assert result.rejected is not None
    assert json.loads(result.rejected["raw"][0]) == {"a": "\\xff", "b": "\\xff", "n": 2}


def test_an_invalid_value_does_not_matter_in_a_column_that_is_passed_over() -> None:
    settings = table(format="parquet", columns={"n": "long", "c": {"drop": True}})
    body = written(array(pa.string(), pa.binary(), b"a", b"\xff"), "parquet")

    assert values(read_objects(fetched(body), Reading("parquet", target_of(settings, None))), "n") == [0, 1]


def test_an_invalid_word_of_a_dictionary_is_a_bad_row_wherever_it_is_used() -> None:
    words = array(pa.string(), pa.binary(), b"a", b"\xff", b"c")
    column = pa.DictionaryArray.from_arrays(pa.array([2, 1, None, 0, 1]), words, safe=False)

    result = read_all(written(column, "ipc"), "ipc", {"n": "long", "c": "string"})

    assert values(result, "c") == ["c", None, "a"]
    assert bad_rows(result) == [(2, "\\xff"), (5, "\\xff")]


def test_orc_has_bad_rows_too() -> None:
    body = written(array(pa.string(), pa.binary(), b"a", b"\xff", b"c"), "orc")

    result = read_all(body, "orc", {"n": "long", "c": "string"})

    assert values(result, "c") == ["a", "c"]
    assert bad_rows(result) == [(2, "\\xff")]


def test_offsets_that_point_anywhere_make_the_file_unreadable() -> None:
    offsets = struct.pack("<3i", 0, 1, 2)
    body = written(pa.array(["a", "b"]), "ipc")
    assert body.count(offsets) == 1
    damaged = body.replace(offsets, struct.pack("<3i", 0, 2**31 - 1, 2))

    (reason,) = reasons(read_all(damaged, "ipc", {"n": "long", "c": "string"})).values()

    assert reason.startswith("unreadable: it is not a valid ipc file")
