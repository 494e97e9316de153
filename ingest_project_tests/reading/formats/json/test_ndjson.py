import json
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import Target
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values

ALL_TYPES = {
    "b": "boolean",
    "i": "int",
    "l": "long",
    "f": "float",
    "d": "double",
    "m": "decimal(20,4)",
    "on": "date",
    "at": "timestamptz",
    "s": "string",
}


def test_every_type_is_read_as_declared() -> None:
    line = (
        b'{"b":true,"i":1,"l":-2,"f":1.5,"d":2,"m":1.0005,'
        b'"on":"2026-01-02","at":"2026-01-02T03:04:05Z","s":"\\u00e9\\n"}'
    )

    result = read(line, columns=ALL_TYPES)

    assert result.failures == ()
    assert result.frame is not None
    assert result.frame.row(0)[:-2] == (
        True, 1, -2, 1.5, 2.0, Decimal("1.0005"), date(2026, 1, 2), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "é\n",
    )  # fmt: skip
    assert [str(dtype) for dtype in result.frame.dtypes[:5]] == [
        "Boolean",
        "Int32",
        "Int64",
        "Float32",
        "Float64",
    ]


def test_absent_and_null_values_are_null() -> None:
    result = read(b'{}\n{"l":null,"s":null}\n', columns={"l": "long", "s": "string", "m": "decimal(5,2)"})

    assert result.failures == ()
    assert [values(result, name) for name in ("l", "s", "m")] == [[None, None]] * 3


@pytest.mark.parametrize(
    ("type_name", "value", "reason"),
    [
        ("long", '"abc"', "schema: column 'c', line 2: 'abc' is not a valid long"),
        ("long", '""', "schema: column 'c', line 2: '' is not a valid long"),
        ("long", "1.5", "schema: column 'c', line 2: 1.5 is not a valid long"),
        ("long", "1.0", "schema: column 'c', line 2: 1.0 is not a valid long"),
        ("long", "true", "schema: column 'c', line 2: True is not a valid long"),
        ("long", "9223372036854775808",
            "schema: column 'c', line 2: 9223372036854775808 is not a valid long"),
        ("int", "2147483648", "schema: column 'c', line 2: 2147483648 is not a valid int"),
        ("float", "1e39", "schema: column 'c', line 2: 1e39 is not a valid float"),
        ("double", '"1,5"', "schema: column 'c', line 2: '1,5' is not a valid double"),
        ("boolean", "1", "schema: column 'c', line 2: 1 is not a valid boolean"),
        ("decimal(12,2)", "1.105", "schema: column 'c', line 2: 1.105 is not a valid decimal(12,2)"),
        ("decimal(12,2)", "12345678901",
            "schema: column 'c', line 2: 12345678901 is not a valid decimal(12,2)"),
        ("decimal(12,2)", "0.10000000000000000555",
            "schema: column 'c', line 2: 0.10000000000000000555 is not a valid decimal(12,2)"),
        ("decimal(12,2)", "1e-400", "schema: column 'c', line 2: 1e-400 is not a valid decimal(12,2)"),
        ("date", '"2026-13-01"', "schema: column 'c', line 2: '2026-13-01' is not a valid date"),
        ("date", "20260101", "schema: column 'c', line 2: 20260101 is not a valid date"),
        ("timestamptz", "1763596800", "schema: column 'c', line 2: 1763596800 is not a valid timestamptz"),
        ("binary", '"x"', "schema: column 'c', line 2: 'x' is not a valid binary"),
        ("string", '"\\ud800"',
            "unreadable: line 2: a string holds half of a surrogate pair, which is not a character"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_fails_its_object_alone(type_name: str, value: str, reason: str) -> None:
    bad = b'{"c":null}\n{"c":' + value.encode() + b"}\n"

    result = read(b"{}\n", bad, b"{}\n", columns={"c": type_name})

    assert reasons(result) == {"1": reason}
    assert values(result, "_source_version") == ["v0", "v2"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a":1}\n{"a":', "unreadable: line 2 is not valid JSON"),
        (b'{"a":1},{"a":2}', "unreadable: line 1 is not valid JSON"),
        (b'{"a":NaN}', "unreadable: line 1 is not valid JSON"),
        (b'{"a":\n1}', "unreadable: line 1 is not valid JSON"),
        (b'\n[{"a":1}]', "unreadable: line 2 is not a JSON object: [{'a': 1}]"),
        (b"null", "unreadable: line 1 is not a JSON object: None"),
        (b'{"s":"\xff"}', "unreadable: line 1: it is not valid UTF-8"),
        (b"\x00\x01", "unreadable: line 1 is not valid JSON"),
        (b'{"zz":1}', "schema: the table has no column 'zz'"),
        (b'{"a":1}\n' * 200 + b'{"zz" :1}', "schema: the table has no column 'zz'"),
        (b'{"_batch_id":"x"}', "schema: the ingest itself writes the column '_batch_id'"),
    ],
)
def test_a_bad_object_leaves_the_others_alone(body: bytes, reason: str) -> None:
    result = read(b'{"a":1}', body, b'{"a":3}', columns={"a": "long", "s": "string"})

    assert list(reasons(result)) == ["1"]
    assert reasons(result)["1"].startswith(reason)
    assert values(result, "a") == [1, 3]


def test_columns_of_the_ingest_may_not_be_brought_in() -> None:
    result = read(b'{"_batch_id":"x"}', columns={}, allow_new_columns=True)

    assert reasons(result) == {
        "0": "schema: the ingest itself writes the column '_batch_id'; "
        "rename it by `from` in `columns`, or in the file"
    }


@pytest.mark.parametrize(
    ("number", "type_name"),
    [
        ("12.10", "decimal(12,2)"),
        ("1234567890.12000000000000", "decimal(12,2)"),
        ("-12345678901234567890.123456789", "decimal(38,9)"),
        ("99999999999999999999999999999999999999", "decimal(38,0)"),
        ('"12345678901234567.89"', "decimal(38,2)"),
        ("0.30000000000000004", "decimal(38,17)"),
    ],
)
def test_decimals_never_pass_through_a_double(number: str, type_name: str) -> None:
    result = read(
        f'{{"c" : {number}, "d": 0.30000000000000004}}'.encode(), columns={"c": type_name, "d": "double"}
    )

    assert values(result, "c") == [Decimal(number.strip('"'))]
    assert values(result, "d") == [0.30000000000000004]


@given(number=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19))
def test_every_decimal_is_exact_or_refused(number: Decimal) -> None:
    result = read(f'{{"c":{number:f}}}'.encode(), columns={"c": "decimal(38,18)"})

    fits = (Fraction(number) * 10**18).denominator == 1
    assert result.frame is None if not fits else values(result, "c") == [number]


def test_names_in_any_spelling_keep_their_digits() -> None:
    body = '{"Größe": 12345678901234567.89}\n{"Gr\\u00f6\\u00dfe": 12345678901234567.89}'.encode()

    assert (
        values(read(body, columns={"Größe": "decimal(20,2)"}), "Größe")
        == [Decimal("12345678901234567.89")] * 2
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("12.10", "12.10"),
        ("12345678901234567890.123", "12345678901234567890.123"),
        ("true", "true"),
        ('{"a": [1, "x\\"y", null]}', '{"a": [1, "x\\"y", null]}'),
        ('"\\ud83d\\ude00"', "😀"),
        ('"\\\\ud83d"', "\\ud83d"),
    ],
)
def test_a_string_column_takes_any_value_as_text(value: str, text: str) -> None:
    assert values(read(f'{{"s":{value}}}'.encode(), columns={"s": "string"}), "s") == [text]


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"", 0),
        (b"\n", 0),
        (b" \r\n\n", 0),
        (b"\xef\xbb\xbf", 0),
        (b'\xef\xbb\xbf{"a":1}', 1),
        (b'{"a":1}\r\n{"a":2}\r\n', 2),
        (b'\n\n{"a":1}\n \t\n{"a":2}', 2),
    ],
)
def test_blank_lines_crlf_and_a_byte_order_mark_are_fine(body: bytes, rows: int) -> None:
    result = read(body, b'{"a":9}', body, columns={"a": "long"})

    assert list(result.rows.values()) == [rows, 1, rows]
    assert values(result, "a") == [*range(1, rows + 1), 9, *range(1, rows + 1)]


