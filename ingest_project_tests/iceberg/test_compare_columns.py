"""What would become of each column, by the types alone."""

import pytest

from ingest_project.iceberg.compare_columns import ColumnVerdict, compare_columns


@pytest.mark.parametrize(
    ("found", "actual", "verdict"),
    [
        ("long", "long", "same"),
        ("int", "long", "same"),
        ("long", "int", "widened"),
        ("double", "float", "widened"),
        ("decimal(14,2)", "decimal(12,2)", "widened"),
        ("decimal(12,3)", "decimal(12,2)", "conflict"),
        ("string", "long", "conflict"),
        ("long", "string", "conflict"),
        ("timestamp", "timestamptz", "conflict"),
        ("struct<a: long>", "struct<a: long, b: string>", "same"),
        ("struct<a: long, b: string>", "struct<a: long>", "widened"),
        ("struct<a: string>", "struct<a: long>", "conflict"),
        ("list<int>", "list<long>", "same"),
        ("list<long>", "list<int>", "widened"),
        ("map<string, int>", "map<string, long>", "same"),
        ("map<int, long>", "map<string, long>", "conflict"),
    ],
)
def test_verdict_of_two_types(found: str, actual: str, verdict: str) -> None:
    assert compare_columns({"c": found}, {"c": actual}) == (ColumnVerdict("c", verdict, found, actual),)  # type: ignore[arg-type]


def test_columns_of_one_side_only_are_missing_or_extra_in_order() -> None:
    mapped = compare_columns({"new": "long", "b": "date"}, {"a": "string", "b": "date"})

    assert [(one.name, one.verdict) for one in mapped] == [("a", "missing"), ("b", "same"), ("new", "extra")]
