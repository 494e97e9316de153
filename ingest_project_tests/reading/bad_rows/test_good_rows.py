"""Bad rows are set aside with line and reason; good ones are read, whatever else their file or batch has."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ingest_project.reading.bad_rows import parse_together as together
from ingest_project.reading.content import Content
from ingest_project.reading.limits import BadRowLimits, Limits
from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult, read_contents
from ingest_project.reading.target import ColumnMapping, Target, target_of
from ingest_project.settings.formats import TableFormat
from ingest_project.settings.model import SchemaEvolution, TableSettings
from ingest_project.settings.row_limit import row_limit
from ingest_project_tests.reading.factories import WRITTEN_AT, object_version, reasons, values
from ingest_project_tests.reading.streams import cut

A = {"a": "long"}


def content(number: int, *bodies: bytes, first_line: int = 1) -> Content:
    return Content(object_version(f"{number}", version_id=f"v{number}"), bodies, WRITTEN_AT, first_line)


def read(
    *bodies: bytes,
    columns: Mapping[str, str] | None = None,
    file_format: TableFormat = "ndjson",
    evolution: SchemaEvolution = "add_columns",
    quarantines: bool = True,
) -> ReadResult:
    reading = Reading(file_format, Target(columns, evolution), quarantines=quarantines)
    return read_contents([content(number, body) for number, body in enumerate(bodies)], reading)


def rejected(result: ReadResult) -> list[tuple[int, str]]:
    return [] if result.rejected is None else result.rejected.select("line_number", "reason").rows()


@pytest.mark.parametrize(
    ("file_format", "columns", "bodies"),
    [
        ("ndjson", A, [b'{"a": 1}\nx\n', b'{"a": "x"}\n{"a": 2}\n', b'{"a": 3}\n']),
        ("csv", A, [b"a\n1\n1,2\n", b"a\nx\n2\n", b"a\n3\n"]),
        ("text", {"line": "string", "line_number": "long"}, [b"1\n\xff\n", b"\0\n2\n", b"3\n"]),
    ],
)
def test_many_objects_with_bad_rows_are_read_together_and_each_keeps_its_own(
    file_format: TableFormat, columns: Mapping[str, str], bodies: list[bytes]
) -> None:
    result = read(*bodies, columns=columns, file_format=file_format)

    assert reasons(result) == {}
    assert {one.key: rows for one, rows in result.rows.items()} == {"0": 1, "1": 1, "2": 1}
    assert {one.key: rows for one, rows in result.rejected_rows.items()} == {"0": 1, "1": 1}
    assert result.frame is not None
    name = next(iter(columns))
    by_object = {
        version: str(value) for version, value in result.frame.select("_source_version", name).rows()
    }
    assert by_object == {"v0": "1", "v1": "2", "v2": "3"}


def test_an_object_of_another_format_among_those_with_bad_rows_fails_alone() -> None:
    result = read(b'{"a": 1}\nx\n', b"<html>\n", b'{"a": 2}\nx\n', columns=A)

    assert list(reasons(result)) == ["1"]
    assert values(result, "a") == [1, 2]


def test_an_object_with_a_column_in_vain_among_those_with_bad_rows_fails_alone() -> None:
    result = read(b'{"a": 1}\nx\n', b'{"a": 5, "b": 1}\nx\n', b'{"a": 2}\nx\n', columns=A, evolution="fail")

    assert list(reasons(result)) == ["1"]
    assert values(result, "a") == [1, 2]


def test_objects_beyond_the_limit_of_bad_rows_leave_no_row_and_nothing_in_quarantine() -> None:
    bodies = [b'{"a": 1}\nx\n', b'{"a": 2}\nx\nx\n', b'{"a": 3}\nx\n']
    reading = Reading("ndjson", Target(A, "fail"), quarantines=True, row_limit=row_limit(1))

    result = read_contents([content(number, body) for number, body in enumerate(bodies)], reading)

    assert reasons(result)["1"].startswith("bad_rows: 2 of its 3 rows are bad")
    assert values(result, "a") == [1, 3]
    assert {one.key for one in result.rejected_rows} == {"0", "2"}


@pytest.mark.parametrize(
    ("file_format", "body", "line", "reason"),
    [
        ("ndjson", b'{"a": 1}\n\n"x"\n', 103, "is not a JSON object: 'x'"),
        ("ndjson", b'{"a": 1}\n\n{"a": 1.5}\n', 103, "column 'a': 1.5 is not a valid long"),
        ("csv", b'a,b\n1,"x\ny"\n\n2\n', 105, "it has 1 fields instead of 2"),
        ("csv", b'a,b\n1,"x\ny"\n\nz,2\n', 105, "column 'a': 'z' is not a valid long"),
    ],
)
def test_lines_of_a_later_piece_are_numbered_as_in_the_object(
    file_format: TableFormat, body: bytes, line: int, reason: str
) -> None:
    reading = Reading(file_format, Target({"a": "long", "b": "string"}), quarantines=True)

    result = read_contents([content(0, body, first_line=101)], reading)

    assert rejected(result) == [(line, reason)]
    assert values(result, "a") == [1]


def test_a_later_piece_of_nothing_but_bad_rows_is_no_other_format() -> None:
    reading = Reading("ndjson", Target(A), quarantines=True)

    later = read_contents([content(0, b"x\ny\n", first_line=7)], reading)

    assert [line for line, _ in rejected(later)] == [7, 8]
    assert list(reasons(read_contents([content(0, b"x\ny\n")], reading))) == ["0"]


def test_lines_of_text_keep_their_numbers_whatever_was_set_aside_and_in_every_piece() -> None:
    body = b"aaaaa\n\xff\nccccc\nddddd\n\xff\nfffff\n"
    reading = Reading("text", Target({"line": "string", "line_number": "long"}), quarantines=True)

    pieces = [read_contents([piece], reading) for piece in cut(body, "text", piece_bytes=5)]

    assert len(pieces) > 1
    found = [
        row for piece in pieces if piece.frame is not None for row in piece.frame["line_number"].to_list()
    ]
    assert found == [1, 3, 4, 6]
    assert [line for piece in pieces for line, _ in rejected(piece)] == [2, 5]


def test_the_last_of_a_key_that_is_there_twice_counts_in_good_and_in_bad_lines() -> None:
    result = read(b'{"a": 1, "a": "x"}\n{"a": "y", "a": 2}\n', columns=A)

    assert values(result, "a") == [2]
    assert rejected(result) == [(1, "column 'a': 'x' is not a valid long")]


def test_the_last_of_a_key_that_is_there_twice_counts_when_it_is_rescued() -> None:
    columns = {**A, "_rescued_data": "string"}

    result = read(b'{"a": 1, "a": "x"}\n{"a": "y", "a": 2}\n', columns=columns, evolution="rescue")

    assert values(result, "a") == [None, 2]
    assert values(result, "_rescued_data") == ['{"a": "x"}', None]


def test_a_mistyped_value_is_rescued_where_bad_rows_fail_too() -> None:
    columns = {**A, "_rescued_data": "string"}

    result = read(b'{"a": "x"}\n', b'{"a": "x"}\ny\n', columns=columns, evolution="rescue", quarantines=False)

    assert values(result, "_rescued_data") == ['{"a": "x"}']
    assert list(reasons(result)) == ["1"]


@pytest.mark.parametrize("shape", [b"[%s]", b'{"x": %s}'])
@pytest.mark.parametrize("depth", [40, 500, 100_000])
@pytest.mark.parametrize("columns", [None, A, {"a": "long", "b": "string"}])
def test_deep_nesting_is_text_or_a_bad_row(
    columns: Mapping[str, str] | None, depth: int, shape: bytes
) -> None:
    start, end = shape.split(b"%s")
    deep = b'{"a": 1, "b": ' + start * depth + b"7" + end * depth + b"}\n"

    result = read(deep + b'{"a": 2}\n', columns=columns)

    if depth == 100_000:
        assert rejected(result) == [(1, "is nested too deeply")]
        assert values(result, "a") == [2]
    else:
        text = values(result, "b")[0]
        assert isinstance(text, str)
        assert text.replace(" ", "") == (start * depth + b"7" + end * depth).decode().replace(" ", "")


@pytest.mark.parametrize("body", [b"\0" * 40, b"garbage\n", b"\x89PNG\r\n\x1a\n\xff"])
def test_what_is_no_json_at_all_is_no_row_without_columns(body: bytes) -> None:
    result = read(body, columns=None)

    assert list(reasons(result)) == ["0"]
    assert result.frame is None


def test_an_integer_that_no_double_is_equal_to_is_text_or_a_bad_value() -> None:
    body = b'{"a": 9007199254740993}\n{"a": 1.5}\n'

    assert values(read(body), "a") == ["9007199254740993", "1.5"]
    assert rejected(read(body, columns={"a": "double"})) == [
        (1, "column 'a': 9007199254740993 is not a valid double")
    ]
    assert values(read(b"a\n9007199254740993\n1.5\n", file_format="csv"), "a") == ["9007199254740993", "1.5"]


def test_json_in_a_text_column_keeps_its_digits_and_is_json() -> None:
    nested = r'{"x": 0.12345678901234567890, "y": 1.10, "z\u0001": "\n"}'

    (text,) = values(read(f'{{"s": {nested}}}\n'.encode(), columns={"s": "string"}), "s")

    assert isinstance(text, str)
    assert json.loads(text, parse_float=str) == json.loads(nested, parse_float=str)


def test_types_that_were_found_from_good_objects_change_no_digit_of_theirs() -> None:
    result = read(b"a\n1.50\n", b"a\nx\n1,2\n", file_format="csv")

    assert values(result, "a") == ["1.50", "x"]


def test_objects_whose_good_rows_do_not_go_with_those_of_the_others_fail_alone() -> None:
    bodies = [b'{"a": {"x": 1}}\n', b'{"a": [1]}\nx\n']

    result = read(*bodies)

    assert values(result, "_source_version")[0] == "v0"
    assert set(reasons(result)) <= {"1"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'a,s\n1,5" disk\n2,x\n', ['5" disk', "x"]),
        (b'a,s\n1,5" disk\n2,7" disk\n', ['5" disk', '7" disk']),
        (b'a,s\n1,a"b"c\n2,"q,"""\n', ['a"b"c', 'q,"']),
    ],
)
@pytest.mark.parametrize("quarantines", [True, False])
def test_a_quote_within_a_field_is_a_character(body: bytes, expected: list[str], quarantines: bool) -> None:
    result = read(body, columns={"a": "long", "s": "string"}, file_format="csv", quarantines=quarantines)

    assert rejected(result) == []
    assert values(result, "s") == expected


