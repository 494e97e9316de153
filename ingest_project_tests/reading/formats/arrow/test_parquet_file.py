"""INT96 times that would wrap, and pages with a wrong checksum: PyArrow accepts both by default."""

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.parquet_file import open_parquet
from ingest_project_tests.reading.factories import read, reasons, values

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 13, 0, 0, 123_456, tzinfo=UTC)


def int96(times: Any, **columns: Any) -> bytes:
    """A Parquet file that counts times as Spark did."""
    sink = io.BytesIO()
    pq.write_table(pa.table({"at": times, **columns}), sink, use_deprecated_int96_timestamps=True)
    return sink.getvalue()


def microseconds(*times: datetime | int | None) -> Any:
    return pa.array(times, pa.timestamp("us"))


def test_times_beyond_what_nanoseconds_can_count_come_in_as_they_are() -> None:
    body = int96(microseconds(FIRST, None, LAST, NOW))

    result = read(body, columns={"at": "timestamptz"}, file_format="parquet")

    assert values(result, "at") == [FIRST, None, LAST, NOW]


def test_nanoseconds_are_kept_where_all_times_allow_it() -> None:
    file = open_parquet(io.BytesIO(int96(pa.array([1], pa.timestamp("ns")))))

    assert file.read().column("at").type == pa.timestamp("ns")
    assert file.read().column("at").cast(pa.int64()).to_pylist() == [1]


@pytest.mark.parametrize(
    "nested",
    [
        pa.array([[LAST, None], [], None], pa.list_(pa.timestamp("us"))),
        pa.array([{"at": LAST}, {"at": None}, None], pa.struct([("at", pa.timestamp("us"))])),
        pa.array([[("k", LAST)], [], None], pa.map_(pa.string(), pa.timestamp("us"))),
    ],
)
def test_times_deep_inside_are_looked_at(nested: Any) -> None:
    body = int96(microseconds(NOW, NOW, NOW), deep=nested, **{"at.text": pa.array(["x", "y", "z"])})

    table = open_parquet(io.BytesIO(body)).read()

    assert table.column("deep").to_pylist() == nested.to_pylist()
    assert table.column("at").type == pa.timestamp("us")


def test_file_whose_times_no_type_holds_together_fails_alone() -> None:
    body = int96(microseconds(LAST), other=pa.array([1], pa.timestamp("ns")))

    result = read(body, int96(microseconds(NOW)), columns={"at": "timestamptz"}, file_format="parquet")

    (reason,) = reasons(result).values()
    assert reason == (
        "unreadable: it is not a valid parquet file: it has INT96 times outside of 1677 to 2262, "
        "and others that count nanoseconds"
    )
    assert values(result, "at") == [NOW]


def test_times_that_microseconds_cannot_count_are_out_of_range() -> None:
    days = pa.array(
        [2**62 // 86_400], pa.timestamp("s")
    )  # written as a day far beyond those that microseconds reach

    with pytest.raises(ValueError, match="out of range for a timestamp"):
        open_parquet(io.BytesIO(int96(days)))


def test_page_whose_checksum_is_wrong_makes_the_file_unreadable() -> None:
    sink = io.BytesIO()
    table = pa.table({"n": pa.array([7] * 1000, pa.int64())})
    pq.write_table(
        table,
        sink,
        write_page_checksum=True,
        compression="none",
        use_dictionary=False,
        column_encoding="PLAIN",
    )
    body = bytearray(sink.getvalue())
    body[len(body) // 2] ^= 1  # within the values

    result = read(bytes(body), columns={"n": "long"}, file_format="parquet")

    (reason,) = reasons(result).values()
    assert reason.startswith("unreadable: it is not a valid parquet file: could not verify page integrity")
