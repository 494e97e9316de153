"""Turns text into typed values: every CSV field, and what JSON can only spell as text.

One contract for all types: the result is null where the text says no such value, so that the caller can name it.
Nothing is rounded, cut off or guessed.
"""

import polars as pl

from ingest_project.objects.values.text_bytes import binaries, fixed, uuids
from ingest_project.objects.values.text_numbers import booleans, decimals, floats
from ingest_project.objects.values.time_formats import parse_times
from ingest_project.objects.values.types import column_type_of, dtype_of
from ingest_project.settings.time_formats import ISO
from ingest_project.settings.type_grammar import ColumnType, FixedOf, Primitive


def from_text(text: pl.Series, wanted: str | ColumnType | pl.DataType) -> pl.Series:
    """The values that the texts spell, null where a text spells none of this type exactly.

    `wanted` is Iceberg's type or its name; a Polars type stands for the one that `type_of` gives, so that Binary is
    `binary`, never `uuid` or `fixed[N]`. Times are ISO 8601. A `timestamptz` without an offset is UTC; a `timestamp`
    with one is no `timestamp`, because it names another instant than its digits say. Bytes are base64. A nested
    value is not spelled here: `lossless_cast` reads it.
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


def _bytes(text: pl.Series, column_type: ColumnType | None) -> pl.Series:
    if column_type == Primitive("uuid"):
        return uuids(text)
    return fixed(text, column_type.size_bytes) if isinstance(column_type, FixedOf) else binaries(text)
