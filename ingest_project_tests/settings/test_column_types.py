import pytest
from pyiceberg.types import NestedField

from ingest_project.settings.column_types import type_fault
from ingest_project.settings.type_grammar import PRIMITIVE_TYPES

SOUND = [*PRIMITIVE_TYPES, "decimal(1,0)", "decimal(38,38)", "decimal(12, 2)", "fixed[16]"]


@pytest.mark.parametrize("name", SOUND)
def test_each_accepted_type_is_one_that_pyiceberg_reads(name: str) -> None:
    assert type_fault(name) is None
    NestedField.model_validate({"id": 1, "name": "column", "required": False, "type": name})


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("strng", "string"),
        ("bigint", "long"),
        ("INTEGER", "int"),
        ("varchar(20)", "string"),
        ("Long", "long"),
        ("timestmptz", "timestamptz"),
        ("numeric(12,2)", "decimal(p,s)"),
    ],
)
def test_an_unknown_type_comes_with_the_one_that_was_probably_meant(name: str, meant: str) -> None:
    assert type_fault(name) == f"not an Iceberg type; did you mean {meant}?"


@pytest.mark.parametrize(
    "name", ["", "decimal", "fixed[0]", "fixed", "decimal(12", "decimal(a,b)", "array<int>"]
)
def test_other_text_is_no_type(name: str) -> None:
    assert (type_fault(name) or "").startswith("not an Iceberg type; ")


@pytest.mark.parametrize("name", ["decimal(0,0)", "decimal(39,2)", "decimal(5,6)"])
def test_a_decimal_that_iceberg_cannot_hold_is_refused(name: str) -> None:
    assert "a decimal has 1 to 38 digits" in (type_fault(name) or "")
