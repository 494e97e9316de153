"""What settings accept as a type, PyIceberg and Polars accept too, and what they refuse, others refuse."""

import pytest
from hypothesis import given

from ingest_project.iceberg.type_names import parse_type, type_name
from ingest_project.reading.values.types import dtype_of, type_of
from ingest_project.settings.column_types import type_fault
from ingest_project.settings.type_grammar import MAX_DEPTH, parse_column_type
from ingest_project_tests.type_names import scrambled_names, sound_names


@given(sound_names)
def test_a_type_is_the_same_to_settings_frames_and_tables(name: str) -> None:
    assert type_fault(name) is None
    written = type_name(parse_type(name))
    assert parse_column_type(written) == parse_column_type(name)
    assert dtype_of(written) == dtype_of(name)
    assert str(parse_column_type(name)) == written


@given(scrambled_names)
def test_what_one_refuses_all_refuse(name: str) -> None:
    refused = type_fault(name) is not None
    for read in (parse_type, dtype_of):
        if refused:
            with pytest.raises(ValueError, match=r"."):
                read(name)
        else:
            read(name)


@given(sound_names)
def test_a_polars_type_tells_the_type_that_it_was_made_of(name: str) -> None:
    found = type_of(dtype_of(name))
    assert found is not None
    assert dtype_of(found) == dtype_of(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("map<list<int>, int>", "keys of a map must have a primitive type"),
        ("map<struct<a: int>, int>", "keys of a map must have a primitive type"),
        ("struct<a: int, A: long>", "two fields are named 'A'"),
        ("struct<>", "not a field's name"),
        ("struct<`a\nb`: int>", "not a field's name"),
        ("struct<` `: int>", "not a field's name"),
        ("list<int", "expected '>', found the end"),
        ("int int", "goes on after the type ends"),
        ("list<timestamp_ns>", "from format version 3 on"),
        ("variant", "from format version 3 on"),
        ("list<" * MAX_DEPTH + "int" + ">" * MAX_DEPTH, "nested more than 32 deep"),
        ("decimal(39,0)", "1 to 38 digits"),
        ("decimal(999999999999,2)", "not an Iceberg type"),
        ("fixed[0]", "fixed[n]"),
    ],
)
def test_a_type_that_is_no_column_s_is_refused_with_the_reason(name: str, reason: str) -> None:
    assert reason in (type_fault(name) or "")


def test_a_very_long_name_is_refused_without_exhausting_the_stack() -> None:
    assert "deep" in (type_fault("list<" * 100_000) or "")
