"""Declared nested columns of NDJSON: every value and digit, or the row's fault; never a field passed over."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_project_tests.reading.factories import read, reasons, values


def lines(*contents: str) -> bytes:
    return "".join(f'{{"c":{content}}}\n' for content in contents).encode()


@pytest.mark.parametrize(
    ("type_name", "content", "value"),
    [
        ("map<string, long>", '{"a": 1, "b": null}', {"a": 1, "b": None}),
        ("map<int, string>", '{"1": "x", "-2": 1.5}', {1: "x", -2: "1.5"}),
        ("map<string, list<map<string, double>>>", '{"a": [{"b": 1}]}', {"a": [{"b": 1.0}]}),
        ("list<decimal(38,10)>", "[1.10, 12345678901234567890.1234567891]",
            [Decimal("1.1"), Decimal("12345678901234567890.1234567891")]),
        ("list<decimal(38,10)>", "[1e-10]", [Decimal("1e-10")]),
        ("struct<a: decimal(38,0)>", '{"a": 12345678901234567890123456789012345678}',
            {"a": Decimal(12345678901234567890123456789012345678)}),
        ("list<string>", '["x", 12345678901234567890.5, true, [1]]',
            ["x", "12345678901234567890.5", "true", "[1]"]),
        ("struct<a: long, b: string>", '{"a": 1, "a": 2, "b": "\\":"}', {"a": 2, "b": '":'}),
        ("struct<a: long>", "{}", {"a": None}),
        ("struct<a: long>", '{"a": 1, "b": null, "c": [], "d": {"e": [{}]}}', {"a": 1}),
        ("struct<a: decimal(38,0)>", '{"a": 12345678901234567890, "b": null, "c": [{}]}',
            {"a": Decimal(12345678901234567890)}),
        ("list<struct<a: long>>", '[{"a": 1, "b": {}}, {"b": {"c": null}}]', [{"a": 1}, {"a": None}]),
        ("struct<a: long>", "null", None),
    ],
)  # fmt: skip
def test_a_nested_value_comes_in_as_it_is_written(type_name: str, content: str, value: object) -> None:
    result = read(lines(content, "null"), columns={"c": type_name})

    assert result.failures == ()
    assert values(result, "c") == [value, None]


@pytest.mark.parametrize(
    ("type_name", "content"),
    [
        ("map<int, string>", '{"x": "y"}'),
        ("map<string, long>", '{"x": "one"}'),
        ("map<string, long>", "[1]"),
        ("list<long>", "[1.0]"),
        ("list<long>", "[9223372036854775808]"),
        ("list<boolean>", '["yes"]'),
        ("list<long>", '"[1]"'),
        ("list<decimal(5,2)>", "[1.005]"),
        ("list<decimal(5,2)>", "[12345678901234567890]"),
        ("list<double>", '["NaN"]'),
        ("list<decimal(5,2)>", '["NaN"]'),
        ("struct<a: uuid>", '{"a": "x"}'),
        ("struct<a: long>", '{"a": 1, "b": 2}'),
        ("struct<a: map<string, long>>", '{"a": {}, "b": 2}'),
        ("list<struct<a: fixed[2]>>", '[{"a": "AP8A"}]'),
    ],
)
def test_a_value_of_another_type_fails_its_object_alone(type_name: str, content: str) -> None:
    good = lines("null")

    result = read(good, lines(content), good, columns={"c": type_name})

    assert list(reasons(result)) == ["1"]
    assert reasons(result)["1"].startswith("schema: column 'c'")
    assert values(result, "c") == [None, None]


@given(
    st.lists(
        st.none()
        | st.dictionaries(st.text(max_size=4), st.none() | st.integers(-(2**63), 2**63 - 1), max_size=4),
        max_size=5,
    )
)
def test_maps_are_those_that_python_reads(rows: list[dict[str, int | None] | None]) -> None:
    body = "".join(json.dumps({"n": 1, "c": row}, separators=(",", ":")) + "\n" for row in rows).encode()

    result = read(body, columns={"n": "long", "c": "map<string, long>"})

    assert result.failures == ()
    assert result.frame is None or values(result, "c") == rows


@pytest.mark.parametrize(
    ("type_name", "text", "expected"),
    [
        ("struct<a: string>", '{"a": 1.10, "b": 2}', {"a": "1.10", "b": 2}),
        ("list<struct<a: decimal(5,2)>>", '[{"a": 1.5, "b": 2}]', [{"a": Decimal("1.5"), "b": 2}]),
    ],
)
def test_a_new_field_takes_no_digits_from_the_known_ones(type_name: str, text: str, expected: object) -> None:
    result = read(b'{"c": %s}' % text.encode(), columns={"c": type_name}, allow_new_columns=True)

    assert values(result, "c") == [expected]
