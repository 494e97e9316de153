"""Rows as CSV: each type, nulls beside empty texts, and no text that a spreadsheet would compute."""

import csv
import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest
from pyarrow import csv as arrow_csv

from ingest_project.ingestion.jobs.kinds.csv_rows import csv_rows, csv_schema


def written(rows: list[dict[str, Any]], schema: pa.Schema) -> str:
    sink = io.BytesIO()
    with arrow_csv.CSVWriter(sink, csv_schema(schema)) as writer:
        writer.write_batch(csv_rows(pa.RecordBatch.from_pylist(rows, schema=schema)))
    return sink.getvalue().decode()


def schema_of(**types: pa.DataType) -> pa.Schema:
    return pa.schema(list(types.items()))


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "'=1", "'", "\uff1d1", "\uff0b1",
        "\uff0d1", "\uff20A", '=HYPERLINK("http://x")',
    ],
)  # fmt: skip
def test_text_that_may_be_a_formula_gets_an_apostrophe_and_loses_it_again(text: str) -> None:
    ((_name,), (cell,)) = read(written([{"a": text}], pa.schema({"a": pa.string()})))

    assert cell == f"'{text}"
    assert cell[1:] == text


@pytest.mark.parametrize("text", ["", "a", "a=1", "O'Brien", " =1", '"', "a,b", "a\nb", "é", "1-2"])
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert read(written([{"a": text}], pa.schema({"a": pa.string()}))) == [["a"], [text]]


def test_name_of_a_column_is_no_formula_either() -> None:
    assert read(written([], pa.schema({"=cmd": pa.int64(), "b": pa.int64()}))) == [["'=cmd", "b"]]


def test_null_differs_from_an_empty_text() -> None:
    schema = pa.schema({"a": pa.string(), "b": pa.string()})

    assert written([{"a": None, "b": ""}], schema) == '"a","b"\n,""\n'


def test_numbers_are_never_changed() -> None:
    schema = schema_of(a=pa.int64(), b=pa.float64(), c=pa.decimal128(5, 2), d=pa.bool_())
    row = {"a": -5, "b": -0.5, "c": Decimal("-1.20"), "d": True}

    assert written([row], schema).splitlines()[1] == "-5,-0.5,-1.20,true"


def test_times_are_written_as_iso_8601() -> None:
    schema = schema_of(
        day=pa.date32(), at=pa.time64("us"), local=pa.timestamp("us"), moment=pa.timestamp("us", "UTC")
    )
    row = {
        "day": date(2026, 11, 30), "at": time(8, 30), "local": datetime.fromisoformat("2026-11-30T08:00:00"),
        "moment": datetime(2026, 11, 30, 8, 0, 0, 5, UTC),
    }  # fmt: skip

    assert read(written([row], schema))[1] == [
        "2026-11-30", "08:30:00.000000", "2026-11-30T08:00:00.000000", "2026-11-30T08:00:00.000005Z",
    ]  # fmt: skip


def test_nested_values_are_json_and_binary_ones_hex() -> None:
    types: dict[str, pa.DataType] = {
        "at": pa.timestamp("us", "UTC"), "price": pa.decimal128(5, 2), "raw": pa.binary(),
    }  # fmt: skip
    struct = pa.struct(list(types.items()))
    schema = pa.schema(
        {
            "code": pa.uuid(), "raw": pa.binary(), "lines": pa.list_(struct),
            "counts": pa.map_(pa.string(), pa.int64()),
        }
    )  # fmt: skip
    line = {"at": datetime(2026, 11, 30, tzinfo=UTC), "price": Decimal("1.20"), "raw": b"\xff"}
    row = {"code": UUID(int=7).bytes, "raw": b"=1", "lines": [line, None], "counts": [("a", 1)]}

    code, raw, lines, counts = read(written([row, {}], schema))[1]

    assert (code, raw, json.loads(counts)) == (str(UUID(int=7)), "3d31", [["a", 1]])
    assert json.loads(lines) == [{"at": "2026-11-30T00:00:00+00:00", "price": "1.20", "raw": "ff"}, None]
