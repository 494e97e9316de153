"""Random tables, some of whose values are bad: a row of a typed file is read as it is read alone.

Each row is written into a file of its own and read by the lane for objects whose rows are all good. The file
of all rows is read by the lane that sets bad rows aside, as a whole and in pieces. All three must agree, in
which rows are good, and value for value in what these hold.
"""

import io
from itertools import count
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st
from pyarrow import ipc
from pyarrow import parquet as pq

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.factories import fetched, read_objects
from ingest_project_tests.reading.streams import cut

NUMBERS = count()
"""Of Avro's records, whose names must differ."""
DAY = 86_400_000_000
BAD, BAD_TEXT, INVALID = "~invalid~", b"~invalid~", b"\xffinvalid~"
"""The first stands for text that is not UTF-8 until it is written, because Avro's writer takes only text."""

Column = tuple[str, pa.DataType, Any, st.SearchStrategy[Any]]
"""The declared type, the file's type in Arrow and in Avro, and values as they are stored, good and bad."""

LEAVES: list[Column] = [
    ("int", pa.int64(), "long", st.sampled_from([0, -1, 2**31 - 1, -(2**31), 2**31, -(2**63)])),
    ("float", pa.float64(), "double", st.sampled_from([0.5, -0.0, 0.1, 1e300, float("inf"), float("nan")])),
    ("string", pa.string(), "string", st.sampled_from(["", "a", "é", BAD])),
    ("long", pa.string(), "string", st.sampled_from(["1", "-20", "x", "", BAD])),
    ("date", pa.date32(), {"type": "int", "logicalType": "date"},
        st.sampled_from([0, -719_162, 2_932_896, 2_932_897, -719_163, 2**31 - 1])),
    ("timestamptz", pa.timestamp("ms", "UTC"), {"type": "long", "logicalType": "timestamp-millis"},
        st.sampled_from([0, -1, 253_402_300_799_999, 253_402_300_800_000, 2**62, -(2**63)])),
    ("time", pa.time64("us"), {"type": "long", "logicalType": "time-micros"},
        st.sampled_from([0, DAY - 1, DAY, -1, 2**62])),
    ("decimal(5,2)", pa.decimal128(7, 2),
        {"type": "bytes", "logicalType": "decimal", "precision": 7, "scale": 2},
        st.sampled_from([0, -1, 99_999, 100_000, 9_999_999, 10_000_000, -(10**20)])),
]  # fmt: skip


def nested(name: str, of: list[Column]) -> Column:
    (type_name, arrow, avro, drawn), (other, other_arrow, other_avro, other_drawn) = of
    maybe, other_maybe = st.none() | drawn, st.none() | other_drawn
    null = ["null", avro]
    if name == "list":
        return (
            f"list<{type_name}>",
            pa.list_(arrow),
            {"type": "array", "items": null},
            st.lists(maybe, max_size=3),
        )
    if name == "map":
        return (
            f"map<string, {type_name}>", pa.map_(pa.string(), arrow), {"type": "map", "values": null},
            st.dictionaries(st.sampled_from(["k", "l", BAD]), maybe, max_size=2),
        )  # fmt: skip
    fields = [{"name": "x", "type": null}, {"name": "y", "type": ["null", other_avro]}]
    return (
        f"struct<x: {type_name}, y: {other}>", pa.struct([("x", arrow), ("y", other_arrow)]),
        {"type": "record", "name": f"r{next(NUMBERS)}", "fields": fields},
        st.fixed_dictionaries({"x": maybe, "y": other_maybe}),
    )  # fmt: skip


@st.composite
def columns(draw: st.DrawFn, depth: int = 2) -> Column:
    kind = draw(st.sampled_from(["leaf", "list", "map", "struct"])) if depth else "leaf"
    if kind == "leaf":
        return draw(st.sampled_from(LEAVES))
    return nested(kind, [draw(columns(depth - 1)), draw(columns(0))])


@st.composite
def tables(draw: st.DrawFn) -> tuple[Column, list[Any]]:
    column = draw(columns())
    return column, draw(st.lists(st.none() | column[3], min_size=1, max_size=8))


