"""Parses text as bytes and UUIDs.

Bytes are base64 (RFC 4648, the standard alphabet, padded), as in the JSON of Spark, BigQuery and Protobuf. A
second encoding is not supported, because a text such as `abcd` would have two meanings.
"""

import polars as pl

from ingest_project.reading.values.text_numbers import null_where

UUID = r"^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$"
UUID_BYTES = 16


def binaries(text: pl.Series) -> pl.Series:
    """The bytes of base64 texts; null if a text is invalid, also by line breaks or missing padding."""
    values = text.str.decode("base64", strict=False)
    return null_where(values, values.bin.encode("base64") != text)


def fixed(text: pl.Series, size_bytes: int) -> pl.Series:
    """Like `binaries`, and null where the number of bytes is not `size_bytes`."""
    return of_size(binaries(text), size_bytes)


def uuids(text: pl.Series) -> pl.Series:
    """The 16 bytes of 32 hexadecimal digits in any case, with all four hyphens or none; null if invalid."""
    plain = null_where(text, ~text.str.contains(UUID))
    return plain.str.replace_all("-", "", literal=True).str.decode("hex", strict=False)


def of_size(values: pl.Series, size_bytes: int) -> pl.Series:
    """The bytes, null where their number is not `size_bytes`."""
    return null_where(values, values.bin.size() != size_bytes)
