"""The types of the cases' columns as the other readers name them."""

import polars as pl
import pyarrow as pa

ARROW: dict[str, pa.DataType] = {
    "int": pa.int32(),
    "long": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "decimal(18,2)": pa.decimal128(18, 2),
    "timestamptz": pa.timestamp("us", "UTC"),
    "list<string>": pa.list_(pa.string()),
    "struct<city: string, zip: string>": pa.struct([("city", pa.string()), ("zip", pa.string())]),
}
POLARS: dict[str, pl.DataType] = {
    "int": pl.Int32(),
    "long": pl.Int64(),
    "double": pl.Float64(),
    "list<string>": pl.List(pl.String()),
    "struct<city: string, zip: string>": pl.Struct({"city": pl.String(), "zip": pl.String()}),
}
"""Those that Polars reads directly: it reads decimals and times as text, and casts them."""
DUCKDB = {
    "int": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE",
    "string": "VARCHAR",
    "decimal(18,2)": "DECIMAL(18,2)",
    "timestamptz": "TIMESTAMPTZ",
    "list<string>": "VARCHAR[]",
    "struct<city: string, zip: string>": "STRUCT(city VARCHAR, zip VARCHAR)",
}
