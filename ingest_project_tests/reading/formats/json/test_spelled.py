"""A JSON string can be a number or a boolean of a declared column, by the rules of CSV."""

from decimal import Decimal

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target
from ingest_project.settings.model import SchemaEvolution
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.streams import cut, texts

SPELLED = [
    ("int", "12", 12),
    ("int", "-7", -7),
    ("long", "+1", 1),
    ("long", "9007199254740993", 9007199254740993),
    ("double", "1.5", 1.5),
    ("double", "1e3", 1000.0),
    ("double", "16777217", 16777217.0),
    ("float", "0.1", 0.10000000149011612),
    ("boolean", "true", True),
    ("boolean", "False", False),
    ("decimal(12,2)", "1.50", Decimal("1.50")),
]
UNSPELLED = [
    ("int", "2147483648"),
    ("long", "two"),
    ("long", ""),
    ("long", " 1"),
    ("long", "1.0"),
    ("long", "1e3"),
    ("long", "true"),
    ("double", ""),
    ("double", "1,5"),
    ("double", "1e400"),
    ("double", "NaN"),
    ("double", "9007199254740993"),
    ("float", "16777217"),
    ("boolean", "1"),
    ("boolean", "yes"),
    ("decimal(12,2)", "1.505"),
]


def quarantining(type_name: str, *, evolution: SchemaEvolution = "add_columns") -> Reading:
    mapping = ColumnMapping((MappedColumn("c", type_name, "c"),))
    return Reading("ndjson", Target({"c": type_name}, evolution, mapping), quarantines=True)


@pytest.mark.parametrize(("type_name", "text", "value"), SPELLED)
def test_a_string_is_the_value_that_it_spells_at_any_depth(type_name: str, text: str, value: object) -> None:
    columns = {"c": "{}", "l": "list<{}>", "m": "map<string, {}>", "s": "struct<k: list<struct<v: {}>>>"}
    line = '{"c": "@", "l": ["@", null], "m": {"k": "@"}, "s": {"k": [{"v": "@"}]}}'.replace("@", text)

    types = {name: one.format(type_name) for name, one in columns.items()}
    mapping = ColumnMapping(tuple(MappedColumn(name, one, name) for name, one in types.items()))
    result = read_objects(fetched(b"{}\n" + line.encode()), Reading("ndjson", Target(types, mapping=mapping)))

    assert reasons(result) == {}
    assert values(result, "c") == [None, value]
    assert values(result, "l") == [None, [value, None]]
    assert values(result, "m") == [None, {"k": value}]
    assert values(result, "s") == [None, {"k": [{"v": value}]}]


@pytest.mark.parametrize(("type_name", "text"), UNSPELLED)
@pytest.mark.parametrize(("nested", "line"), [("{}", '"{}"'), ("list<{}>", '["{}"]')])
def test_a_string_that_spells_nothing_of_the_type_is_a_bad_value(
    type_name: str, text: str, nested: str, line: str
) -> None:
    body = f'{{"c": {line.format(text)}}}'.encode()

    result = read(b'{"c": null}', body, columns={"c": nested.format(type_name)})

    assert list(reasons(result)) == ["1"]
    assert reasons(result)["1"].startswith("schema: column 'c'")


@pytest.mark.parametrize("value", ["1.0", "true", "[1]", '"x"', '{"a": 1}'])
def test_another_value_beside_strings_that_spell_numbers_is_no_number(value: str) -> None:
    body = b'{"c": "1"}\n{"c": %s}\n{"c": 3}' % value.encode()

    result = read_objects(fetched(body), quarantining("long"))

    assert values(result, "c") == [1, 3]
    assert result.rejected is not None
    assert result.rejected["line_number"].to_list() == [2]


def test_bad_rows_are_found_among_strings_that_spell_numbers() -> None:
    body = b'{"c": "1"}\n{"c": "two"}\n{"c": 3}\nno JSON\n'

    result = read_objects(fetched(body), quarantining("long"))

    assert values(result, "c") == [1, 3]
    assert result.rejected is not None
    assert result.rejected["reason"].to_list()[0] == "column 'c': 'two' is not a valid long"


def test_what_spells_nothing_is_rescued_and_the_rest_is_not() -> None:
    result = read_objects(fetched(b'{"c": "1"}\n{"c": "two"}'), quarantining("long", evolution="rescue"))

    assert values(result, "c") == [1, None]
    assert values(result, "_rescued_data") == [None, '{"c": "two"}']


def test_strings_that_spell_numbers_are_read_in_pieces() -> None:
    pieces = texts(cut(b'{"c":"1"}\n{"c":"2"}\n{"c":3}\n', piece_bytes=10))

    assert len(pieces) > 1
    found = [values(read(one, columns={"c": "long"}), "c") for one in pieces]
    assert [value for piece in found for value in piece] == [1, 2, 3]


def test_columns_beside_them_are_read_as_ever() -> None:
    columns = {
        "c": "long",
        "s": "string",
        "o": "struct<a: long, b: string>",
        "f": "float",
        "d": "decimal(5,2)",
    }
    body = b'{"c":"1","s":2.50,"o":{"a":1,"b":1.50},"f":0.1,"d":1.10,"new":[1]}'

    result = read(body, columns=columns, allow_new_columns=True)

    assert result.frame is not None
    assert result.frame.row(0)[:-2] == (
        1, "2.50", {"a": 1, "b": "1.50"}, 0.10000000149011612, Decimal("1.10"), [1],
    )  # fmt: skip


def test_text_that_nobody_declared_stays_text() -> None:
    assert values(read(b'{"u": "1"}\n{"u": "2"}'), "u") == ["1", "2"]
