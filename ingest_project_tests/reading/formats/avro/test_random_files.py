"""Files of random types are read as the specification says, whole and in pieces."""

from collections.abc import Iterator
from random import Random
from typing import Any

import polars as pl
import pytest

from ingest_project.reading.format_options import DEFAULT_OPTIONS
from ingest_project.reading.formats.avro.pieces import avro_pieces
from ingest_project.reading.formats.avro.reader import read_avro
from ingest_project.reading.limits import PieceLimits
from ingest_project.reading.values.types import instance
from ingest_project_tests.reading.formats.avro.random_files import Physical, random_file

NANOSECONDS = {"time-millis": 1_000_000, "time-micros": 1_000}


def found_in(frame: pl.DataFrame) -> list[dict[str, Any]]:
    """The rows, with the numbers of times, and the texts of doubles, which tell a NaN and a zero's sign."""
    columns = [_values(one) for one in frame.iter_columns()]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(values: pl.Series) -> list[Any]:
    dtype = values.dtype
    if isinstance(dtype, pl.Map):
        entries = values.cast(pl.List(pl.Struct({"key": dtype.key, "value": dtype.value})))
        return [
            None if one is None else {entry["key"]: entry["value"] for entry in one}
            for one in _values(entries)
        ]
    if isinstance(dtype, pl.List):
        inner = iter(
            _values(values.explode(empty_as_null=False, keep_nulls=False).cast(instance(dtype.inner)))
        )
        lengths = values.list.len().to_list()
        return [None if length is None else [next(inner) for _ in range(length)] for length in lengths]
    if isinstance(dtype, pl.Struct):
        names = [one.name for one in dtype.fields]
        members = [_values(values.struct.field(name)) for name in names]
        present = values.is_not_null().to_list()
        rows = zip(*members, strict=True) if members else ((),) * len(values)
        return [dict(zip(names, row, strict=True)) if one else None
                for one, row in zip(present, rows, strict=True)]  # fmt: skip
    if dtype.is_temporal():
        return values.to_physical().to_list()
    if dtype.is_float():
        return [None if one is None else repr(one) for one in values]
    return values.to_list()


def expected(value: Any) -> Any:
    """The value as `found_in` gives it."""
    if isinstance(value, Physical):
        return value.value * NANOSECONDS.get(value.name, 1)
    if isinstance(value, list):
        return [expected(one) for one in value]
    if isinstance(value, dict):
        return {key: expected(one) for key, one in value.items()}
    return repr(value) if isinstance(value, float) else value


def in_pieces(body: bytes) -> Iterator[dict[str, Any]]:
    """The rows of all pieces of the file, which are as small as they can be."""
    for piece in avro_pieces([body], DEFAULT_OPTIONS, PieceLimits(piece_bytes=1), "s3://b/k"):
        assert isinstance(piece.body, bytes)
        yield from found_in(read_avro(piece.body))


@pytest.mark.parametrize("seed", range(60))
def test_a_file_of_random_types_is_read_as_it_was_written(seed: int) -> None:
    body, rows = random_file(Random(seed))  # noqa: S311 - the same files each time

    frame = read_avro(body)

    assert frame.height == len(rows)
    assert found_in(frame) == expected(rows)
    assert list(in_pieces(body)) == expected(rows)