@pytest.mark.parametrize("row", [b'""x"",y', b'"x"y,1', b"a\rb,1", b'"x""",y"', b'"open,1'])
def test_misplaced_quotes_and_lone_carriage_returns_cost_their_own_row(row: bytes) -> None:
    result = read(
        b"a,s\n1,2\n" + row + b'\n3,"4"\n', columns={"a": "string", "s": "string"}, file_format="csv"
    )

    expected = [] if row == b'"x""",y"' else [3]
    assert [line for line, _ in rejected(result)] == expected
    assert values(result, "a") == (["1", "3"] if expected else ["1", 'x"', "3"])


@pytest.mark.parametrize("quarantines", [True, False])
@pytest.mark.parametrize("body", [b"x,y\r1,2\r3,4\r", b"a;b\n1;2\n", b"<html>\n<body>\n"])
def test_a_header_without_any_column_of_the_table_fails_the_object(body: bytes, quarantines: bool) -> None:
    result = read(body, columns={"a": "long", "b": "long"}, file_format="csv", quarantines=quarantines)

    assert reasons(result)["0"].startswith("unreadable: ")


def test_new_fields_within_json_text_of_a_known_column_widen_it() -> None:
    body = b'a,m\n1,"{""x"": 1}"\n2,"{""x"": 1, ""y"": [2]}"\n'

    result = read(body, columns={"a": "long", "m": "struct<x: long>"}, file_format="csv")

    assert values(result, "m") == [{"x": 1, "y": None}, {"x": 1, "y": [2]}]
    maps = b'{"m": {"k": {"x": 1}}}\n{"m": {"k": {"x": 1, "y": "new"}}}\n'
    found = values(read(maps, columns={"m": "map<string, struct<x: long>>"}), "m")
    assert found == [{"k": {"x": 1, "y": None}}, {"k": {"x": 1, "y": "new"}}]


