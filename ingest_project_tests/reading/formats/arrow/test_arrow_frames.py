"""Files of Arrow's types that Polars refuses are read, or refused by the column's name."""

import ctypes
import io
from base64 import b64decode
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc
from pyarrow import parquet as pq

from ingest_project.errors import ColumnRefused
from ingest_project.reading.format_options import format_options
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import target_of
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut
from ingest_project_tests.settings.factories import table

MICROSECOND = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
with localcontext(prec=60):
    LONG = Decimal("1" * 48) / 100


VARIANT = """
UEFSMRUAFRAVECwVAhUAFQYVBgAAAQAAAAAAAAAVABUSFRIsFQIVABUGFQYAAAUAAAABAQABYRUAFQwVDCwVAhUAFQYVBgAAAgAA
AAIAFQAVDBUMLBUCFQAVBhUGAAACAAAAAgEVABUUFRQsFQIVABUGFQYAAAIAAAACAgUAAAAVAhmcNQAYDWR1Y2tkYl9zY2hlbWEV
BAAVBCUAGAFuJSQANQAYAXYVBlwMIBMBAAAAFQwlABgIbWV0YWRhdGEAFQwlAhgFdmFsdWUANQIYC3R5cGVkX3ZhbHVlFQIANQAY
AWEVBAAVDCUCGAV2YWx1ZQAVAiUCGAt0eXBlZF92YWx1ZSUiABYCGRwZXCYAHBUEGRUAGRgBbhUAFgIWMhYyJgg8GAgBAAAAAAAA
ABgIAQAAAAAAAAAWACgIAQAAAAAAAAAYCAEAAAAAAAAAEREAGRwVABUAFQIAAAAmABwVDBkVABkoAXYIbWV0YWRhdGEVABYCFjQW
NCY6PBgFAQEAAWEYBQEBAAFhFgAoBQEBAAFhGAUBAQABYRERABkcFQAVABUCAAAAJgAcFQwZFQAZKAF2BXZhbHVlFQAWAhYuFi4m
bjw2AgAZHBUAFQAVAgAAACYAHBUMGRUAGUgBdgt0eXBlZF92YWx1ZQFhBXZhbHVlFQAWAhYuFi4mnAE8NgIAGRwVABUAFQIAAAAm
ABwVAhkVABlIAXYLdHlwZWRfdmFsdWUBYQt0eXBlZF92YWx1ZRUAFgIWNhY2JsoBPBgEBQAAABgEBQAAABYAKAQFAAAAGAQFAAAA
EREAGRwVABUAFQIAAAAW+AEWAiYIFvgBACgoRHVja0RCIHZlcnNpb24gdjIuMC4xIChidWlsZCA4ZDc4MTE0ZTkwKRlcHAAAHAAA
HAAAHAAAHAAAAC0CAABQQVIx
"""


def parquet(column: "pa.Array[pa.Scalar[pa.DataType]]") -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"c": column}), sink)
    return sink.getvalue()


def stream(column: "pa.Array[pa.Scalar[pa.DataType]]") -> bytes:
    table, sink = pa.table({"c": column}), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def extension(dtype: Any, storage: Any) -> Any:
    return pa.ExtensionArray.from_storage(dtype, storage)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([1], pa.timestamp("us", "+05:30")), [MICROSECOND]),
        (pa.array([[1], None], pa.list_(pa.timestamp("us", "+05:30"))), [[MICROSECOND], None]),
        (pa.array([Decimal("1.25")], pa.decimal256(40, 2)), [Decimal("1.25")]),
        (pa.array([LONG], pa.decimal256(50, 2)), [str(LONG)]),
        (
            pa.array([{"a": Decimal("1.25")}], pa.struct([("a", pa.decimal256(76, 2))])),
            [{"a": Decimal("1.25")}],
        ),
        (pa.array([[Decimal("1.25")]], pa.list_(pa.decimal256(30, 2))), [[Decimal("1.25")]]),
        (pa.array([86_400_000, None], pa.date64()), [date(1970, 1, 2), None]),
        (pa.array([[86_400_000]], pa.list_(pa.date64())), [[date(1970, 1, 2)]]),
        (extension(pa.bool8(), pa.array([1, 0, None], pa.int8())), [True, False, None]),
        (
            pa.StructArray.from_arrays([extension(pa.bool8(), pa.array([1], pa.int8()))], ["a"]),
            [{"a": True}],
        ),
        (
            pa.ListArray.from_arrays([0, 1], extension(pa.json_(), pa.array(['{"a":1}']))),
            [['{"a":1}']],
        ),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_types_that_polars_refuses_are_read_exactly(
    column: "pa.Array[pa.Scalar[pa.DataType]]", expected: list[object]
) -> None:
    assert values(read(parquet(column), file_format="parquet"), "c") == expected
    assert values(read(stream(column), file_format="ipc"), "c") == expected


