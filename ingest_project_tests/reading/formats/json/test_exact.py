"""Numbers within objects and arrays are read as they are written."""

import pytest

from ingest_project_tests.reading.factories import read, reasons, values

NO_DOUBLE = b"9007199254740993"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a": [%s, 1.5]}' % NO_DOUBLE, [["9007199254740993", "1.5"]]),
        (b'{"a": {"b": %s}}\n{"a": {"b": 0.5}}' % NO_DOUBLE, [{"b": "9007199254740993"}, {"b": "0.5"}]),
        (b'{"a": [{"b": [%s, 0.5]}]}' % NO_DOUBLE, [[{"b": ["9007199254740993", "0.5"]}]]),
        (b'{"a": [9007199254740992, 1.5]}', [[9007199254740992.0, 1.5]]),
        (b'{"a": [%s]}' % NO_DOUBLE, [[9007199254740993]]),
    ],
)
def test_integers_among_fractions_keep_their_digits(body: bytes, expected: list[object]) -> None:
    assert values(read(body), "a") == expected


def test_integers_of_several_objects_keep_their_digits_too() -> None:
    result = read(b'{"a": [%s]}' % NO_DOUBLE, b'{"a": [0.5]}')

    assert values(result, "a") == [["9007199254740993"], ["0.5"]]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            b'{"a": {"b": "x", "n": 1}}\n{"a": null}\n{"a": {"b": 12345678901234567890.123}}',
            [{"b": "x", "n": 1}, None, {"b": "12345678901234567890.123", "n": None}],
        ),
        (
            b'{"a": ["x", 12345678901234567890.123, {"k": 1.0}]}',
            [["x", "12345678901234567890.123", '{"k": 1.0}']],
        ),
    ],
)
def test_numbers_among_texts_keep_their_digits(body: bytes, expected: list[object]) -> None:
    assert values(read(body), "a") == expected


@pytest.mark.parametrize(
    ("type_name", "value", "shown"),
    [
        ("list<double>", "[9007199254740993]", "[9007199254740993] is not a valid list<double>"),
        ("struct<x: double>", "{'x': 9007199254740993}", "9007199254740993 in 'c.x' is not a valid double"),
        (
            "map<string, double>",
            "{'x': 9007199254740993}",
            "{'x': 9007199254740993} is not a valid map<string, double>",
        ),
        (
            "struct<x: struct<y: list<int>, z: date>>",
            "{'x': {'y': [1], 'z': 'soon'}}",
            "'soon' in 'c.x.z' is not a valid date",
        ),
        (
            "struct<x: struct<y: list<int>, z: date>>",
            "{'x': {'y': [1, 'a'], 'z': 'soon'}}",
            "[1, 'a'] in 'c.x.y' is not a valid list<int>",
        ),
    ],
)
def test_a_part_of_a_value_that_is_not_valid_is_named_by_its_path(
    type_name: str, value: str, shown: str
) -> None:
    body = b'{"c": %s}' % value.replace("'", '"').encode()

    result = read(body, columns={"c": type_name})

    assert reasons(result) == {"0": f"schema: column 'c', line 1: {shown}"}


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_an_integer_of_more_than_64_bits_may_lie_in_objects_in_an_array(number: int) -> None:
    result = read(b'{"a": [{"b": %d}]}' % number)

    assert values(result, "a") == [[{"b": number}]]
