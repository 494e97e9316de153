"""New fields within nested columns: a row or an object never decides on the fate of another one."""

import json
from decimal import Decimal
from itertools import permutations

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.read import ReadResult
from ingest_project.reading.target import Target
from ingest_project.settings.model import SchemaEvolution
from ingest_project_tests.reading.factories import fetched, read_objects, reasons, values


def found(
    *lines: str, column: str, type_name: str, evolution: SchemaEvolution = "add_columns", apart: bool = False
) -> ReadResult:
    """The rows of these lines, in one object or in one for each."""
    bodies = [line.encode() + b"\n" for line in lines]
    reading = Reading("ndjson", Target({column: type_name}, evolution), quarantines=True)
    return read_objects(fetched(*(bodies if apart else [b"".join(bodies)])), reading)


def bad(result: ReadResult) -> list[str]:
    return [] if result.rejected is None else result.rejected["raw"].to_list()


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize(
    ("type_name", "good", "wrong", "expected"),
    [
        (
            "struct<x: struct<a: long>>",
            ['{"s":{"x":{"a":1,"b":2}}}'],
            ['{"s":{"x":5}}'],
            [{"x": {"a": 1, "b": 2}}],
        ),
        ("list<struct<a: long>>", ['{"s":[{"a":1,"b":2}]}'], ['{"s":[5]}'], [[{"a": 1, "b": 2}]]),
        (
            "struct<c: long>",
            ['{"s":{"c":1,"a":[]}}', '{"s":{"c":1,"a":{"b":1}}}'],
            ['{"s":{"c":"x","a":5}}'],
            [{"c": 1, "a": "[]"}, {"c": 1, "a": '{"b":1}'}],
        ),
        (
            "struct<a: long>",
            ['{"s":{"a":1,"n":{}}}', '{"s":{"a":1,"n":5}}'],
            ['{"s":{"a":"x"}}'],
            [{"a": 1, "n": "{}"}, {"a": 1, "n": "5"}],
        ),
    ],
)
def test_a_bad_row_keeps_no_new_field_away_from_good_ones(
    type_name: str, good: list[str], wrong: list[str], expected: list[object], *, apart: bool
) -> None:
    for lines in permutations([*good, *wrong]):
        result = found(*lines, column="s", type_name=type_name, apart=apart)

        if not apart:
            assert result.failures == ()
        assert bad(result) == wrong or set(reasons(result)) == {str(lines.index(one)) for one in wrong}
        rows = {json.dumps(row): row for row in values(result, "s")}
        assert set(rows) == {json.dumps(one) for one in expected}


@pytest.mark.parametrize("evolution", ["add_columns", "fail", "rescue"])
def test_a_bad_value_in_a_map_of_structs_is_a_bad_row(evolution: SchemaEvolution) -> None:
    lines = ('{"m":{"x":{"n":null}}}', '{"m":{"b":5,"c":{"n":[1]}}}')

    result = found(
        *lines, column="m", type_name="map<string, struct<n: list<long>>>", evolution=evolution, apart=True
    )

    assert reasons(result) == {} if evolution == "rescue" else set(reasons(result)) <= {"1"}
    assert values(result, "m")[0] == {"x": {"n": None}}


def test_a_new_field_in_the_values_of_a_map_has_the_type_of_all() -> None:
    lines = ('{"m":{"k1":{"a":1,"b":1}}}', '{"m":{"k2":{"a":1,"b":1.5}}}')

    for order in (lines, lines[::-1]):
        result = found(*order, column="m", type_name="map<string, struct<a: long>>")
        assert bad(result) == []
        assert {json.dumps(one) for one in values(result, "m")} == {
            '{"k1": {"a": 1, "b": 1.0}}', '{"k2": {"a": 1, "b": 1.5}}'
        }  # fmt: skip


def test_a_map_may_have_any_keys_beside_a_new_field() -> None:
    lines = [f'{{"m":{{"k{n}":{{"a":1,"b":1}}}}}}' for n in range(8000)] + ['{"m":{"\\u0000":{"a":1,"b":2}}}']

    result = found(*lines, column="m", type_name="map<string, struct<a: long>>")

    assert bad(result) == []
    assert values(result, "m")[-1] == {"\0": {"a": 1, "b": 2}}


def test_integers_that_python_cannot_read_are_bad_values() -> None:
    big = "1" * 5000
    result = found(f'{{"a":[{big}]}}', '{"a":1}', column="a", type_name="long")
    nested = found(f'{{"a":{{"b":1,"c":[{big}]}}}}', '{"a":{"b":1}}', column="a", type_name="struct<b: long>")

    assert values(result, "a") == [1]
    assert values(nested, "a") == [{"b": 1, "c": [big]}, {"b": 1, "c": None}]


@pytest.mark.parametrize("depth", [500, 920, 960])
@pytest.mark.parametrize("evolution", ["add_columns", "fail"])
def test_a_deep_value_beside_a_struct_s_fields_fails_no_other_row(
    depth: int, evolution: SchemaEvolution
) -> None:
    deep = f'{{"a":{{"c":{"[" * depth + "]" * depth}}}}}'

    result = found(deep, '{"a":{"b":1}}', column="a", type_name="struct<b: long>", evolution=evolution)

    assert result.failures == ()
    assert [row["b"] for row in values(result, "a") if isinstance(row, dict)][-1] == 1


def test_a_line_that_goes_on_in_the_next_one_is_no_object() -> None:
    result = found('{"a":"x"}{"n":', '{"a":1}}', '{"a":2}', column="a", type_name="long")

    assert values(result, "a") == [2]
    assert bad(result) == ['{"a":"x"}', '{"n":', '{"a":1}}']


@pytest.mark.parametrize(("element", "seven"), [("long", 7), ("decimal(5,2)", Decimal(7)), ("double", 7.0)])
@pytest.mark.parametrize("neighbour", ['{"a":[1]}', '{"a":["1"]}', '{"a":null}'])
def test_codes_within_nested_columns_are_no_numbers(element: str, seven: object, neighbour: str) -> None:
    result = found('{"a":["007"]}', neighbour, '{"a":["7"]}', column="a", type_name=f"list<{element}>")

    assert bad(result) == ['{"a":["007"]}']
    assert values(result, "a")[-1] == [seven]


@pytest.mark.parametrize("neighbour", ['{"a":1.5}', '{"a":"1.5"}'])
def test_a_zero_does_not_depend_on_its_neighbours(neighbour: str) -> None:
    result = found('{"a":-0}', neighbour, column="a", type_name="double")

    assert [str(one) for one in values(result, "a")] == ["0.0", "1.5"]


def test_many_marks_before_a_line_are_skipped() -> None:
    assert values(found("\ufeff\ufeff" + '{"a":1}', column="a", type_name="long"), "a") == [1]


def test_many_names_and_many_misfits() -> None:
    """Both once took time by the square of their number."""
    names = [f'{{"id":1,"k{n}":1}}' for n in range(1000)]
    columns = {f"c{n}": "long" for n in range(2000)}
    row = "{" + ",".join(f'"{name}":"1"' for name in columns) + "}\n"

    assert found(*names, column="id", type_name="long", apart=True).failures == ()
    assert values(read_objects(fetched(row.encode()), Reading("ndjson", Target(columns))), "c1999") == [1]