def test_runs_are_read_value_by_value() -> None:
    column: Any = pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", None]))

    assert values(read(stream(column), file_format="ipc"), "c") == ["a", "a", None]


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (pa.array([(1, 2, 3)], pa.month_day_nano_interval()), "column 'c' is month_day_nano_interval"),
        (pa.array([[1]], pa.list_view(pa.int64())), "column 'c' is list_view"),
        (
            pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
            "column 'c' is sparse_union",
        ),
    ],
)
def test_what_no_table_can_hold_is_refused_by_its_name(
    column: "pa.Array[pa.Scalar[pa.DataType]]", reason: str
) -> None:
    assert reasons(read(stream(column), file_format="ipc"))["0"].startswith(f"schema: {reason}")


@pytest.mark.parametrize("passed_over", [True, False])
def test_a_large_file_with_a_union_and_an_empty_batch_does_not_end_the_process(*, passed_over: bool) -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 1], pa.int8()), [pa.array([1, 2]), pa.array(["a", "b"])])
    batch = pa.RecordBatch.from_arrays([union, pa.array([1, 2])], names=["c", "n"])
    sink = io.BytesIO()
    with ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch.slice(0, 0))
    settings = table(format="ipc", columns={"n": "long", **({"c": {"drop": True}} if passed_over else {})})
    options = format_options(settings)

    if not passed_over:
        with pytest.raises(ColumnRefused, match="column 'c' is sparse_union"):
            list(cut(sink.getvalue(), "ipc", options=options))
        return
    frames = [one for content in cut(sink.getvalue(), "ipc", options=options) for one in content.bodies]

    assert [n for frame in frames if not isinstance(frame, bytes) for n in frame["n"]] == [1, 2]


def interval(c_format: bytes) -> Any:
    """An old type of intervals, which PyArrow reads and does not make, by its name in Arrow's C interface."""
    schema = (ctypes.c_char_p * 9)()
    pa.int32()._export_to_c(ctypes.addressof(schema))
    schema[0] = c_format
    return pa.DataType._import_from_c(ctypes.addressof(schema))


@pytest.mark.parametrize("c_format", [b"tiM", b"tiD"])
@pytest.mark.parametrize("is_nested", [False, True])
def test_old_intervals_are_refused_by_name(c_format: bytes, *, is_nested: bool) -> None:
    dtype, sink = interval(c_format), io.BytesIO()
    with ipc.new_stream(sink, pa.schema({"c": pa.struct({"x": dtype}) if is_nested else dtype})):
        pass

    found = reasons(read(sink.getvalue(), file_format="ipc"))["0"]

    assert found.startswith("schema: column 'c' is ")
    assert str(dtype) in found


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (pa.table([[1], [2]], names=["c", "c"]), "two of its columns have the name 'c'"),
        (
            pa.table([pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])], names=["c"]),
            "two fields of 'c' have the name 'x'",
        ),
    ],
)
def test_a_valid_file_with_a_name_twice_is_refused_by_this_name(made: pa.Table, reason: str) -> None:
    sink = io.BytesIO()
    with ipc.new_stream(sink, made.schema) as writer:
        writer.write_table(made)

    assert reasons(read(sink.getvalue(), file_format="ipc"))["0"] == f"schema: {reason}"


def test_a_variant_is_refused_by_name_and_may_be_passed_over() -> None:
    # Written by DuckDB 2.0: COPY (SELECT 1 AS n, {'a': 5}::VARIANT AS v) TO ... (FORMAT parquet)
    body = b64decode(VARIANT)

    assert reasons(read(body, file_format="parquet"))["0"].startswith("schema: column 'v' is a VARIANT")
    settings = table(format="parquet", columns={"n": "long", "v": {"drop": True}})
    reading = Reading("parquet", target_of(settings, None), format_options(settings))
    assert values(read_objects(fetched(body), reading), "n") == [1]
    (content,) = cut(body, "parquet", piece_bytes=10**6, options=reading.options)
    assert values(read_contents([content], reading), "n") == [1]


def test_a_column_without_a_name_is_called_by_its_position() -> None:
    table, sink = pa.table([pa.array([1]), pa.array([2])], names=["a", ""]), io.BytesIO()
    pq.write_table(table, sink)

    assert values(read(sink.getvalue(), file_format="parquet"), "column_2") == [2]


