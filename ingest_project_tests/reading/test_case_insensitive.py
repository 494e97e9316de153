"""`case_insensitive: true` in the readers of all formats: names, rows with two values, what stays."""

import io
import json
from collections.abc import Mapping

import polars as pl
import pyarrow as pa
import pytest
from pyarrow import ipc

from ingest_project.errors import ColumnRefused, SchemaMismatch
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import target_of
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.case_files import Row, body_of, reading_of, rows_of
from ingest_project_tests.reading.factories import fetched, read_objects
from ingest_project_tests.settings.factories import table


def lines(*texts: str) -> bytes:
    return "".join(f"{text}\n" for text in texts).encode()


def names_in(result: ReadResult) -> list[str]:
    assert result.frame is not None
    return [name for name in result.frame.columns if not name.startswith("_source")]


def test_a_name_of_nobody_s_is_spelled_as_the_first_row_of_the_first_object_has_it() -> None:
    bodies = [
        lines('{"a": 1, "b": {"NEW": 1}}', '{"a": 2, "New": 1}'),
        lines('{"new": 2}'),
        lines('{"NEW": 3}'),
    ]

    result = read_objects(fetched(*bodies), reading_of("ndjson"))

    assert names_in(result) == ["a", "b", "New"]
    assert [row["New"] for row in rows_of(result)] == [None, 1, 2, 3]


def test_it_is_spelled_so_too_if_an_object_among_them_is_bad() -> None:
    bodies = [lines('{"New": 1}'), b"<html>", lines('{"new": 2}'), lines('{"NEW": "x"}', "{")]

    result = read_objects(fetched(*bodies), reading_of("ndjson"))

    assert names_in(result) == ["New"]
    assert len(result.failures) == 1
    assert [row["New"] for row in rows_of(result)] == ["1", "2", "x"]


def test_values_are_read_as_if_all_files_spelled_it_alike() -> None:
    spelled = [
        lines('{"Code": 1.50, "n": 1}'),
        lines('{"code": "x", "N": 0.5}'),
        lines('{"CODE": 9007199254740993}'),
    ]
    alike = [body.replace(b"Code", b"code").replace(b"CODE", b"code").replace(b"N", b"n") for body in spelled]

    result, expected = (read_objects(fetched(*bodies), reading_of("ndjson")) for bodies in (spelled, alike))

    assert [row["Code"] for row in rows_of(result)] == ["1.50", "x", "9007199254740993"]
    assert [[*row.values()] for row in rows_of(result)] == [[*row.values()] for row in rows_of(expected)]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        (r'{"\u0049D": 1}', 1),
        ('{"note": "\\"ID\\": 5", "ID" : 2}', 2),
        ('{"note": "x,\\\\", "ID":3}', 3),
        ('{"inner": {"ID": 7, "id": 8}, "ID": 4}', 4),
        ('{"inner": {"id": 7}, "ID": 5}', 5),
        ('{"inner": ' + "[" * 20 + '{"ID": 1}' + "]" * 20 + ', "ID": 6}', 6),
        ('{"id": null, "ID": 7}', 7),
        ('{"ID": null, "Id": 8, "id": null}', 8),
        ('{"ID": 9, "ID": 10}', 10),
        ('\ufeff{"ID": 11}', 11),
        ('{"id": 12, "note": "ID"}', 12),
        ('{"inner": {"ID": 1}, "id": 13}', 13),
        ('{"ID": null}', None),
    ],
)
def test_only_members_of_the_row_itself_are_respelled(line: str, value: int | None) -> None:
    others = lines('{"note": "alone"}', "", line.replace("\ufeff", ""))

    result = read_objects(
        fetched(lines(line), others), reading_of("ndjson", "columns: {id: long, note: string, inner: string}")
    )

    assert result.failures == ()
    assert [row["id"] for row in rows_of(result)] == [value, None, value]
    if "inner" in line:
        (inner,) = {str(row["inner"]) for row in rows_of(result)} - {"None"}
        assert json.loads(inner) == json.loads(line)["inner"]


@pytest.mark.parametrize(
    "line", ['x {"ID": 1, "id": null}', '{"ID": 1, "id": null} x', '{"ID": 1, "id": ', '["ID"]']
)
def test_what_is_no_json_object_does_not_become_one(line: str) -> None:
    result = read_objects(fetched(lines('{"id": 1}', line)), reading_of("ndjson", "columns: {id: long}"))

    assert [row["id"] for row in rows_of(result)] == [1]
    assert result.rejected is not None
    assert result.rejected["raw"].to_list() == [line]


TWINS: Mapping[TableFormat, str] = {
    "ndjson": '{"ID": 5, "id": 6}',
    "json": '{"ID": 5, "id": 6}',
    "csv": "5,6",
    "parquet": '{"ID": 5, "id": 6}',
    "avro": '{"ID": 5, "id": 6}',
    "ipc": '{"ID": 5, "id": 6}',
}


