"""Columns become schemas and come back; Arrow's types become Iceberg's names."""

import pyarrow as pa
import pytest

from ingest_project.iceberg.schema import (
    columns_in,
    columns_of,
    impossible_changes,
    schema_difference,
    schema_of,
)
from ingest_project.settings.model import PROVENANCE_COLUMNS


def test_provenance_columns_end_every_schema_and_hide_among_columns() -> None:
    columns = {"id": "long", "tags": "list<string>"}
    schema = schema_of(columns)
    assert schema.column_names[-4:] == list(PROVENANCE_COLUMNS)
    assert str(schema.find_type("_ingested_at")) == "timestamptz"
    assert columns_in(schema) == columns


def test_every_field_id_is_used_once() -> None:
    schema = schema_of({"a": "struct<x: list<int>, y: map<string, struct<z: int>>>", "b": "int"})
    ids = list(schema.field_ids)
    assert len(ids) == len(set(ids))
    assert len(schema._lazy_id_to_name) == len(ids)


def test_a_wrong_type_is_reported_with_its_column() -> None:
    with pytest.raises(ValueError, match="column amount: 'money'"):
        schema_of({"amount": "money"})


def test_arrow_types_are_named_in_icebergs_words() -> None:
    line: pa.DataType = pa.struct([("sku", pa.string()), ("at", pa.timestamp("ns"))])
    types: dict[str, pa.DataType] = {
        "flag": pa.bool_(),
        "small": pa.uint8(),
        "big": pa.uint32(),
        "price": pa.decimal128(12, 2),
        "naive": pa.timestamp("ns"),
        "aware": pa.timestamp("ms", "Europe/Berlin"),
        "day": pa.date32(),
        "clock": pa.time64("ns"),
        "text": pa.large_string(),
        "category": pa.dictionary(pa.uint32(), pa.large_string()),
        "nulls": pa.null(),
        "raw": pa.large_binary(),
        "lines": pa.large_list(line),
        "attributes": pa.map_(pa.string(), pa.float32()),
        "_source_uri": pa.string(),
    }
    assert columns_of(pa.schema(types)) == {
        "flag": "boolean",
        "small": "int",
        "big": "int",
        "price": "decimal(12,2)",
        "naive": "timestamp",
        "aware": "timestamptz",
        "day": "date",
        "clock": "time",
        "text": "string",
        "category": "string",
        "nulls": "string",
        "raw": "binary",
        "lines": "list<struct<sku: string, at: timestamp>>",
        "attributes": "map<string, float>",
    }


def test_an_arrow_type_that_iceberg_lacks_names_its_column() -> None:
    with pytest.raises(ValueError, match="'took'"):
        columns_of(pa.schema({"took": pa.duration("us")}))


def test_difference_names_missing_columns_and_other_types_only() -> None:
    declared = {"id": "long", "amount": "decimal(12, 2)", "note": "string"}
    actual = {"id": "int", "amount": "decimal(12,2)", "extra": "string"}
    lines = schema_difference(declared, actual)
    assert len(lines) == 2
    assert "column id is declared as long, but the table has int" in lines
    assert any(line.startswith("column note") for line in lines)


def test_impossible_changes_name_column_and_remedy() -> None:
    lines = impossible_changes({"id": "long", "at": "timestamptz"}, {"id": "int", "at": "string"})
    assert len(lines) == 1
    assert 'declare at: "string"' in lines[0]
