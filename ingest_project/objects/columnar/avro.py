"""Reads Avro's object container files: by Polars where it can, as that is eight times as fast, else by fastavro."""

import io
from collections.abc import Iterable, Iterator

import fastavro
import polars as pl

from ingest_project.objects.byte_source import ByteSource
from ingest_project.objects.columnar.avro_bounds import RowBound
from ingest_project.objects.columnar.avro_container import (
    AvroBlock,
    AvroHeader,
    read_blocks,
    read_header,
    unpacked,
)
from ingest_project.objects.columnar.avro_types import (
    named_types,
    polars_reads,
    reader_of,
    without_logical_types,
)
from ingest_project.objects.unpack.compression import DEFAULT_LIMIT_BYTES


def read_avro(body: bytes) -> pl.DataFrame:
    """The records of the file. Raises ValueError for what is no such file, is cut short, or holds no records.

    The blocks are unpacked here: Polars would do it without a bound, and end the process for a count of rows that its
    memory cannot hold.
    """
    file = ByteSource([body])
    header = read_header(file)
    if not _is_for_polars(header.schema):
        return _by_fastavro(file, header)
    blocks = list(read_blocks(file, header))
    rows = sum(block.rows for block in blocks)
    frame = pl.read_avro(io.BytesIO(b"".join(_plain_blocks(blocks, header, header.schema))))
    if frame.height != rows:
        # Polars takes what is cut short within a block's head for the end of the file.
        raise ValueError(f"it says that it has {rows} records, but {frame.height} were found")
    return frame


def _is_for_polars(schema: object) -> bool:
    try:
        return polars_reads(schema)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("its schema is none of Avro's") from error


def _plain_blocks(blocks: Iterable[AvroBlock], header: AvroHeader, schema: object) -> Iterator[bytes]:
    """The same file without compression, and with this schema: its header, then its blocks."""
    plain = AvroHeader(schema, "null", header.sync)
    yield plain.encoded()
    left_bytes = DEFAULT_LIMIT_BYTES
    bound = RowBound(header.schema)
    for block in blocks:
        data = unpacked(block.data, header.codec, left_bytes)
        bound.check(block.rows, len(data))
        left_bytes -= len(data)
        yield AvroBlock(block.rows, data).encoded(header.sync)


def _by_fastavro(file: ByteSource, header: AvroHeader) -> pl.DataFrame:
    schema = header.schema
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise ValueError("it holds no records")
    try:
        reader = reader_of(schema, named_types(schema))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("its schema is none of Avro's") from error
    blocks = read_blocks(file, header)
    plain = io.BytesIO(b"".join(_plain_blocks(blocks, header, without_logical_types(schema))))
    try:
        records = list(fastavro.reader(plain))
        rows = records if reader.convert is None else [reader.convert(record) for record in records]
    except Exception as error:  # it raises whatever damaged bytes lead to
        raise ValueError(f"a record of it cannot be read: {type(error).__name__}") from error
    return pl.Series(rows, dtype=reader.built).cast(reader.dtype).struct.unnest()
