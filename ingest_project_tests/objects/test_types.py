import polars as pl
import pytest

from ingest_project.objects.types import PRIMITIVES, dtype_of, storable


def test_names_of_ingest_yaml_and_of_pyiceberg_are_understood() -> None:
    assert dtype_of("decimal(12,2)") == dtype_of("decimal(12, 2)") == pl.Decimal(12, 2)
    assert dtype_of("timestamptz") == pl.Datetime("us", "UTC")
    assert dtype_of(" long ") == pl.Int64


def test_nested_types_are_understood_as_pyiceberg_prints_them() -> None:
    name = "struct<1: x: optional decimal(9, 2) (in EUR, net), 2: y: required list<struct<3: z: optional map<string, long>>>>"

    assert dtype_of(name) == pl.Struct(
        {"x": pl.Decimal(9, 2), "y": pl.List(pl.Struct({"z": pl.Map(pl.String, pl.Int64)}))}
    )
    assert dtype_of("struct<x: long, y: string>") == pl.Struct({"x": pl.Int64, "y": pl.String})


@pytest.mark.parametrize(
    "name", ["text", "uuid", "fixed[4]", "list<>", "map<string>", "struct<>", "list<text>", ""]
)
def test_other_types_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match="type"):
        dtype_of(name)


@pytest.mark.parametrize("name", ["decimal(39,2)", "decimal(0,0)", "decimal(4,5)"])
def test_decimals_that_iceberg_lacks_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 38 digits"):
        dtype_of(name)


@pytest.mark.parametrize("dtype", PRIMITIVES.values())
def test_what_iceberg_has_is_stored_as_it_is_but_for_nanoseconds(dtype: pl.DataType) -> None:
    if isinstance(dtype, pl.Datetime):
        assert storable(dtype) == pl.Datetime("us", dtype.time_zone)
    else:
        assert storable(dtype) == dtype


def test_undeclared_types_widen_to_what_iceberg_has() -> None:
    assert storable(pl.UInt64()) == storable(pl.Int128()) == pl.Decimal(38, 0)
    assert storable(pl.Datetime("ms", "Europe/Paris")) == pl.Datetime("us", "UTC")
    assert storable(pl.List(pl.Struct({"a": pl.Int8, "b": pl.Categorical()}))) == pl.List(
        pl.Struct({"a": pl.Int32, "b": pl.String})
    )
