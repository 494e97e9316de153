"""Entries of `sort_order` are parsed, printed and refused."""

import pytest

from ingest_project.settings.sort_fields import SortField, parse_sort_field, sort_source_fault


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id", SortField("id")),
        (" id  DESC ", SortField("id", descending=True, nulls_first=False)),
        ("id asc", SortField("id")),
        ("id nulls last", SortField("id", nulls_first=False)),
        ("id desc nulls first", SortField("id", descending=True)),
        ("order id desc", SortField("order id", descending=True, nulls_first=False)),
        ("`a desc`", SortField("a desc")),
        ("place.zip desc", SortField("place.zip", descending=True, nulls_first=False)),
        ("`a``(b)` nulls last", SortField("a`(b)", nulls_first=False)),
        ("desc", SortField("desc")),
    ],
)
def test_an_entry_is_parsed_and_its_text_means_the_same(text: str, expected: SortField) -> None:
    assert parse_sort_field(text) == expected
    assert parse_sort_field(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "day(at)", "a`b", "`a", "bucket[4](a)"])
def test_what_is_no_entry_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(ValueError, match="desc"):
        parse_sort_field(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id", None),
        ("place.zip", None),
        ("ids", "no such column"),
        ("place", "a struct has no order"),
        ("tags", "a list has no order"),
    ],
)
def test_the_column_must_have_an_order(text: str, expected: str | None) -> None:
    columns = {"id": "long", "place": "struct<zip: string>", "tags": "list<string>"}
    fault = sort_source_fault(parse_sort_field(text), columns)
    assert fault is None if expected is None else fault is not None and expected in fault