def test_new_columns_follow_the_declared_ones_typed_by_every_row() -> None:
    late = b'{"a":1}\n' * 2000 + b'{"a":1,"n":1.5,"o":{"x":1}}\n'

    result = read(b'{"n":1,"a":2}', late, columns={"a": "long"}, allow_new_columns=True)

    assert result.frame is not None
    assert list(result.frame.schema.items())[:3] == [
        ("a", pl.Int64()),
        ("n", pl.Float64()),
        ("o", pl.Struct({"x": pl.Int64})),
    ]
    assert result.frame["n"].drop_nulls().to_list() == [1.0, 1.5]


def test_a_new_column_of_nothing_but_nulls_is_no_column_yet() -> None:
    for allowed in (True, False):
        result = read(b'{"a":1,"n":null}', columns={"a": "long"}, allow_new_columns=allowed)

        assert result.frame is not None
        assert result.frame.columns == ["a", "_source_uri", "_source_version"]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("1", "1.5", [1.0, 1.5]),
        ("1", '"x"', ["1", "x"]),
        ("true", "1", ["true", "1"]),
        ("true", '"x"', ["true", "x"]),
        ('{"x": 1}', "1", ['{"x": 1}', "1"]),
        ('{"x": 1}', "[1]", ['{"x": 1}', "[1]"]),
        ('{"x": 1}', '{"y": "q"}', [{"x": 1, "y": None}, {"x": None, "y": "q"}]),
        ("[1]", "[1.5]", [[1.0], [1.5]]),
        ("1", "9223372036854775808", [Decimal(1), Decimal(2**63)]),
        ("true", "9223372036854775808", ["true", "9223372036854775808"]),
    ],
)
def test_types_are_unified_across_objects_in_either_order(
    first: str, second: str, expected: list[object]
) -> None:
    one, other = (f'{{"c":{value}}}'.encode() for value in (first, second))

    assert values(read(one, other), "c") == expected
    assert values(read(other, one), "c") == expected[::-1]


