"""A number in a text column, or in JSON in one, is spelled as in the file, whatever else the file has."""

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut, texts

BEYOND_DOUBLES = "1E400"
"""Polars reads no object or array that holds such a number."""
SPELLINGS = [
    "2.50",
    "1.10",
    "1.0",
    "-0",
    "-0.0",
    "1e5",
    "1E-7",
    "0.00001",
    BEYOND_DOUBLES,
    "123456789012345678.50",
    "7",
]
DEEP = "[" * 15 + "1.50" + "]" * 15


@pytest.mark.parametrize("number", SPELLINGS)
@pytest.mark.parametrize(
    "line", ['{{"s":{}}}', '{{"o": {{"s": 1.5}}, "s" : {}}}', '{{"o": ' + DEEP + ', "s": {}}}']
)
def test_a_number_in_a_text_column_is_as_it_is_written(number: str, line: str) -> None:
    body = line.format(number).encode()

    assert values(read(body, columns={"s": "string", "o": "string"}), "s") == [number]


@pytest.mark.parametrize("number", [one for one in SPELLINGS if one != BEYOND_DOUBLES])
@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [
        ("string", '{{"s": [{}]}}', '{{"s": [{}]}}'),
        ("struct<v: string>", '{{"v": {}}}', {"v": "{}"}),
        ("list<string>", "[{}]", ["{}"]),
        ("map<string, string>", '{{"v": {}}}', {"v": "{}"}),
        ("struct<v: list<struct<w: string>>>", '{{"v": [{{"w": {}}}]}}', {"v": [{"w": "{}"}]}),
    ],
)
def test_a_number_within_a_column_is_as_it_is_written(
    number: str, type_name: str, value: str, expected: object
) -> None:
    result = read(f'{{"n": {value.format(number)}}}'.encode(), columns={"n": type_name})

    assert str(values(result, "n")) == str([expected]).replace("{}", number).replace("{{", "{").replace(
        "}}", "}"
    )


def test_a_number_of_another_column_of_the_same_key_stays_a_number() -> None:
    result = read(b'{"v":1,"n":{"v":1}}\n{"v":3e2}', columns={"v": "string", "n": "string"})

    assert values(result, "v") == ["1", "3e2"]
    assert values(result, "n") == ['{"v":1}', None]


@pytest.mark.parametrize("text", ["01.5", "1.2.3", "2026-01-02", "1.", "+1.5", ".5"])
def test_what_is_no_number_of_json_does_not_become_text(text: str) -> None:
    result = read(f'{{"s": {text}, "t": 2.50}}'.encode(), columns={"s": "string", "t": "string"})

    assert reasons(result)["0"].startswith("unreadable: line 1 is not valid JSON")


def test_keys_and_values_that_look_like_members_are_none() -> None:
    body = b'{"\\"s":1.50,"t":"\\"s\\": 2.50, {","s": 3.50}'

    result = read(body, columns={"s": "string", "t": "string"}, allow_new_columns=True)

    assert values(result, "s") == ["3.50"]
    assert values(result, "t") == ['"s": 2.50, {']
    assert values(result, '"s') == [1.5]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"u":"x"}\n{"u":2.50}\n{"u":-0}\n{"u":[1.0]}', ["x", "2.50", "-0", "[1.0]"]),
        (b'{"u":true}\n{"u":1e5}', ["true", "1e5"]),
        (b'{"u":{"v":"x"}}\n{"u":{"v":2.50}}', [{"v": "x"}, {"v": "2.50"}]),
        (b'{"u":["x",2.50,-0]}', [["x", "2.50", "-0"]]),
    ],
)
def test_numbers_among_texts_that_nobody_declared_keep_their_spelling(
    body: bytes, expected: list[object]
) -> None:
    assert values(read(body), "u") == expected


def test_the_spelling_does_not_depend_on_the_piece() -> None:
    body = b'{"s":2.50}\n{"s":1e5}\n{"s":-0}\n{"s":1}\n'

    pieces = texts(cut(body, piece_bytes=10))

    assert len(pieces) > 1
    found = [values(read(one, columns={"s": "string"}), "s") for one in pieces]
    assert [value for piece in found for value in piece] == ["2.50", "1e5", "-0", "1"]


@pytest.mark.parametrize(
    ("type_name", "body", "expected"),
    [
        ("string", b'{"a":{"n":2.50}}\n{"a":{"n":1}}\n{"a":null}', ["2.50", "1", None]),
        ("string", b'{"a.n":2.50,"a":{"n":1.50}}\n{"a":{"n":1.50}}', ["2.50", "1.50"]),
        ("decimal(12,2)", b'{"a":{"n":2.50}}', ["2.50"]),
        ("decimal(38,2)", b'{"a":{"n":12345678901234567890.50}}', ["12345678901234567890.50"]),
    ],
)
def test_what_lies_under_a_path_is_as_it_is_written(
    type_name: str, body: bytes, expected: list[object]
) -> None:
    target = Target(None, mapping=ColumnMapping((MappedColumn("z", type_name, "a.n"),)))

    result = read_objects(fetched(body), Reading("ndjson", target))

    assert [one if one is None else str(one) for one in values(result, "z")] == expected


def test_a_path_changes_no_number_of_another_column() -> None:
    mapping = ColumnMapping((MappedColumn("z", "string", "a.n"), MappedColumn("o", "string", "o")))
    body = b'{"a":{"n":12345678901234567.50,"m":1.5},"o":{"n":12345678901234567.50}}'

    result = read_objects(fetched(body), Reading("ndjson", Target(None, mapping=mapping)))

    assert values(result, "z") == ["12345678901234567.50"]
    assert values(result, "o") == ['{"n":12345678901234567.50}']
    assert values(result, "a") == [{"n": 12345678901234567.50, "m": 1.5}]


def test_objects_under_a_path_hold_numbers() -> None:
    target = Target(None, mapping=ColumnMapping((MappedColumn("z", "string", "a.n"),)))

    result = read_objects(fetched(b'{"a":{"n":{"x":1}}}\n{"a":"t"}'), Reading("ndjson", target))

    assert values(result, "z") == ['{"x":1}', None]