def test_neighbours_of_a_bad_object_are_read_as_they_would_be_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [b'{"a": %d}\n' % number for number in range(40)]
    bodies[7] = b'{"a": "x"}\n{"a": 7}\n'

    near = read(*bodies, columns=A)
    monkeypatch.setattr(together, "LIMITS", Limits(bad_rows=BadRowLimits(suspect_bytes=0)))
    alone = read(*bodies, columns=A)

    assert sorted(map(str, values(near, "a"))) == sorted(map(str, values(alone, "a")))
    assert rejected(near) == rejected(alone)
    assert near.rows == alone.rows


@pytest.mark.parametrize(
    ("file_format", "body"),
    [
        ("ndjson", b'{"a": 1, "s": {"p": 1}}\n{"a": 50, "s": {"p": 2, "q": 3}, "b": 2}\n'),
        ("ndjson", b'{"a": 1, "s": [{"p": 1}], "b": null}\n{"a": 50, "s": [{"q": "t"}], "b": {"c": 1}}\n'),
        ("csv", b"a,s,b\n1,1,\n50,1,2\n"),
    ],
)
def test_fields_that_only_a_bad_row_has_do_not_become_columns(file_format: TableFormat, body: bytes) -> None:
    target = Target(A, mapping=ColumnMapping(expectations={"small": "a < 10"}))
    reading = Reading(file_format, target, quarantines=True)
    good = b"".join(body.splitlines(keepends=True)[:-1])

    result, alone = (read_contents([content(0, one)], reading) for one in (body, good))

    assert result.frame is not None
    assert alone.frame is not None
    assert result.frame.schema == alone.frame.schema
    assert result.frame.equals(alone.frame)
    assert result.rejected is not None
    assert result.rejected.height == 1