def test_declared_nested_columns_are_fitted_exactly() -> None:
    columns = {"o": "struct<at: timestamptz, tags: list<string>>", "l": "list<long>"}
    good = b'{"o":{"at":"2026-01-01T00:00:00Z"},"l":[1,null]}\n{"o":null,"l":[]}'

    result = read(good, b'{"o":{"zip":1}}', b'{"l":[1.5]}', columns=columns)

    assert values(result, "o") == [{"at": datetime(2026, 1, 1, tzinfo=UTC), "tags": None}, None]
    assert values(result, "l") == [[1, None], []]
    assert list(reasons(result)) == ["1", "2"]


def test_an_example_in_a_reason_is_short() -> None:
    result = read(json.dumps({"c": "x" * 10_000}).encode(), columns={"c": "long"})

    assert len(reasons(result)["0"]) < 120


def test_files_put_together_may_have_a_mark_before_any_line() -> None:
    mark = b"\xef\xbb\xbf"

    result = read(mark + b'{"a": 1}\n' + mark + b'{"a": 2}\n' + mark, columns={"a": "long"})

    assert values(result, "a") == [1, 2]


@pytest.mark.parametrize(
    "body",
    [
        b'[{"a":1},{"a":2}]',
        b'[\n  {"a":1},\n  {"a":2}\n]',
        b'{\n  "a": 1\n}',
        b'[{\n "a": 1},{"a":2}]',
    ],
)
@pytest.mark.parametrize("quarantines", [True, False])
def test_a_json_document_is_told_how_it_is_read(body: bytes, quarantines: bool) -> None:
    result = read_objects(fetched(body), Reading("ndjson", Target({"a": "long"}), quarantines=quarantines))

    bad = result.rejected["reason"].to_list() if result.rejected is not None else []
    assert "`format: json` reads" in [*bad, *reasons(result).values()][0]


@pytest.mark.parametrize("body", [b'{"a":1}\n{"a":', b"<html>", b'{"a":1}x'])
def test_what_is_no_json_document_is_not(body: bytes) -> None:
    assert "format: json" not in reasons(read(body, columns={"a": "long"}))["0"]


def test_an_array_within_a_json_document_is_not_told_to_be_one() -> None:
    assert reasons(read(b"[[1]]", columns={"a": "long"}, file_format="json")) == {
        "0": "unreadable: line 1 is not a JSON object: [1]"
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ('{"x": 1, "y": null}', {"x": 1}),
        ('{"x": 1, "y": []}', {"x": 1}),
        ('{"x": 1, "y": [{}], "z": {"w": [null]}}', {"x": 1}),
        ('[{"x": null, "y": 2}]', [{"y": 2}]),
    ],
)
def test_a_part_of_a_new_column_that_is_empty_is_left_out_until_it_has_a_type(
    value: str, expected: object
) -> None:
    body = b'{"a": 1, "o": %s}' % value.encode()

    assert values(read(body), "o") == [expected]
    assert values(read(body, columns={"a": "long"}, allow_new_columns=True), "o") == [expected]


def test_a_new_column_of_nothing_but_empty_parts_is_no_column_yet() -> None:
    result = read(b'{"a": 1, "o": [{}], "p": [[null]]}', columns={"a": "long"}, allow_new_columns=True)

    assert result.frame is not None
    assert result.frame.columns == ["a", "_source_uri", "_source_version"]


def test_nested_column_has_its_own_type_beside_one_that_mixes_objects_and_numbers() -> None:
    body = b"""{"b": {"q": 1}, "s": {"p": 1.50}, "l": [1], "e": {}, "m": {"x": 1}}
{"b": 7, "s": {"p": 2, "r": "t"}, "l": [2, 3], "e": {}, "m": {"x": {"y": 1}}}
"""
    columns = read(body).frame

    assert columns is not None
    assert columns["b"].to_list() == ['{"q": 1}', "7"]
    assert columns.schema["s"] == pl.Struct({"p": pl.Float64(), "r": pl.String()})
    assert columns["l"].to_list() == [[1], [2, 3]]
    assert "e" not in columns.columns
    assert columns["m"].to_list() == [{"x": "1"}, {"x": '{"y": 1}'}]


@pytest.mark.parametrize("between", [b"", b" ", b"\t "])
def test_several_objects_on_a_line_are_as_many_rows(between: bytes) -> None:
    body = b'{"a":1}%s{"a":2}\n\n{"a":3}%s{"a":"x"}\r\n{"a":5}' % (between, between)
    columns = {"a": "long"}

    whole = read_objects(fetched(body), Reading("ndjson", Target(columns), quarantines=True))

    assert values(whole, "a") == [1, 2, 3, 5]
    assert whole.rejected is not None
    assert whole.rejected["raw"].to_list() == ['{"a":"x"}']
    assert whole.rejected["line_number"].to_list() == [3]
