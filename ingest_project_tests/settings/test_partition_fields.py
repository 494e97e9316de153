import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyiceberg.transforms import parse_transform
from pyiceberg.types import NestedField

from ingest_project.settings.partition_fields import (
    PartitionField,
    parse_partition_field,
    partition_sources,
    source_fault,
)
from ingest_project.settings.type_grammar import PRIMITIVE_TYPES

FLOATS = {"float", "double"}
TRANSFORMS = [
    *(PartitionField(name, "c") for name in ("identity", "void", "year", "month", "day", "hour")),
    PartitionField("bucket", "c", 16),
    PartitionField("truncate", "c", 4),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("region", PartitionField("identity", "region")),
        ("identity(region)", PartitionField("identity", "region")),
        ("day(ordered_at)", PartitionField("day", "ordered_at")),
        ("day( ordered at )", PartitionField("day", "ordered at")),
        ("bucket[16](customer_id)", PartitionField("bucket", "customer_id", 16)),
        ("truncate[4](sku)", PartitionField("truncate", "sku", 4)),
        ("void(region)", PartitionField("void", "region")),
        ("ordered at", PartitionField("identity", "ordered at")),
        ("day (place.ordered_at)", PartitionField("day", "place.ordered_at")),
        ("bucket[ 16 ]( a,b )", PartitionField("bucket", "a,b", 16)),
        ("`price (EUR)`", PartitionField("identity", "price (EUR)")),
        ("truncate[4](` a``b[0] `)", PartitionField("truncate", " a`b[0] ", 4)),
    ],
)
def test_an_entry_is_a_column_or_a_transform_of_one(text: str, expected: PartitionField) -> None:
    assert parse_partition_field(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("buckt[16](a)", "did you mean bucket"),
        ("bucket(a)", r"write bucket\[16\]\(column\)"),
        ("day[3](a)", r"write day\(column\)"),
        ("bucket[0](a)", "not a partition field"),
        ("bucket[2147483648](a)", "a width is 2147483647 at most"),
        ("price (EUR)", "no such transform|not a partition field"),
        ("day(a))", "not a partition field"),
        ("``", "not a partition field"),
        ("day(", "not a partition field"),
        ("day()", "not a partition field"),
        ("", "not a partition field"),
    ],
)
def test_an_entry_that_cannot_be_read_is_refused_with_its_remedy(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_partition_field(text)


@pytest.mark.parametrize(
    ("field", "type_name"),
    list(itertools.product(TRANSFORMS, [*sorted({*PRIMITIVE_TYPES} - FLOATS), "decimal(12,2)", "fixed[16]"])),
)
def test_a_transform_takes_the_types_that_pyiceberg_lets_it_take(
    field: PartitionField, type_name: str
) -> None:
    width = f"[{field.width}]" if field.width else ""
    transform = parse_transform(f"{field.transform}{width}")
    source = NestedField.model_validate(
        {"id": 1, "name": "c", "required": False, "type": type_name}
    ).field_type

    accepted = source_fault(field, {"c": type_name}) is None

    assert accepted == transform.can_transform(source)


@pytest.mark.parametrize("field", [one for one in TRANSFORMS if one.transform != "void"], ids=str)
@pytest.mark.parametrize("type_name", sorted(FLOATS))
def test_a_number_with_a_point_parts_no_rows(field: PartitionField, type_name: str) -> None:
    assert source_fault(field, {"c": type_name}) is not None


def test_a_column_that_is_not_declared_comes_with_the_one_that_was_probably_meant() -> None:
    fault = source_fault(PartitionField("day", "orderd_at"), {"ordered_at": "date"})

    assert fault == "no such column in `columns`; did you mean ordered_at?"


NAMES = st.text(min_size=1).filter(str.strip)


@given(NAMES)
def test_what_is_written_is_read_back(name: str) -> None:
    for field in (PartitionField("identity", name), PartitionField("bucket", name, 16)):
        assert parse_partition_field(str(field)) == field


def test_field_of_a_struct_is_a_source_and_an_element_of_a_list_is_not() -> None:
    sources = partition_sources({"place": "struct<at: struct<day: date>, tags: list<string>>", "a.b": "int"})
    assert sources["place.at.day"] == "date"
    assert sources["a.b"] == "int"
    assert "place.tags.element" not in sources
