"""`""` is null in a column that is not text: programs that quote each field write it for no value."""

from typing import Any

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project_tests.reading.factories import fetched, read, read_objects
from ingest_project_tests.reading.formats.csv.readings import outcome
from ingest_project_tests.reading.formats.csv.test_header import WAYS

TYPED = [
    ("int", "1"), ("long", "1"), ("float", "1.5"), ("double", "1.5"), ("decimal(9,2)", "1.50"),
    ("boolean", "true"),
    ("date", "2026-11-20"), ("time", "10:11:12"), ("timestamp", "2026-11-20T10:11:12"),
    ("timestamptz", "2026-11-20T10:11:12Z"),
    ("uuid", "9f3a1c2b-0000-4000-8000-000000000000"), ("fixed[2]", "AAA="), ("list<int>", "[1]"),
    ("map<string, int>", "{}"),
    ("struct<a: int>", '{""a"": 1}'),
]  # fmt: skip


@WAYS
@pytest.mark.parametrize(("type_name", "text"), TYPED, ids=[one for one, _ in TYPED])
def test_it_is_null_in_a_column_of_another_type(
    type_name: str, text: str, in_pieces: bool, quarantines: bool
) -> None:
    body = f'"c","s"\n"{text}","x"\n"",""\n,\n"{text}","y"\n'.encode()

    found = outcome(body, {"c": type_name, "s": "string"}, in_pieces=in_pieces, quarantines=quarantines)

    assert (found.failure, found.rejected) == (None, [])
    assert [row["c"] is None for row in found.rows] == [False, True, True, False]
    assert [row["s"] for row in found.rows] == ["x", "", None, "y"]


def test_bytes_may_be_none_at_all() -> None:
    assert [row["c"] for row in outcome(b'c,d\n"",1\n,2\n', {"c": "binary", "d": "int"}).rows] == [b"", None]


def test_a_required_value_is_still_missing_and_a_default_stands_in() -> None:
    mapped = (MappedColumn("n", "long", "n"), MappedColumn("d", "long", "d", default=7))
    mapping = ColumnMapping(mapped, required=frozenset({"n"}))
    types = {"n": "long", "d": "long"}

    found = outcome(b'"n","d"\n"1",""\n"","2"\n', types, mapping=mapping)
    failed = outcome(b'"n","d"\n"1",""\n"","2"\n', types, mapping=mapping, quarantines=False)

    assert found.rows == [{"n": 1, "d": 7}]
    assert found.rejected == [(3, "n", "column 'n': is null, and the column is required")]
    assert (failed.failure or "").startswith("schema: column 'n', line 3: is null")


def test_a_field_of_two_columns_is_what_each_makes_of_it() -> None:
    mapped = (
        MappedColumn("text", "string", "n"),
        MappedColumn("number", "long", "n"),
        MappedColumn("day", "date", "n", formats=("%Y%m%d",)),
    )
    types = {one.name: one.type for one in mapped}

    (first, second) = outcome(b'n,m\n"20261120",\n"",\n', types, mapping=ColumnMapping(mapped)).rows

    assert first["number"] == 20261120
    assert second == {"text": "", "number": None, "day": None}


@pytest.mark.parametrize("evolution", ["add_columns", "rescue"])
def test_it_neither_widens_a_column_nor_is_rescued(evolution: Any) -> None:
    target = Target({"n": "int", "s": "string"}, evolution)

    result = read_objects(fetched(b'"n","s"\n"1","x"\n"",""\n'), Reading("csv", target))

    assert result.frame is not None
    assert str(result.frame.schema["n"]) == "Int32"
    assert result.frame["n"].to_list() == [1, None]
    assert result.frame.get_column("_rescued_data", default=result.frame["n"][1:]).null_count() > 0


@WAYS
def test_columns_that_nobody_declared_are_typed_by_what_else_is_in_them(
    in_pieces: bool, quarantines: bool
) -> None:
    body = b'"n","f","b"\n"1","1.5","true"\n"2","",""\n"3","2.5","false"\n"","1.5","true"\n'

    found = outcome(body, in_pieces=in_pieces, quarantines=quarantines)

    assert (found.failure, found.rejected) == (None, [])
    rows = [(1, 1.5, True), (2, None, None), (3, 2.5, False), (None, 1.5, True)]
    assert [tuple(row[name] for name in "nfb") for row in found.rows] == rows


def test_beside_texts_it_stays_a_text() -> None:
    assert [row["s"] for row in outcome(b'n,s\n1,x\n2,""\n3,\n').rows] == ["x", "", None]
    assert [row["s"] for row in outcome(b'n,s\n1,00501\n2,""\n3,\n').rows] == ["00501", "", None]


def test_a_column_of_nothing_else_has_no_type_yet() -> None:
    assert outcome(b'"n","e"\n"1",""\n"2",""\n').rows == [{"n": 1}, {"n": 2}]


def test_in_json_it_is_a_text_and_no_number() -> None:
    result = read(b'{"n": ""}\n', columns={"n": "long"})

    assert [one.error.error_class for one in result.failures] == ["schema"]
