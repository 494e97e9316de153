"""Reads files that bring their own schema: Parquet, Avro, Arrow IPC."""

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final, Literal

import polars as pl
import pyarrow as pa
from polars.exceptions import PanicException, PolarsError
from pyarrow import parquet as pq

from ingest_project.errors import ObjectUnreadable
from ingest_project.objects.columnar.arrow_files import MAGIC, file_batches
from ingest_project.objects.columnar.arrow_frames import checked_frame
from ingest_project.objects.columnar.arrow_streams import stream_batches
from ingest_project.objects.columnar.avro import read_avro
from ingest_project.objects.columnar.parquet_batches import parquet_batches

ColumnarFormat = Literal["parquet", "avro", "ipc"]


# Both by PyArrow: Polars ends the process for a length in a damaged file that its memory cannot hold.


def _read_parquet(body: bytes, passed_over: Collection[str]) -> pl.DataFrame:
    file = pq.ParquetFile(pa.BufferReader(body))
    try:
        return checked_frame(file.read(), passed_over)
    except pa.ArrowNotImplementedError:  # dictionaries within structs and lists, in several row groups
        return checked_frame(pa.Table.from_batches(parquet_batches(file), file.schema_arrow), passed_over)


def _read_avro(body: bytes, _passed_over: Collection[str]) -> pl.DataFrame:
    return read_avro(body)


def _read_ipc(body: bytes, passed_over: Collection[str]) -> pl.DataFrame:
    # Of Arrow's two formats only the file opens with magic bytes; the stream is what Kafka and Flight sinks write.
    is_file = body.startswith(MAGIC)
    schema, batches = file_batches(pa.py_buffer(body)) if is_file else stream_batches(pa.BufferReader(body))
    return checked_frame(pa.Table.from_batches(batches, schema), passed_over)


READERS: Final[Mapping[ColumnarFormat, Callable[[bytes, Collection[str]], pl.DataFrame]]] = MappingProxyType(
    {"parquet": _read_parquet, "avro": _read_avro, "ipc": _read_ipc}
)


def read_file(
    body: bytes, file_format: ColumnarFormat, uri: str, *, passed_over: Collection[str] = ()
) -> pl.DataFrame:
    """The file's own rows and columns; an empty body has none. Raises ObjectUnreadable if it is no such file.

    Columns that are `passed_over` may be of any type, and be nulls.
    """
    if not body:
        return pl.DataFrame()
    try:
        return READERS[file_format](body, passed_over)
    except (
        PolarsError,
        PanicException,
        pa.ArrowException,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:  # it panics on some damaged files
        raise ObjectUnreadable(
            uri, f"it is no {file_format} file: {str(error).splitlines()[0][:200]}"
        ) from error
