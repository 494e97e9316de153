import itertools

import pytest
from pyiceberg.transforms import parse_transform
from pyiceberg.types import NestedField

from ingest_project.settings.partition_fields import PartitionField, parse_partition_field, source_fault
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
        ("bucket[0](a)", "no partition field"),
        ("day(", "no partition field"),
        ("day()", "no partition field"),
        ("", "no partition field"),
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


@pytest.mark.parametrize("field", TRANSFORMS, ids=str)
@pytest.mark.parametrize("type_name", sorted(FLOATS))
def test_a_number_with_a_point_parts_no_rows(field: PartitionField, type_name: str) -> None:
    assert source_fault(field, {"c": type_name}) is not None


def test_a_column_that_is_not_declared_comes_with_the_one_that_was_probably_meant() -> None:
    fault = source_fault(PartitionField("day", "orderd_at"), {"ordered_at": "date"})

    assert fault == "no such column in `columns`; did you mean ordered_at?"