def test_fields_that_only_an_object_with_too_many_bad_rows_has_do_not_become_columns() -> None:
    bodies = (b'{"a": 1}\nbroken\n', b'{"a": 2, "b": 1, "s": {"p": 1}}\nbroken\nbroken\n')
    reading = Reading("ndjson", Target(A), quarantines=True, row_limit=row_limit(1))

    result = read_contents([content(number, body) for number, body in enumerate(bodies)], reading)

    assert list(reasons(result)) == ["1"]
    assert result.frame is not None
    assert [name for name in result.frame.columns if not name.startswith("_")] == ["a"]


@pytest.mark.parametrize(
    ("columns", "line", "row"),
    [
        ({"z": {"type": "long", "from": "a.n"}}, b'{"a":{"n":15}}', (15, {"a": {"n": 15}})),
        ({"z": {"type": "string", "from": "a.n"}}, b'{"a":{"n":1.50}}', ("1.50", '{"a": {"n":1.50}}')),
        ({"z": {"type": "long", "from": "a.n"}}, b'{"a":{"n":"x"}}', (None, {"a": {"n": "x"}, "a.n": "x"})),
        ({"z": {"type": "string", "from": "a.n"}}, b'{"a.n":"q"}', ("q", None)),
        ({"z": {"type": "string", "from": "a.n"}}, b'{"a":7}', (None, {"a": 7})),
        (
            {"z": {"type": "string", "from": "a.n"}, "a": {"drop": True}},
            b'{"a":{"n":"x","m":1}}',
            ("x", None),
        ),
        ({"z": "long", "a": {"drop": True}}, b'{"a":{"n":1},"z":"u"}', (None, {"z": "u"})),
        ({"z": "long"}, b'{"b":true}', (None, {"b": True})),
    ],
)
@pytest.mark.parametrize("neighbour", [b"", b'{"a":"text","b":"text"}\n', b'{"a":{"n":2.5}}\n'])
def test_a_column_below_a_rescued_field_is_read_and_what_is_passed_over_is_not_rescued(
    columns: Mapping[str, Any], line: bytes, row: tuple[object, object], neighbour: bytes
) -> None:
    table = TableSettings.model_validate(
        {"name": "sales.orders", "queue": "landing", "bucket": "landing", "prefix": "o/", "format": "ndjson",
         "columns": columns, "schema_evolution": "rescue"}
    )  # fmt: skip
    target = target_of(table, {**(table.column_types or {}), "_rescued_data": "string"})

    result = read_contents(
        [content(0, neighbour + line + b"\n")], Reading("ndjson", target, quarantines=True)
    )

    assert result.frame is not None
    value, rescued = result.frame.select("z", "_rescued_data").row(-1)
    expected = row[1]
    assert (value, rescued if isinstance(expected, str) else rescued and json.loads(rescued)) == (
        row[0],
        expected,
    )


