"""The text of values that are in a union of several types, or that contain their own type.

Strings are as they are, bytes are base64, and other values are JSON.
"""

import base64
import io
import json
from typing import Any

import fastavro
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ingest_project.reading.formats.avro.container import AvroBlock, AvroHeader
from ingest_project.reading.formats.avro.schema import Json
from ingest_project.reading.values.json_texts import NOT_JSON, parts_of
from ingest_project.reading.values.nested import spread

Values = Any
"""An Arrow array: its stubs know no type for arrays of any type."""
SYNC = bytes(16)


def texts_of_encoded(values: Values, schema: Json) -> Values:
    """The texts of values that are encoded as the schema says. Raises ValueError if they are damaged."""
    present = values.drop_null()
    header = AvroHeader(schema, "null", SYNC).encoded()
    block = AvroBlock(len(present), b"".join(present.to_pylist())).encoded(SYNC)
    try:
        texts = _texts(list(fastavro.reader(io.BytesIO(header + block))))
    except Exception as error:  # damaged bytes may cause any exception in it
        raise ValueError(f"a record in it cannot be read: {type(error).__name__}") from error
    if len(texts) != len(present):
        raise ValueError("a record in it cannot be read")
    return spread(texts, pl.Series(values.is_valid())).to_arrow()


def _texts(values: list[Any]) -> pl.Series:
    """The JSON of each value."""
    try:
        return parts_of(ENCODER.encode(values))
    except NOT_JSON:  # to Python NaN is JSON
        return pl.Series([ENCODER.encode(one) for one in values], dtype=pl.String())


def texts_of_values(values: Values) -> Values:
    """The texts of booleans, numbers, strings or bytes."""
    if pa.types.is_floating(values.type):
        numbers = values.to_pylist()
        return pa.array([None if one is None else json.dumps(one) for one in numbers], pa.large_string())
    if pa.types.is_large_binary(values.type):
        return pl.Series(values).bin.encode("base64").to_arrow()
    return pc.cast(values, pa.large_string())


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


ENCODER = json.JSONEncoder(ensure_ascii=False, default=_base64)
