import io
from datetime import UTC, datetime

import polars as pl
import pytest

from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.factories import read, reasons, values

FORMATS: list[TableFormat] = ["parquet", "avro", "ipc"]


def written(frame: pl.DataFrame, file_format: TableFormat) -> bytes:
    sink = io.BytesIO()
    match file_format:
        case "parquet":
            frame.write_parquet(sink)
        case "avro":
            frame.write_avro(sink)
        case "ipc":
            frame.write_ipc(sink)
    return sink.getvalue()


@pytest.mark.parametrize("file_format", FORMATS)
def test_columns_are_matched_by_name_and_cast_without_loss(file_format: TableFormat) -> None:
    one = pl.DataFrame({"s": ["x"], "n": pl.Series([1], dtype=pl.Int32)})
    other = pl.DataFrame({"n": [2], "at": [datetime(2026, 1, 1)]})  # noqa: DTZ001 - naive times are UTC
    columns = {"n": "long", "s": "string", "at": "timestamptz"}

    result = read(
        written(one, file_format), b"", written(other, file_format), columns=columns, file_format=file_format
    )

    assert result.failures == ()
    assert list(result.rows.values()) == [1, 0, 1]
    assert result.frame is not None
    assert result.frame.rows() == [
        (1, "x", None, "s3://landing/0", "v0"),
        (2, None, datetime(2026, 1, 1, tzinfo=UTC), "s3://landing/2", "v2"),
    ]


@pytest.mark.parametrize("file_format", FORMATS)
@pytest.mark.parametrize("cut", [5, 20])
def test_a_damaged_file_fails_alone(file_format: TableFormat, cut: int) -> None:
    body = written(pl.DataFrame({"n": list(range(100))}), file_format)

    result = read(body[:-cut], body, b"junk", columns={"n": "long"}, file_format=file_format)

    assert [reason.split(":")[0] for reason in reasons(result).values()] == ["unreadable", "unreadable"]
    assert values(result, "n") == list(range(100))


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (pl.DataFrame({"n": [2**40]}), "schema: column 'n', row 1: 1099511627776 is not a valid int"),
        (pl.DataFrame({"n": [1.0]}), "schema: column 'n' holds Float64, which cannot be cast to int"),
        (pl.DataFrame({"n": [1], "zz": [1]}), "schema: the table has no column 'zz'"),
        (pl.DataFrame({"_source_uri": ["x"]}), "schema: the ingest itself writes the column '_source_uri'"),
    ],
)
def test_a_file_that_does_not_fit_fails_alone(frame: pl.DataFrame, reason: str) -> None:
    good = written(pl.DataFrame({"n": [1]}), "parquet")

    result = read(written(frame, "parquet"), good, columns={"n": "int"}, file_format="parquet")

    assert reasons(result)["0"].startswith(reason)
    assert values(result, "n") == [1]


def test_dictionaries_become_text_and_arrow_streams_are_read() -> None:
    sink = io.BytesIO()
    pl.DataFrame({"s": pl.Series(["x", "y", "x"], dtype=pl.Categorical)}).write_ipc_stream(sink)

    result = read(sink.getvalue(), file_format="ipc")

    assert result.frame is not None
    assert result.frame.schema["s"] == pl.String
    assert values(result, "s") == ["x", "y", "x"]


def test_types_are_unified_across_files() -> None:
    frames = [
        pl.DataFrame({"n": [1], "m": [True]}),
        pl.DataFrame({"n": [1.5], "m": ["x"]}),
        pl.DataFrame({"o": [[1]]}),
    ]

    result = read(*(written(frame, "parquet") for frame in frames), file_format="parquet")

    assert values(result, "n") == [1.0, 1.5, None]
    assert values(result, "m") == ["true", "x", None]
    assert values(result, "o") == [None, None, [1]]


def test_maps_of_other_values_are_unified_across_files() -> None:
    maps = [pl.Map(pl.String, pl.Int64), pl.Map(pl.String, pl.Float64)]
    frames = [pl.DataFrame({"m": pl.Series([{}], dtype=dtype)}) for dtype in maps]

    result = read(*(written(frame, "parquet") for frame in frames), file_format="parquet")

    assert result.frame is not None
    assert result.frame.schema["m"] == maps[1]


@pytest.mark.parametrize("file_format", ["parquet", "ipc"])
def test_an_object_that_does_not_go_with_the_others_fails_alone(file_format: TableFormat) -> None:
    lists, struct = (written(pl.DataFrame({"a": [value]}), file_format) for value in ([1], {"x": 1}))

    result = read(lists, lists, struct, lists, struct, file_format=file_format)

    assert list(reasons(result)) == ["2", "4"]
    assert "column 'a' is a struct, and a list in most files" in reasons(result)["2"]
    assert values(result, "a") == [[1], [1], [1]]


def test_one_odd_object_before_forty_others_fails_and_they_come_in() -> None:
    lists, struct = (written(pl.DataFrame({"a": [value]}), "parquet") for value in ([1], {"x": 1}))

    result = read(lists, *[struct] * 40, file_format="parquet")

    assert list(reasons(result)) == ["0"]
    assert values(result, "a") == [{"x": 1}] * 40


def test_each_of_many_odd_objects_fails_with_a_reason_of_its_own() -> None:
    odd = [written(pl.DataFrame({"a": [{f"x{n}": 1}]}), "parquet") for n in range(40)]
    sound = written(pl.DataFrame({"a": [1]}), "parquet")

    result = read(*odd[:20], b"PAR1 damaged", *[sound] * 60, *odd[20:], file_format="parquet")

    found = reasons(result)
    assert values(result, "a") == [1] * 60
    assert found.pop("20").startswith("unreadable")
    assert len(found) == 40
    assert all("column 'a' is a struct, and a value in most files" in one for one in found.values())
