"""JSON's fractions are the floats nearest to them, wherever in a value they are."""

import pytest

from ingest_project_tests.reading.factories import read, reasons, values

TENTH = 0.10000000149011612
"""The float nearest to 0.1."""


@pytest.mark.parametrize(
    ("type_name", "text", "expected"),
    [
        ("float", "0.1", TENTH),
        ("float", "16777216", 16777216.0),
        ("list<float>", "[0.1, null, 2]", [TENTH, None, 2.0]),
        ("map<string, float>", '{"a": 0.1}', {"a": TENTH}),
        ("struct<a: float, b: list<struct<c: float>>>", '{"a": 0.1, "b": [{"c": 0.1}, null]}',
            {"a": TENTH, "b": [{"c": TENTH}, None]}),
        ("struct<a: double, b: float>", '{"a": 0.1, "b": 0.1}', {"a": 0.1, "b": TENTH}),
    ],
)  # fmt: skip
def test_a_fraction_is_the_float_nearest_to_it(type_name: str, text: str, expected: object) -> None:
    result = read(b'{"c": null}\n{"c": %s}' % text.encode(), columns={"c": type_name})

    assert values(result, "c") == [None, expected]


@pytest.mark.parametrize(
    ("type_name", "text"),
    [
        ("float", "16777217"),
        ("float", "1e39"),
        ("list<float>", "[0.1, 1e+39]"),
        ("list<float>", "[16777217]"),
    ],
)
def test_a_number_that_no_float_stands_for_is_none(type_name: str, text: str) -> None:
    body = b'{"c": %s}' % text.replace("'", '"').encode()

    result = read(body, columns={"c": type_name})

    assert reasons(result) == {"0": f"schema: column 'c', line 1: {text} is not a valid {type_name}"}
