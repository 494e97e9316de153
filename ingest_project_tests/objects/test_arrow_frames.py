"""Files of Arrow's types that Polars refuses are read, or refused by the column's name."""

import io
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import ipc
from pyarrow import parquet as pq

from ingest_project_tests.objects.factories import read, reasons, values

MICROSECOND = datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
with localcontext(prec=60):
    LONG = Decimal("1" * 48) / 100


def parquet(column: "pa.Array[pa.Scalar[pa.DataType]]") -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"c": column}), sink)
    return sink.getvalue()


def stream(column: "pa.Array[pa.Scalar[pa.DataType]]") -> bytes:
    table, sink = pa.table({"c": column}), io.BytesIO()
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


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
    assert reason in reasons(read(stream(column), file_format="ipc"))["0"]


def test_a_duration_is_refused_alone() -> None:
    durations, numbers = parquet(pa.array([1], pa.duration("us"))), parquet(pa.array([1]))

    result = read(durations, numbers, columns={"c": "long"}, file_format="parquet")

    assert "Duration" in reasons(result)["0"]
    assert values(result, "c") == [1]