def stored_type(dtype: Any) -> Any:
    """The type that has the same bytes as this one, and allows any value."""
    if isinstance(dtype, pa.ListType):
        return pa.list_(stored_type(dtype.value_type))
    if isinstance(dtype, pa.MapType):
        return pa.map_(pa.binary(), stored_type(dtype.item_type))
    if isinstance(dtype, pa.StructType):
        return pa.struct([field.with_type(stored_type(field.type)) for field in dtype.fields])
    if pa.types.is_decimal(dtype):
        return pa.binary(16)
    if pa.types.is_string(dtype):
        return pa.binary()
    if pa.types.is_date32(dtype):
        return pa.int32()
    return pa.int64() if pa.types.is_temporal(dtype) else dtype


def for_arrow(value: Any, dtype: Any) -> Any:
    """The value as one of the stored type."""
    if value is None:
        return None
    if isinstance(dtype, pa.ListType):
        return [for_arrow(one, dtype.value_type) for one in value]
    if isinstance(dtype, pa.MapType):
        return [(for_arrow(key, pa.string()), for_arrow(one, dtype.item_type)) for key, one in value.items()]
    if isinstance(dtype, pa.StructType):
        return {field.name: for_arrow(value[field.name], field.type) for field in dtype.fields}
    if pa.types.is_decimal(dtype):
        return value.to_bytes(16, "little", signed=True)
    return value.encode().replace(BAD_TEXT, INVALID) if isinstance(value, str) else value


def for_avro(value: Any, dtype: Any) -> Any:
    if isinstance(value, list):
        return [for_avro(one, dtype.value_type) for one in value]
    if isinstance(value, dict):
        parts = dict(zip(("x", "y"), dtype.fields, strict=False)) if isinstance(dtype, pa.StructType) else {}
        return {
            key: for_avro(one, parts[key].type if parts else dtype.item_type) for key, one in value.items()
        }
    if value is not None and pa.types.is_decimal(dtype):
        return value.to_bytes(16, "big", signed=True)
    return value


def written(column: Column, rows: list[tuple[int, Any]], file_format: TableFormat) -> bytes:
    _, dtype, avro, _ = column
    sink = io.BytesIO()
    if file_format == "avro":
        fields = [{"name": "n", "type": "long"}, {"name": "c", "type": ["null", avro]}]
        records = [{"n": n, "c": for_avro(value, dtype)} for n, value in rows]
        fastavro.writer(sink, {"type": "record", "name": "row", "fields": fields}, records, sync_interval=1)
        return sink.getvalue().replace(BAD_TEXT, INVALID)
    stored = pa.array([for_arrow(value, dtype) for _, value in rows], stored_type(dtype))
    table = pa.table({"n": pa.array([n for n, _ in rows], pa.int64()), "c": stored.view(dtype)})
    if file_format == "parquet":
        pq.write_table(table, sink, row_group_size=3)
    else:
        with ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    return sink.getvalue()


def good_rows(results: list[ReadResult]) -> dict[int, str]:
    """The values by `n`; texts of them tell a zero's sign, and that a NaN is one."""
    frames = [one.frame for one in results if one.frame is not None]
    return {n: repr(value) for frame in frames for n, value in frame.select("n", "c").rows()}


def bad_lines(results: list[ReadResult]) -> list[int]:
    return [line for one in results if one.rejected is not None for line in one.rejected["line_number"]]


@pytest.mark.parametrize("file_format", ["parquet", "ipc", "avro"])
@seed(7)
@settings(max_examples=60, deadline=None, database=None)
@given(drawn=tables())
def test_each_row_is_read_as_it_is_read_alone(
    file_format: TableFormat, drawn: tuple[Column, list[Any]]
) -> None:
    column, found = drawn
    rows = list(enumerate(found))
    target = Target({"n": "long", "c": column[0]}, "fail")
    tolerant = Reading(file_format, target, quarantines=True)
    body = written(column, rows, file_format)

    alone = [
        read_objects(fetched(written(column, [row], file_format)), Reading(file_format, target))
        for row in rows
    ]
    whole = read_objects(fetched(body), tolerant)
    pieces = [read_contents([one], tolerant) for one in cut(body, file_format, piece_bytes=1)]

    errors = [failure.error for one in alone for failure in one.failures]
    assert {error.error_class for error in errors} <= {"schema"}, errors
    assert [*whole.failures, *(failure for one in pieces for failure in one.failures)] == []
    bad = [n for n, one in enumerate(alone) if one.failures]
    assert good_rows([whole]) == good_rows(pieces) == good_rows(alone)
    assert [line - 1 for line in bad_lines([whole])] == [line - 1 for line in bad_lines(pieces)] == bad
    assert sorted([*good_rows([whole]), *bad]) == list(range(len(rows)))