OF_FILES = "'ID' and 'id'"
BOTH: dict[TableFormat, str] = {"ndjson": "'id' and 'ID'", "json": "'id' and 'ID'"}
"""The fields of JSON stand in no order of their own, so the one that is declared comes first."""


@pytest.mark.parametrize("file_format", list(TWINS))
def test_a_row_with_two_values_is_shown_with_both_of_them(file_format: TableFormat) -> None:
    rows: list[Row] = [{"ID": 5, "id": 6}, {"ID": 7, "id": None}, {"ID": None, "id": 8}]

    result = read_objects(
        fetched(body_of(file_format, ["ID", "id"], rows)), reading_of(file_format, "columns: {id: long}")
    )

    assert [row["id"] for row in rows_of(result)] == [7, 8]
    assert result.rejected is not None
    (bad,) = result.rejected.to_dicts()
    assert bad["raw"] == TWINS[file_format]
    assert bad["column_name"] == "id"
    assert bad["reason"] == (
        f"column 'id': it has values in the fields {BOTH.get(file_format, OF_FILES)}, "
        "which are one column (case_insensitive: true)"
    )


@pytest.mark.parametrize("file_format", list(TWINS))
def test_without_a_quarantine_such_a_row_fails_its_object_and_no_other(file_format: TableFormat) -> None:
    bodies = [
        body_of(file_format, ["ID"], [{"ID": 1}]),
        body_of(file_format, ["ID", "id"], [{"ID": 5, "id": 6}]),
        body_of(file_format, ["id"], [{"id": 2}]),
    ]

    result = read_objects(fetched(*bodies), reading_of(file_format, "columns: {id: long}, bad_rows: fail"))

    assert [row["id"] for row in rows_of(result)] == [1, 2]
    (failure,) = result.failures
    assert failure.object.key == "1"
    assert isinstance(failure.error, SchemaMismatch)
    assert BOTH.get(file_format, OF_FILES) in failure.error.reason


@pytest.mark.parametrize("file_format", list(TWINS))
def test_an_object_of_nothing_but_such_rows_is_set_aside_row_by_row(file_format: TableFormat) -> None:
    rows: list[Row] = [{"ID": number, "id": number} for number in range(3000)]

    result = read_objects(
        fetched(body_of(file_format, ["ID", "id"], rows)), reading_of(file_format, "columns: {id: long}")
    )

    assert result.failures == ()
    assert rows_of(result) == []
    assert result.rejected is not None
    assert result.rejected.height == 3000


@pytest.mark.parametrize("file_format", list(TWINS))
def test_files_of_many_spellings_hold_nobody_up(file_format: TableFormat) -> None:
    spellings = ["customer", "Customer", "CUSTOMER", "CuStOmEr"]
    names = [spellings[number % 4] for number in range(6)]
    bodies = [body_of(file_format, [name], [{name: f"c{place}"}]) for place, name in enumerate(names)]

    result = read_objects(fetched(*bodies), reading_of(file_format))

    assert result.failures == ()
    assert rows_of(result) == [{"customer": f"c{place}"} for place in range(6)]


@pytest.mark.parametrize("file_format", list(TWINS))
def test_case_counts_unless_the_settings_say_otherwise(file_format: TableFormat) -> None:
    body = body_of(file_format, ["id", "ID"], [{"id": 1, "ID": None}, {"id": None, "ID": 2}])
    reading = reading_of(file_format, "columns: {id: long}")
    declared = table(f"{{format: {file_format}, columns: {{id: long}}}}")
    reading = Reading(file_format, target_of(declared, {"id": "long"}), reading.options, quarantines=True)

    result = read_objects(fetched(body), reading)

    (failure,) = result.failures
    assert isinstance(failure.error, ColumnRefused)
    assert "differs from column 'id' only in case" in failure.error.reason


@pytest.mark.parametrize("file_format", list(TWINS))
def test_everything_a_column_may_say_goes_by_the_field_in_any_case(file_format: TableFormat) -> None:
    settings = """columns: {
        order_id: {type: long, from: Order ID, required: true},
        status: {type: string, default: new},
        at: {type: date, format: '%d.%m.%Y'},
        zip: {type: string, from: customer.zip},
        size: int,
        double: {type: long, sql: 'size * 2'},
        note: {drop: true},
        "x y": {type: string, drop: true},
    }"""
    row: Row = {
        "ORDER id": 7,
        "STATUS": None,
        "At": "20.11.2026",
        "Customer.ZIP": "10115",
        "SIZE": 4,
        "NOTE": "n",
        "X Y": ".",
    }
    bad = row | {"ORDER id": None}

    result = read_objects(
        fetched(body_of(file_format, list(row), [row, bad])), reading_of(file_format, settings)
    )

    assert result.failures == ()
    (found,) = rows_of(result)
    assert {name: str(value) for name, value in found.items()} == {
        "order_id": "7", "status": "new", "at": "2026-11-20", "zip": "10115", "size": "4", "double": "8"
    }  # fmt: skip
    assert result.rejected is not None
    assert result.rejected["reason"].to_list() == ["column 'order_id': is null, and the column is required"]


