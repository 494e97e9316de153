"""Parses text as typed values: CSV fields, and types that JSON can only write as text.

For all types the result is null if the text cannot be parsed as the type, so that the caller can report it.
Nothing is rounded, truncated or guessed.
"""

import polars as pl

from ingest_project.reading.values.text_bytes import binaries, fixed, uuids
from ingest_project.reading.values.text_numbers import booleans, decimals, floats, null_where
from ingest_project.reading.values.time_formats import parse_times
from ingest_project.reading.values.types import column_type_of, dtype_of
from ingest_project.settings.time_formats import ISO
from ingest_project.settings.type_grammar import ColumnType, FixedOf, Primitive


def from_text(text: pl.Series, wanted: str | ColumnType | pl.DataType) -> pl.Series:
    """The texts parsed as this type, null where one is invalid or not exactly representable.

    `wanted` is Iceberg's type or its name; a Polars type means the one that `type_of` gives, so Binary is
    `binary`, never `uuid` or `fixed[N]`. Times are ISO 8601. A `timestamptz` without an offset is UTC; a text
    with an offset is not valid for `timestamp`, because it means another time than its digits say. Bytes are
    base64. Nested values are not parsed here, but by `cast_exactly`.
    """
    column_type = column_type_of(wanted)
    dtype = wanted if isinstance(wanted, pl.DataType) else dtype_of(wanted)
    if isinstance(dtype, pl.String):
        return text
    if isinstance(dtype, pl.Boolean):
        return booleans(text)
    if isinstance(dtype, pl.Float32 | pl.Float64):
        return floats(text, dtype)
    if isinstance(dtype, pl.Decimal):
        return decimals(text, dtype)
    if isinstance(dtype, pl.Date | pl.Time | pl.Datetime):
        return parse_times(text, dtype, (ISO,), None)
    if dtype.is_integer():
        return text.cast(dtype, strict=False)
    if isinstance(dtype, pl.Binary):
        return _bytes(text, column_type)
    return pl.Series(text.name, [None], dtype=dtype).new_from_index(0, len(text))


def nothing_as_null(text: pl.Series) -> pl.Series:
    """The texts, null where they are empty: programs that quote each field write `""` for no value."""
    return null_where(text, text == "")


def _bytes(text: pl.Series, column_type: ColumnType | None) -> pl.Series:
    if column_type == Primitive("uuid"):
        return uuids(text)
    return fixed(text, column_type.size_bytes) if isinstance(column_type, FixedOf) else binaries(text)
