import polars as pl
import pytest

from ingest_project.reading.values.types import PRIMITIVES, dtype_of, storable, with_new_fields
from ingest_project.settings.type_grammar import parse_column_type


def test_names_of_ingest_yaml_and_of_pyiceberg_are_understood() -> None:
    assert dtype_of("decimal(12,2)") == dtype_of("decimal(12, 2)") == pl.Decimal(12, 2)
    assert dtype_of("timestamptz") == pl.Datetime("us", "UTC")
    assert dtype_of(" long ") == pl.Int64


def test_nested_types_are_understood() -> None:
    name = "struct<x: decimal(9, 2), `y z`: list<struct<z: map<string, long>>>, u: uuid, f: fixed[4]>"

    assert dtype_of(name) == pl.Struct(
        {
            "x": pl.Decimal(9, 2),
            "y z": pl.List(pl.Struct({"z": pl.Map(pl.String, pl.Int64)})),
            "u": pl.Binary(),
            "f": pl.Binary(),
        }
    )


@pytest.mark.parametrize(
    "name", ["text", "fixed[0]", "list<>", "map<string>", "struct<>", "list<text>", "", "timestamp_ns"]
)
def test_other_types_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=r"type|Iceberg"):
        dtype_of(name)


@pytest.mark.parametrize("name", ["decimal(39,2)", "decimal(0,0)", "decimal(4,5)"])
def test_decimals_that_iceberg_lacks_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 38 digits"):
        dtype_of(name)


@pytest.mark.parametrize("dtype", PRIMITIVES.values())
def test_what_iceberg_has_is_stored_as_it_is(dtype: pl.DataType) -> None:
    assert storable(dtype) == dtype


def test_undeclared_types_widen_to_what_iceberg_has() -> None:
    assert storable(pl.UInt64()) == storable(pl.Int128()) == pl.Decimal(38, 0)
    assert storable(pl.Datetime("ms", "Europe/Paris")) == pl.Datetime("us", "UTC")
    assert storable(pl.Array(pl.Int8, 2)) == pl.List(pl.Int32)
    assert storable(pl.Map(pl.Categorical(), pl.UInt32)) == pl.Map(pl.String, pl.Int64)
    assert storable(pl.List(pl.Struct({"a": pl.Int8, "b": pl.Categorical()}))) == pl.List(
        pl.Struct({"a": pl.Int32, "b": pl.String})
    )


def test_new_fields_of_a_file_join_a_struct_and_its_uuids_stay_uuids() -> None:
    wanted = parse_column_type("list<struct<id: uuid, m: map<string, struct<f: fixed[2]>>>>")
    found = pl.List(
        pl.Struct(
            {
                "m": pl.Map(pl.String, pl.Struct({"f": pl.Binary, "n": pl.Int8})),
                "new": pl.Array(pl.Datetime("ms"), 2),
                "none": pl.Null,
                "empty": pl.List(pl.Struct({"x": pl.List(pl.Null)})),
                "half": pl.Struct({"a": pl.Int64, "b": pl.Struct({}), "c": pl.Null}),
                "took": pl.Duration,
            }
        )
    )

    assert str(with_new_fields(wanted, found)) == (
        "list<struct<id: uuid, m: map<string, struct<f: fixed[2], n: int>>, new: list<timestamp>, "
        "half: struct<a: long>>>"
    )
