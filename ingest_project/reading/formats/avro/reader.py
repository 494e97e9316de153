"""Reads Avro's object container files with Polars if possible, which is faster, else with fastavro."""

import io
from collections.abc import Iterable, Iterator

import fastavro
import polars as pl

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.avro.bounds import RowBound
from ingest_project.reading.formats.avro.container import (
    AvroBlock,
    AvroHeader,
    read_blocks,
    read_header,
    unpacked,
)
from ingest_project.reading.formats.avro.types import (
    named_types,
    polars_reads,
    reader_of,
    without_logical_types,
)
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.typed_files import read_each
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.unpack.byte_source import ByteSource


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The records of Avro files, a frame for each."""
    return read_each(bodies, "avro", lambda body, _passed_over: read_avro(body))


def field_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The names of the fields of a file's records."""
    record = read_header(ByteSource([body])).schema
    fields = record.get("fields", ()) if isinstance(record, dict) else ()
    return [str(one["name"]) for one in fields if isinstance(one, dict) and "name" in one]


def read_avro(body: bytes) -> pl.DataFrame:
    """The records of the file.

    Raises ValueError if it is not an Avro file of records, is truncated or damaged.

    The blocks are decompressed here: Polars would do it without a limit, and abort the process if a count of
    rows exceeds memory.
    """
    file = ByteSource([body])
    header = read_header(file)
    if not _is_for_polars(header.schema):
        return _by_fastavro(file, header)
    blocks = list(read_blocks(file, header))
    rows = sum(block.rows for block in blocks)
    frame = pl.read_avro(io.BytesIO(b"".join(_plain_blocks(blocks, header, header.schema))))
    if frame.height != rows:
        # To Polars a file that is truncated within the head of a block just ends there.
        raise ValueError(f"it claims to have {rows} records, but {frame.height} were found")
    return frame


def _is_for_polars(schema: object) -> bool:
    try:
        return polars_reads(schema)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError("its schema is not a valid Avro schema") from error


def _plain_blocks(blocks: Iterable[AvroBlock], header: AvroHeader, schema: object) -> Iterator[bytes]:
    """The same file without compression and with this schema: its header, then its blocks."""
    plain = AvroHeader(schema, "null", header.sync)
    yield plain.encoded()
    left_bytes = LIMITS.unpack.object_bytes
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
        raise ValueError("its schema is not a valid Avro schema") from error
    blocks = read_blocks(file, header)
    plain = io.BytesIO(b"".join(_plain_blocks(blocks, header, without_logical_types(schema))))
    try:
        records = list(fastavro.reader(plain))
        rows = records if reader.convert is None else [reader.convert(record) for record in records]
    except Exception as error:  # damaged bytes may cause any exception in it
        raise ValueError(f"a record in it cannot be read: {type(error).__name__}") from error
    return pl.Series(rows, dtype=reader.built).cast(reader.dtype).struct.unnest()
