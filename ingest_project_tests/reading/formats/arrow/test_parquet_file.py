"""INT96 times that would wrap, and pages with a wrong checksum: PyArrow accepts both by default."""

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.parquet_file import open_parquet
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import read_contents
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut

FIRST, LAST = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_OF_NANOSECONDS, LAST_OF_NANOSECONDS = -(2**63) // 1000, (2**63 - 1) // 1000
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

    assert file.is_plain
    assert file.file.read().column("at").type == pa.timestamp("ns")
    assert file.file.read().column("at").cast(pa.int64()).to_pylist() == [1]


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

    table = pa.Table.from_batches(open_parquet(io.BytesIO(body)).batches())

    assert table.column("deep").to_pylist() == nested.to_pylist()
    assert table.column("at").type == pa.timestamp("us")


def distant(*days: int | None) -> Any:
    """Times so many days from 1970, which may be farther than microseconds reach."""
    return pa.array([None if one is None else 86_400 * one for one in days], pa.timestamp("s"))


FAR, FARTHEST = 2**29, 2**31 - 1 - 2_440_588
"""Days that are beyond what microseconds count; the second is the last one of INT96."""
QUARANTINES = Reading("parquet", Target({"n": "long", "at": "timestamptz"}), quarantines=True)


def rows_of(body: bytes, reading: Reading = QUARANTINES) -> tuple[list[Any], list[Any]]:
    """The good rows, and line, text and reason of the bad ones; the same whole and in pieces."""
    whole = read_objects(fetched(body), reading)
    pieces = [read_contents([one], reading) for one in cut(body, "parquet", piece_bytes=300)]
    assert whole.failures == ()
    found = []
    for results in ([whole], pieces):
        good = [row for one in results if one.frame is not None for row in one.frame.select("n", "at").rows()]
        bad = [
            row
            for one in results
            if one.rejected is not None
            for row in one.rejected.select("line_number", "raw", "reason").rows()
        ]
        found.append((good, bad))
    assert found[0] == found[1]
    return found[0]


def test_times_that_microseconds_cannot_count_are_bad_rows() -> None:
    days = distant(1, FAR, None, -2_440_587, FARTHEST, 400_000, -400_000)

    good, bad = rows_of(int96(days, n=pa.array(range(7))))

    day = timedelta(days=1)
    assert good == [(0, EPOCH + day), (2, None), (5, EPOCH + 400_000 * day), (6, EPOCH - 400_000 * day)]
    assert [(line, reason) for line, _, reason in bad] == [
        (2, "column 'at': '1471872-08-19T00:00:00' is out of range for a timestamp"),
        (4, "column 'at': '-4713-11-25 00:00:00.000000' is not a valid timestamptz"),
        (5, "column 'at': '5874898-06-03T00:00:00' is out of range for a timestamp"),
    ]


def test_a_time_with_nanoseconds_beside_distant_ones_is_a_bad_row() -> None:
    times = pa.array([1001, 5000, None, 2**62, -(2**62)], pa.timestamp("ns"))
    others = distant(FAR, 1, 1, 400_000, 1)
    body = int96(times, far=others, n=pa.array(range(5)))
    target = Target({"n": "long", "at": "timestamptz", "far": "timestamptz"})

    good, bad = rows_of(body, replace(QUARANTINES, target=target))

    assert good == [(1, EPOCH + timedelta(microseconds=5)), (2, None)]
    assert [line for line, _, _ in bad] == [1, 4, 5]


@pytest.mark.parametrize(
    ("nested", "type_name", "shown"),
    [
        (lambda days: pa.ListArray.from_arrays([0, 1, 3, 3], days), "list<timestamptz>",
            ["1471872-08-19T00:00:00", "1970-01-02T00:00:00"]),
        (lambda days: pa.StructArray.from_arrays([days, pa.array([1, 2, 3])], ["t", "u"]),
            "struct<t: timestamptz, u: long>", None),
        (lambda days: pa.MapArray.from_arrays(pa.array([0, 1, 3, 3]), pa.array(["a", "b", "c"]), days),
            "map<string, timestamptz>",
            [{"value": "1471872-08-19T00:00:00"}, {"value": "1970-01-02T00:00:00"}]),
    ],
)  # fmt: skip
def test_distant_times_deep_inside_are_bad_rows(nested: Any, type_name: str, shown: Any) -> None:
    body = int96(nested(distant(0, FAR, 1)), n=pa.array([0, 1, 2]))

    good, bad = rows_of(body, replace(QUARANTINES, target=Target({"n": "long", "at": type_name})))

    assert [n for n, _ in good] == [0, 2]
    assert [line for line, _, _ in bad] == [2]
    if shown is not None:
        assert json.loads(bad[0][1])["at"] == shown


@pytest.mark.parametrize("microseconds_of", [FIRST_OF_NANOSECONDS, LAST_OF_NANOSECONDS])
def test_times_around_the_ends_of_nanoseconds_do_not_wrap(microseconds_of: int) -> None:
    numbers = [microseconds_of + step for step in (-2, -1, 0, 1, 2)]

    good, bad = rows_of(int96(pa.array(numbers, pa.timestamp("us")), n=pa.array(range(5))))

    assert [(n, EPOCH + timedelta(microseconds=one)) for n, one in enumerate(numbers)] == good
    assert bad == []


def test_a_distant_time_fails_an_object_whose_bad_rows_are_not_set_aside() -> None:
    body = int96(distant(1, FAR))

    result = read(body, int96(microseconds(NOW)), columns={"at": "timestamptz"}, file_format="parquet")

    assert reasons(result) == {
        "0": "schema: column 'at', row 2: '1471872-08-19T00:00:00' is out of range for a timestamp"
    }
    assert values(result, "at") == [NOW]


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
