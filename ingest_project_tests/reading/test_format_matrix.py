"""Each format under each compression, whole and truncated, against ClickHouse and the standard library."""

import csv
import io
import json
from collections.abc import Callable, Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

import chdb
import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.reading.read import ReadResult
from ingest_project.settings.formats import FIXED_COLUMNS, TableFormat
from ingest_project_tests.reading.archives import COMPRESSIONS
from ingest_project_tests.reading.factories import read, reasons
from ingest_project_tests.reading.formats.excel.workbooks import shown_by_openpyxl, workbook

ROWS: list[dict[str, object]] = [
    {
        "id": number * 10**12,
        "name": f'é {number}, "x"\n日本 \U0001f600',
        "ratio": number / 8 if number % 3 else None,
        "ok": number % 2 == 0,
    }
    for number in range(1, 301)
]
COLUMNS = {"id": "long", "name": "string", "ratio": "double", "ok": "boolean"}
CHDB_COMPRESSIONS = {"none": "none", "gzip": "gz", "zstd": "zst", "xz": "xz"}


def ndjson_body() -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in ROWS).encode()


def json_body() -> bytes:
    return json.dumps(ROWS, indent=1, ensure_ascii=False).encode()


def csv_body() -> bytes:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    lines = ([*list(row.values())[:3], str(row["ok"]).lower()] for row in ROWS)
    writer.writerows([COLUMNS, *lines])
    return written.getvalue().encode()


def parquet_body() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


def avro_body() -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(ROWS).write_avro(sink, name="row")
    return sink.getvalue()


def ipc_body() -> bytes:
    table = pa.Table.from_pylist(ROWS)
    sink = io.BytesIO()
    with ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def orc_body() -> bytes:
    sink = io.BytesIO()
    orc.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


@dataclass(frozen=True, slots=True)
class Case:
    """A format: a body, its name in ClickHouse and what to select, and where a cut of the body is noticed.

    Of a workbook the other reader is openpyxl.
    """

    body: bytes
    chdb_format: str
    select: str = "id, name, ratio, ok"
    cut: Callable[[bytes], int] | None = lambda body: len(body) * 2 // 3


def cut_in_the_last_row(body: bytes) -> int:
    """CSV does not say where it ends: a cut shows if fields are missing, or a quote."""
    return body.rindex(b"\xf0")


CASES: Mapping[TableFormat, Case] = {
    "ndjson": Case(ndjson_body(), "JSONEachRow"),
    "json": Case(json_body(), "JSONEachRow"),
    "csv": Case(csv_body(), "CSVWithNames", cut=cut_in_the_last_row),
    "parquet": Case(parquet_body(), "Parquet"),
    "avro": Case(avro_body(), "Avro"),
    "ipc": Case(ipc_body(), "Arrow"),
    "orc": Case(orc_body(), "ORC"),
    "excel": Case(workbook([*COLUMNS], *([*row.values()] for row in ROWS)), "openpyxl"),
    # A part of a text is a text, and of bytes, bytes.
    "text": Case(ndjson_body(), "LineAsString", "line, rowNumberInAllBlocks() + 1", cut=None),
    "binary": Case(ndjson_body(), "RawBLOB", "base64Encode(raw_blob)", cut=None),
}
COMPRESS: Mapping[str, Callable[[bytes], bytes]] = {"none": lambda body: body, **COMPRESSIONS}


def clickhouse_rows(path: Path, case: Case, compression: str) -> list[list[object]]:
    source = f"file('{path}', '{case.chdb_format}', 'auto', '{compression}')"
    settings = "SETTINGS max_threads = 1, output_format_json_quote_64bit_integers = 0"
    with chdir("/"):  # chdb opens nothing outside of its working folder
        answer = chdb.query(  # type: ignore[no-untyped-call]
            f"SELECT {case.select} FROM {source} {settings}",  # noqa: S608
            "JSONCompactEachRow",
        )
    return [json.loads(line) for line in str(answer).splitlines()]


def our_rows(result: ReadResult, file_format: TableFormat, version: str) -> list[list[object]]:
    assert result.frame is not None
    frame = result.frame.filter(_source_version=version)
    if file_format == "binary":
        return [[content] for content in frame["content"].bin.encode("base64")]
    columns = [*FIXED_COLUMNS.get(file_format, COLUMNS)]
    return [list(row) for row in frame.select(columns).rows()]


def read_as(file_format: TableFormat, *bodies: bytes) -> ReadResult:
    return read(*bodies, columns=FIXED_COLUMNS.get(file_format, COLUMNS), file_format=file_format)


@pytest.mark.parametrize("compression", list(COMPRESS))
@pytest.mark.parametrize("file_format", list(CASES))
def test_rows_are_those_that_another_reader_finds(
    file_format: TableFormat, compression: str, tmp_path: Path
) -> None:
    case = CASES[file_format]
    body = COMPRESS[compression](case.body)
    # What ClickHouse cannot unpack, or we leave packed, it gets as we should see it.
    packed = compression in CHDB_COMPRESSIONS and file_format != "binary"
    path = tmp_path / "object"
    path.write_bytes(body if packed or file_format == "binary" else case.body)
    if case.chdb_format == "openpyxl":  # ClickHouse does not read workbooks
        expected = shown_by_openpyxl(case.body)[1:]
    else:
        expected = clickhouse_rows(path, case, CHDB_COMPRESSIONS[compression] if packed else "none")

    result = read_as(file_format, body, case.body)

    assert result.failures == ()
    assert len(expected) == (1 if file_format == "binary" else len(ROWS))
    assert our_rows(result, file_format, "v0") == expected


@pytest.mark.parametrize("compression", list(COMPRESS))
@pytest.mark.parametrize(
    "file_format", [file_format for file_format in CASES if CASES[file_format].cut is not None]
)
def test_what_is_cut_short_fails_alone_and_none_of_its_rows_is_read(
    file_format: TableFormat, compression: str
) -> None:
    case = CASES[file_format]
    body = COMPRESS[compression](case.body)
    if compression == "none":
        assert case.cut is not None
        ends = [case.cut(body)]
    else:
        ends = [20, len(body) // 2, len(body) - 1]

    result = read_as(file_format, case.body, *(body[:end] for end in ends), case.body)

    assert list(reasons(result)) == [str(place) for place in range(1, len(ends) + 1)]
    assert all(reason.startswith("unreadable: ") for reason in reasons(result).values())
    assert list(result.rows.values()) == [len(ROWS)] * 2


@pytest.mark.parametrize("compression", [name for name in COMPRESS if name != "none"])
def test_a_compressed_text_that_is_cut_short_fails_alone(compression: str) -> None:
    body = COMPRESS[compression](CASES["text"].body)

    result = read_as("text", b"a\n", body[: len(body) // 2], body[:-1])

    assert sorted(reasons(result)) == ["1", "2"]