def test_a_fraction_below_a_path_is_a_bad_row_of_an_integer_column_and_no_fault_of_its_neighbours() -> None:
    table = TableSettings.model_validate(
        {"name": "sales.orders", "queue": "landing", "bucket": "landing", "prefix": "o/", "format": "ndjson",
         "columns": {"z": {"type": "long", "from": "a.n"}}}
    )  # fmt: skip
    reading = Reading("ndjson", target_of(table, table.column_types), quarantines=True)

    result = read_contents([content(0, b'{"a":{"n":15}}\n{"a":{"n":2.5}}\n')], reading)

    assert result.frame is not None
    assert result.frame["z"].to_list() == [15]
    assert [line for line, _ in rejected(result)] == [2]


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        ("", "field 's.' has no name"),
        ("X", "field 's.X' differs from 'x' beside it only in case"),
        ("a\0b", "field 's.a\\x00b' has a control character in its name"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_a_new_field_of_a_struct_obeys_the_rules_for_columns(field: str, fault: str, *, nested: bool) -> None:
    struct = {field: 7, "x": 1}
    value = json.dumps([struct] if nested else struct)
    columns = {"s": "list<struct<x: long>>" if nested else "struct<x: long>"}
    body = f'{{"s": {value}}}\n{{"s": null}}\n'.encode()

    refused = reasons(read(body, columns=columns))
    rescued = read(body, columns=columns, evolution="rescue")

    assert refused["0"].startswith(f"schema: {fault}; rename it in the file, or set schema_evolution: rescue")
    assert values(rescued, "s") == [None, None]
    assert json.loads(str(values(rescued, "_rescued_data")[0])) == {"s": json.loads(value)}


@pytest.mark.parametrize("value", ["[]", '"[]"', "1.50", '{"x": 1.50}', '"text"'])
def test_a_value_beside_a_struct_that_is_read_as_text_is_rescued_as_it_is_written(value: str) -> None:
    body = b'{"s": {"x": "1"}}\n{"s": %s}\n' % value.encode()

    result = read(body, columns={"s": "struct<x: int>"}, evolution="rescue")

    assert values(result, "s") == [{"x": 1}, None]
    assert values(result, "_rescued_data") == [None, f'{{"s": {value}}}']