def test_a_duration_is_refused_alone() -> None:
    durations, numbers = parquet(pa.array([1], pa.duration("us"))), parquet(pa.array([1]))

    result = read(durations, numbers, columns={"c": "long"}, file_format="parquet")

    assert "Duration" in reasons(result)["0"]
    assert values(result, "c") == [1]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, None, 2]),
        pa.array([b"\xff", None, b"\x00"]),
        pa.array([0.5, None, 1.5]),
        pa.array([date(2026, 1, 1), None, date(2026, 1, 2)]),
    ],
)
def test_dictionaries_are_their_values_beside_a_type_that_polars_does_not_know(column: Any) -> None:
    table = pa.table({"c": column.dictionary_encode(), "d": pa.array([Decimal(1)] * 3, pa.decimal256(50, 2))})
    sink = io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=1)

    assert values(read(sink.getvalue(), file_format="ipc"), "c") == column.to_pylist()


def test_arrays_of_a_fixed_size_are_read_piece_by_piece() -> None:
    arrays = [[1, 2], None, [3, 4], [5, None]] * 5
    body = stream(pa.array(arrays, pa.list_(pa.int32(), 2)))

    frames = [one for content in cut(body, "ipc") for one in content.bodies if not isinstance(one, bytes)]

    assert len(frames) > 1
    assert [value for frame in frames for value in frame["c"].to_list()] == arrays


def test_arrays_of_no_elements_are_empty_lists() -> None:
    body = stream(pa.array([[], None], pa.list_(pa.int32(), 0)))

    assert values(read(body, file_format="ipc", columns={"c": "list<int>"}), "c") == [[], None]


def test_metadata_may_be_bytes() -> None:
    table, sink = pa.table({"c": [1]}).replace_schema_metadata({b"r": b"\xff"}), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    assert values(read(sink.getvalue(), file_format="ipc"), "c") == [1]


def test_dictionaries_in_structs_may_be_of_several_row_groups() -> None:
    words = pa.array(["a", "b", None]).dictionary_encode()
    sink = io.BytesIO()
    pq.write_table(pa.table({"c": pa.StructArray.from_arrays([words], ["d"])}), sink, row_group_size=1)

    result = read(sink.getvalue(), file_format="parquet")
    (content,) = cut(sink.getvalue(), "parquet", piece_bytes=10**6)
    (frame,) = content.bodies

    assert values(result, "c") == [{"d": "a"}, {"d": "b"}, {"d": None}]
    assert not isinstance(frame, bytes)
    assert frame["c"].to_list() == [{"d": "a"}, {"d": "b"}, {"d": None}]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([(1, 2, 3), None], pa.month_day_nano_interval()),
        pa.array([1, None], pa.duration("us")),
        pa.array([[1], [2]], pa.list_view(pa.int64())),
        pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2])]),
        pa.array([{"d": 1}, None], pa.struct([("d", pa.duration("us"))])),
        pa.array([5, 2**62], pa.timestamp("s")),
    ],
    ids=str,
)
def test_a_column_that_is_passed_over_may_be_of_any_type(column: Any) -> None:
    settings = table(format="ipc", columns={"n": "long", "c": {"drop": True}})
    sink, rows = io.BytesIO(), pa.table({"c": column, "n": [1, 2]})
    with ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)

    reading = Reading("ipc", target_of(settings, None), format_options(settings))
    whole = read_objects(fetched(sink.getvalue()), reading)
    pieces = [read_contents([one], reading) for one in cut(sink.getvalue(), "ipc", options=reading.options)]

    assert reasons(whole) == {}
    assert whole.frame is not None
    assert whole.frame.columns[0] == "n"
    assert values(whole, "n") == [value for piece in pieces for value in values(piece, "n")] == [1, 2]


def test_durations_of_parquet_may_be_passed_over() -> None:
    settings = table(format="parquet", columns={"n": "long", "c": {"drop": True}})

    result = read_objects(
        fetched(parquet(pa.array([1], pa.duration("us")))), Reading("parquet", target_of(settings, None))
    )

    assert values(result, "n") == [None]


def test_a_column_that_another_is_read_from_is_not_passed_over() -> None:
    column = pa.array(
        [{"d": 1, "u": (1, 2, 3)}], pa.struct([("d", pa.int64()), ("u", pa.month_day_nano_interval())])
    )
    settings = table(format="ipc", columns={"n": {"type": "long", "from": "c.d"}, "c": {"drop": True}})

    result = read_objects(fetched(stream(column)), Reading("ipc", target_of(settings, None)))

    assert "column 'c' is struct" in reasons(result)["0"]
