"""Opens Parquet files so that their values are read exactly, and reads their rows in batches."""

import re
from collections.abc import Container, Iterator
from functools import partial
from typing import IO, Any

import pyarrow as pa
from pyarrow import parquet as pq

from ingest_project.reading.formats.typed_files import SKIP, UnsupportedColumn
from ingest_project.reading.limits import LIMITS

TIMES = "INT96"
"""The old type of times: a day and the nanoseconds of it. Spark, Hive and Impala write it."""
NANOSECONDS = 1000
"""In a microsecond."""
MICROSECONDS = 1_000_000
"""In a second."""


VARIANT = re.compile(
    r"^ {2,}(?:required|optional|repeated) group field_id=-?\d+ (.*) \(Variant\(\d+\)\) \{$", re.MULTILINE
)
"""A group of this type in a printed schema, and its name; PyArrow tells it nowhere else."""


def open_parquet(source: pa.NativeFile | IO[bytes], **options: Any) -> pq.ParquetFile:
    """The file. The checksums of its pages, if it has any, are verified when they are read.

    INT96 times are in nanoseconds if all of them are within 1677 to 2262; beyond, PyArrow returns other times
    without an error. Otherwise they are in microseconds. Raises ValueError if that loses a part of a time, or
    if a time is out of range for 64-bit microseconds. To find that out, the columns of this type are read
    twice.
    """
    open_file = partial(pq.ParquetFile, source, page_checksum_verification=True, **options)
    file = open_file()
    columns = _columns_of_times(file)
    if not columns:
        return file
    coarse = open_file(coerce_int96_timestamp_unit="us")
    wraps = loses = False
    for nanoseconds, microseconds in _times(file, coarse, columns):
        wrapped = nanoseconds // NANOSECONDS != microseconds
        wraps |= bool(wrapped.any())
        loses |= bool((nanoseconds[~wrapped] % NANOSECONDS).any())
    if not wraps:
        return file
    if loses:
        raise ValueError(f"it has {TIMES} times outside of 1677 to 2262, and others that count nanoseconds")
    seconds = open_file(coerce_int96_timestamp_unit="s")
    if any((fine // MICROSECONDS != rough).any() for fine, rough in _times(coarse, seconds, columns)):
        raise ValueError(f"it has {TIMES} times that are out of range for a timestamp")
    return coarse


def refuse_variants(file: pq.ParquetFile, passed_over: Container[str]) -> None:
    """Raises UnsupportedColumn if a file has a `VARIANT` that is not passed over.

    It is a value of any type in an encoding of Parquet's own, which PyArrow gives as bytes.
    """
    for name in VARIANT.findall(str(file.schema)):
        if name not in passed_over:
            raise UnsupportedColumn(f"column {name!r} is a VARIANT, which is not supported; {SKIP}")


def parquet_batches(file: pq.ParquetFile, *, rows: int = LIMITS.step.batch_rows) -> Iterator[pa.RecordBatch]:
    """All rows in batches of at most `rows`, each from one row group.

    Each row group has its own dictionaries, and PyArrow refuses to combine those within structs and lists.
    """
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=rows, row_groups=[group])


def _columns_of_times(file: pq.ParquetFile) -> list[str]:
    schema = file.schema
    columns = (schema.column(place) for place in range(len(schema.names)))
    return [column.path for column in columns if column.physical_type == TIMES]


def _times(fine: pq.ParquetFile, rough: pq.ParquetFile, columns: list[str]) -> Iterator[tuple[Any, Any]]:
    """The numbers of all times in these columns, as pairs of arrays in the two units."""
    batches = (
        file.iter_batches(batch_size=LIMITS.step.batch_rows, columns=columns) for file in (fine, rough)
    )
    for one, other in zip(*batches, strict=True):
        for column, same in zip(one.columns, other.columns, strict=True):
            yield from zip(_leaves(column), _leaves(same), strict=True)


def _leaves(column: Any) -> Iterator[Any]:
    """The numbers of the times in a column, at any depth, without nulls."""
    if isinstance(column.type, pa.StructType):
        children = column.flatten()
    elif isinstance(column.type, pa.MapType):
        children = [column.keys, column.items]
    elif pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        children = [column.flatten()]
    elif isinstance(column.type, pa.TimestampType):
        yield column.drop_null().view(pa.int64()).to_numpy()
        return
    else:  # a column whose name begins like that of a column of times
        return
    for child in children:
        yield from _leaves(child)
