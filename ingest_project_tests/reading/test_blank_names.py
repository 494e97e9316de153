"""A name that is empty or has only whitespace does not count as a name, by one rule in every format."""

import io
import json
from collections.abc import Callable, Mapping, Sequence

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc, orc
from pyarrow import parquet as pq

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.formats import FORMAT_KEYS, TableFormat
from ingest_project.settings.model import SchemaEvolution
from ingest_project_tests.reading.factories import fetched, read_objects, reasons, values
from ingest_project_tests.reading.formats.excel.workbooks import workbook
from ingest_project_tests.reading.streams import cut


def table_of(row: Mapping[str, object]) -> pa.Table:
    return pa.Table.from_pylist([dict(row)])


def parquet_of(row: Mapping[str, object]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table_of(row), sink)
    return sink.getvalue()


def orc_of(row: Mapping[str, object]) -> bytes:
    sink = io.BytesIO()
    orc.write_table(table_of(row), sink)
    return sink.getvalue()


def ipc_of(row: Mapping[str, object]) -> bytes:
    sink = io.BytesIO()
    table = table_of(row)
    with ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def avro_of(row: Mapping[str, object]) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame({name: [value] for name, value in row.items()}).write_avro(sink)
    return sink.getvalue()


BODIES: Mapping[TableFormat, Callable[[Mapping[str, object]], bytes]] = {
    "csv": lambda row: f"{','.join(row)}\n{','.join(map(str, row.values()))}\n".encode(),
    "excel": lambda row: workbook([*row], [*row.values()]),
    "parquet": parquet_of,
    "ipc": ipc_of,
    "orc": orc_of,
    "ndjson": lambda row: json.dumps(row).encode(),
    "json": lambda row: json.dumps([row]).encode(),
    "avro": avro_of,
}
PLACED = [name for name in BODIES if FORMAT_KEYS[name].have_places]
UNPLACED = [name for name in BODIES if not FORMAT_KEYS[name].have_places]
OF_STRUCTS: Sequence[TableFormat] = ("parquet", "ipc", "orc", "ndjson", "json", "avro")
BLANKS = pytest.mark.parametrize("blank", ["", " ", "\t ", "\u00a0\u2003"])
EVOLUTIONS: Sequence[SchemaEvolution] = ("add_columns", "rescue", "fail")


def read_row(
    file_format: TableFormat, row: Mapping[str, object], evolution: SchemaEvolution, *columns: MappedColumn
) -> ReadResult:
    declared = (MappedColumn("id", "long", "id"), *columns)
    target = Target({one.name: one.type for one in declared}, evolution, ColumnMapping(declared))
    return read_objects(fetched(BODIES[file_format](row)), Reading(file_format, target, quarantines=True))


def test_every_format_with_names_of_its_own_has_the_rule() -> None:
    assert set(BODIES) == {name for name, keys in FORMAT_KEYS.items() if not keys.columns}


@BLANKS
@pytest.mark.parametrize("evolution", EVOLUTIONS)
@pytest.mark.parametrize("file_format", list(BODIES))
def test_a_value_under_a_blank_name_comes_in_by_its_place_or_is_kept_or_refused(
    file_format: TableFormat, evolution: SchemaEvolution, blank: str
) -> None:
    result = read_row(file_format, {"id": 1, blank: 2, "x": 3}, evolution, MappedColumn("x", "long", "x"))

    name = "column_2" if file_format in PLACED else blank
    match evolution:
        case "rescue":
            assert [{key: str(value) for key, value in one.items()} for one in rescued(result)] == [
                {name: "2"}
            ]
        case "add_columns" if file_format in PLACED:
            assert values(result, "column_2") == [2]
        case "add_columns":
            assert reasons(result)["0"].startswith(f"schema: a column has the name {blank!r}; rename it")
        case _:
            assert reasons(result)["0"].startswith(f"schema: the table has no column {name!r}")
    assert result.failures or values(result, "x") == [3]


@BLANKS
@pytest.mark.parametrize("file_format", list(BODIES))
def test_a_column_may_be_read_from_a_field_with_a_blank_name(file_format: TableFormat, blank: str) -> None:
    name = "column_2" if file_format in PLACED else blank
    mapped = MappedColumn("second", "long", name), MappedColumn("x", "long", "x")

    result = read_row(file_format, {"id": 1, blank: 2, "x": 3}, "fail", *mapped)

    assert (values(result, "second"), values(result, "x")) == ([2], [3])


@BLANKS
@pytest.mark.parametrize("file_format", PLACED)
def test_a_blank_name_whose_place_is_the_name_of_another_column_is_refused(
    file_format: TableFormat, blank: str
) -> None:
    result = read_row(file_format, {"id": 1, blank: 2, "column_2": 3}, "add_columns")

    assert "'column_2'" in reasons(result)["0"]
    assert result.frame is None


@pytest.mark.parametrize("file_format", ["csv", "excel", "parquet", "ipc"])
def test_blank_names_that_differ_are_columns_apart_also_in_pieces(file_format: TableFormat) -> None:
    body = BODIES[file_format]({"": 1, "id": 2, " ": 3, "\t": 4, "x": 5})
    reading = Reading(file_format, Target({"id": "long"}))

    (piece,) = cut(body, file_format, piece_bytes=10**6, chunk_bytes=100)
    whole, in_pieces = read_objects(fetched(body), reading), read_contents([piece], reading)

    for result in (whole, in_pieces):
        assert [values(result, f"column_{place}") for place in (1, 3, 4)] == [[1], [3], [4]]


@BLANKS
@pytest.mark.parametrize("evolution", ["add_columns", "rescue"])
@pytest.mark.parametrize("types", [{}, {"v": "struct<a: long>"}], ids=["new", "known"])
@pytest.mark.parametrize("file_format", OF_STRUCTS)
def test_a_blank_name_within_an_object_is_refused_or_kept(
    file_format: TableFormat, types: dict[str, str], evolution: SchemaEvolution, blank: str
) -> None:
    known = [MappedColumn(name, type_name, name) for name, type_name in types.items()]

    result = read_row(file_format, {"id": 1, "v": {"a": 2, blank: 3}}, evolution, *known)

    if evolution == "rescue":
        assert rescued(result) == [{"v": {"a": 2, blank: 3}}]
    else:
        assert reasons(result)["0"].startswith(f"schema: field {'v.' + blank!r} has no name")


def rescued(result: ReadResult) -> list[dict[str, object]]:
    return [json.loads(str(text)) for text in values(result, "_rescued_data")]