def test_a_path_begins_in_any_case() -> None:
    body = lines('{"CUSTOMER": {"zip": "10115"}}', '{"customer": {"zip": "80331"}}')

    result = read_objects(
        fetched(body),
        reading_of("ndjson", "columns: {zip: {type: string, from: customer.zip}, customer: {drop: true}}"),
    )

    assert [row["zip"] for row in rows_of(result)] == ["10115", "80331"]


def test_a_column_of_any_type_is_passed_over_in_any_case() -> None:
    intervals = pa.array([(1, 2, 3)], type=pa.month_day_nano_interval())
    rows = pa.table({"id": [1], "NOTE": intervals})
    sink = io.BytesIO()
    with ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows)

    result = read_objects(
        fetched(sink.getvalue()), reading_of("ipc", "columns: {id: long, note: {drop: true}}")
    )

    assert result.failures == ()
    assert rows_of(result) == [{"id": 1}]


def test_the_twins_of_one_file_may_have_types_that_go_together() -> None:
    sink = io.BytesIO()
    pl.DataFrame({"n": [1, None, None], "N": [None, 0.5, None]}).write_parquet(sink)

    result = read_objects(fetched(sink.getvalue()), reading_of("parquet"))

    assert [row["n"] for row in rows_of(result)] == [1.0, 0.5, None]


def test_quotes_around_nothing_are_no_value_beside_another() -> None:
    body = b'ID,id,note,NOTE\n5,"","",x\n"",6,y,""\n"","","",""\n'

    result = read_objects(fetched(body), reading_of("csv", "columns: {id: long, note: string}"))

    assert result.rejected is None
    assert rows_of(result) == [{"id": 5, "note": "x"}, {"id": 6, "note": "y"}, {"id": None, "note": ""}]


def test_bad_rows_of_respelled_csv_are_shown_as_they_stand() -> None:
    body = "ID;GRÖSSE\r\n1;a\r\nx;b\r\n3\r\n".encode("cp1252")

    result = read_objects(
        fetched(body),
        reading_of("csv", "columns: {id: long, größe: string}, csv: {delimiter: ';', encoding: cp1252}"),
    )

    assert rows_of(result) == [{"id": 1, "größe": "a"}]
    assert result.rejected is not None
    assert result.rejected["raw"].to_list() == ["x;b", "3"]


def test_a_table_s_own_spelling_counts_where_nothing_is_declared() -> None:
    result = read_objects(
        fetched(lines('{"id": 1, "Place": "a"}', '{"Id": 2, "place": "b"}')),
        reading_of("ndjson", types={"ID": "long", "PLACE": "string"}),
    )

    assert rows_of(result) == [{"ID": 1, "PLACE": "a"}, {"ID": 2, "PLACE": "b"}]


def test_a_field_of_a_declared_column_is_that_of_the_table_s_own_column_too() -> None:
    reading = reading_of("ndjson", "columns: {x: {type: long, from: id}}", {"ID": "long", "x": "long"})

    result = read_objects(fetched(lines('{"Id": 1}', '{"ID": 2}')), reading)

    assert rows_of(result) == [{"ID": 1, "x": 1}, {"ID": 2, "x": 2}]


def test_a_column_that_partitions_is_spelled_as_the_settings_have_it() -> None:
    result = read_objects(
        fetched(lines('{"AT": "2026-11-20"}')), reading_of("ndjson", "partition_spec: [at]")
    )

    assert names_in(result) == ["at"]


def test_names_that_only_the_ingest_writes_are_refused_in_any_case() -> None:
    result = read_objects(fetched(lines('{"id": 1, "_Batch_Id": "x"}')), reading_of("ndjson"))

    (failure,) = result.failures
    assert "the ingest itself writes the column '_Batch_Id'" in str(failure.error)


@pytest.mark.parametrize(
    "late", ['{"ID": 7}', '{"ID" : 7}', '{"id": null, "ID": 7}', '{"inner": {"id": 1}, "ID": 7}']
)
@pytest.mark.parametrize(
    "others", [{"note": "n"}, {"inner": {"a": 1}}, {f"c{number}": 1 for number in range(80)}]
)
def test_a_key_is_found_however_late_it_comes(late: str, others: Row) -> None:
    body = lines(*[json.dumps({"id": 1} | others)] * 3_000, late)

    result = read_objects(
        fetched(body),
        reading_of("ndjson", "columns: {id: long, note: string, inner: string}, schema_evolution: rescue"),
    )

    assert result.failures == ()
    assert result.rejected is None
    assert result.frame is not None
    assert result.frame["id"].value_counts().sort("id").rows() == [(1, 3_000), (7, 1)]
