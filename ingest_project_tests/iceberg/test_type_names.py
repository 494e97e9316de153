"""Iceberg's type names are read and written without loss, and refused in words a person can act on."""

import pytest
from hypothesis import given

from ingest_project.iceberg.type_names import can_become, covers, parse_type, type_name
from ingest_project_tests.type_names import sound_names


@given(sound_names)
def test_a_type_survives_being_written_and_read_again(name: str) -> None:
    parsed = parse_type(name)
    assert covers(parse_type(type_name(parsed)), parsed)
    assert type_name(parse_type(type_name(parsed))) == type_name(parsed)


def test_space_does_not_matter() -> None:
    assert type_name(parse_type(" decimal( 12 , 2 ) ")) == "decimal(12,2)"
    assert type_name(parse_type("struct<a:int,b:list< string >>")) == "struct<a: int, b: list<string>>"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "bogus",
        "decimal",
        "decimal(50,2)",
        "decimal(2,5)",
        "fixed",
        "list",
        "list<int",
        "int>",
        "map<int>",
        "struct<a int>",
        "set<int>",
        "timestamp_ns",
        "geometry",
        "integer",
        "str;ing",
    ],
)
def test_what_is_not_a_type_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"Iceberg|decimal|type ends") as caught:
        parse_type(name)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    ("actual", "declared"),
    [
        ("int", "long"),
        ("float", "double"),
        ("decimal(10,2)", "decimal(12,2)"),
        ("struct<a: int>", "struct<a: long, b: string>"),
        ("list<int>", "list<long>"),
        ("map<string, int>", "map<string, long>"),
    ],
)
def test_iceberg_widens(actual: str, declared: str) -> None:
    assert can_become(parse_type(actual), parse_type(declared))
    assert not covers(parse_type(actual), parse_type(declared))


@pytest.mark.parametrize(
    ("actual", "declared"),
    [
        ("long", "int"),
        ("long", "string"),
        ("string", "binary"),
        ("timestamp", "timestamptz"),
        ("decimal(10,2)", "decimal(12,3)"),
        ("decimal(12,2)", "decimal(10,2)"),
        ("list<string>", "string"),
        ("string", "list<string>"),
        ("map<int, string>", "map<long, string>"),
        ("struct<a: string>", "struct<a: int>"),
    ],
)
def test_iceberg_does_not_narrow_or_convert(actual: str, declared: str) -> None:
    assert not can_become(parse_type(actual), parse_type(declared))


def test_a_struct_with_more_fields_covers_one_with_fewer() -> None:
    assert covers(parse_type("struct<a: int, b: string>"), parse_type("struct<b: string>"))
    assert not covers(parse_type("struct<b: string>"), parse_type("struct<a: int, b: string>"))
