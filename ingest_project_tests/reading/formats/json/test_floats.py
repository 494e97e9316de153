"""JSON's fractions are the floats nearest to them, wherever in a value they are."""

import pytest

from ingest_project.reading.parse import Reading
from ingest_project.reading.target import Target
from ingest_project.settings.formats import TableFormat
from ingest_project_tests.reading.factories import fetched, read, read_objects, reasons, values
from ingest_project_tests.reading.typed_values import FILES

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


@pytest.mark.parametrize("file_format", ["ndjson", "json", "csv"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Each is so near to the middle of two floats that its double is that middle, which rounds to even.
        ("1.00000017881393432617187499", 1.0000001192092896),
        ("1.00000017881393432617187500", 1.000000238418579),
        ("1.00000005960464477539062501", 1.0000001192092896),
        ("7.0064923216240853546186479164495e-46", 0.0),
        ("7.0064923216240853546186479164496e-46", 1.401298464324817e-45),
    ],
)
def test_a_fraction_is_rounded_once(file_format: TableFormat, text: str, expected: float) -> None:
    body = {
        "ndjson": f'{{"c": {text}}}\n{{"c": "{text}"}}',
        "json": f'[{{"c": {text}}}, {{"c": "{text}"}}]',
        "csv": f"c\n{text}\n{text}",
    }[file_format]

    assert values(read(body.encode(), columns={"c": "float"}, file_format=file_format), "c") == [expected] * 2


def test_a_float_within_a_list_is_rounded_once() -> None:
    body = b'{"c": [1.00000017881393432617187499, 0.5]}'

    assert values(read(body, columns={"c": "list<float>"}), "c") == [[1.0000001192092896, 0.5]]


@pytest.mark.parametrize("file_format", ["parquet", "ipc", "avro", "orc"])
def test_a_double_of_a_file_with_a_schema_must_be_a_float(file_format: TableFormat) -> None:
    objects = fetched(FILES[file_format]("double", [0.5, 0.1, None, TENTH, 1e39]))

    result = read_objects(
        objects, Reading(file_format, Target({"n": "long", "c": "float"}), quarantines=True)
    )

    assert values(result, "c") == [0.5, None, TENTH]
    assert result.rejected is not None
    assert result.rejected["reason"].to_list() == [
        "column 'c': 0.1 is not a valid float",
        "column 'c': 1e+39 is not a valid float",
    ]
