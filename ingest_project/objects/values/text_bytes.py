"""Turns text into bytes and UUIDs.

Bytes are written as base64 (RFC 4648, the standard alphabet, padded): so do Spark, BigQuery and Protobuf in their
JSON. There is no second spelling, because a text like `abcd` would be two different values.
"""

import polars as pl

from ingest_project.objects.values.text_numbers import without

UUID = r"^(?:[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$"
UUID_BYTES = 16


def binaries(text: pl.Series) -> pl.Series:
    """The bytes that the base64 texts spell; null for all else, line breaks and a missing padding too."""
    values = text.str.decode("base64", strict=False)
    return without(values, values.bin.encode("base64") != text)


def fixed(text: pl.Series, size_bytes: int) -> pl.Series:
    """As `binaries`, and null where there are more or fewer bytes than these."""
    return of_size(binaries(text), size_bytes)


def uuids(text: pl.Series) -> pl.Series:
    """16 bytes each, of 32 hexadecimal digits in any case, with all four hyphens or none; null for all else."""
    plain = without(text, ~text.str.contains(UUID))
    return plain.str.replace_all("-", "", literal=True).str.decode("hex", strict=False)


def of_size(values: pl.Series, size_bytes: int) -> pl.Series:
    """The bytes, null where there are more or fewer than these."""
    return without(values, values.bin.size() != size_bytes)
