"""Reads whole Parquet files, and Arrow's files and streams."""

from collections.abc import Container, Iterable

import pyarrow as pa

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.arrow.arrow_files import MAGIC, file_batches
from ingest_project.reading.formats.arrow.arrow_frames import checked_frame
from ingest_project.reading.formats.arrow.arrow_streams import Batches, stream_batches
from ingest_project.reading.formats.arrow.parquet_file import open_parquet, refuse_variants
from ingest_project.reading.formats.arrow.parquet_footer import metadata_of
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.typed_files import Checked, read_each
from ingest_project.reading.formats.unnamed import named_by_place
from ingest_project.reading.parsed import Parsed

# PyArrow reads both: Polars aborts the process if a damaged file claims a length that memory cannot hold.


def read_parquet(bodies: Bodies) -> list[Parsed]:
    """The rows of Parquet files, a frame for each."""
    return read_each(bodies, "parquet", _parquet_frame)


def read_ipc(bodies: Bodies) -> list[Parsed]:
    """The rows of Arrow's files or streams, a frame for each."""
    return read_each(bodies, "ipc", _ipc_frame)


def parquet_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The names of a Parquet file's columns."""
    return named_by_place(metadata_of(pa.BufferReader(body)).schema.to_arrow_schema().names)


def ipc_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The names of the columns of an Arrow file or stream."""
    schema, _ = batches_of(body)
    return named_by_place(schema.names)


def _parquet_frame(body: bytes, passed_over: Container[str]) -> Checked:
    parquet = open_parquet(pa.BufferReader(body))
    refuse_variants(parquet.file, passed_over)
    if parquet.is_plain:
        try:
            return checked_frame(parquet.file.read(), passed_over)
        except pa.ArrowNotImplementedError:  # dictionaries within structs and lists, in several row groups
            pass
    return checked_frame(pa.Table.from_batches(parquet.batches(), parquet.schema), passed_over)


def _ipc_frame(body: bytes, passed_over: Container[str]) -> Checked:
    schema, batches = batches_of(body)
    return checked_frame(pa.Table.from_batches(batches, schema), passed_over)


def batches_of(body: bytes) -> Batches:
    """The columns and the batches of an Arrow file or stream; both may raise what `stream_batches` raises."""
    # Only Arrow's file format begins with magic bytes; Kafka and Flight sinks write the stream format.
    is_file = body.startswith(MAGIC)
    return file_batches(pa.py_buffer(body)) if is_file else stream_batches(pa.BufferReader(body))
