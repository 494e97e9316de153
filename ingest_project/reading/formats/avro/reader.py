"""Reads Avro's object container files with Polars if possible, which is faster, else with fastavro."""

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

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
    Schema,
    for_decoding,
    named_types,
    polars_reads,
    reader_of,
    reader_of_union,
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
    records = _records(for_decoding(read_header(ByteSource([body])).schema, logical=False))
    return list(dict.fromkeys(str(field["name"]) for record in records for field in record["fields"]))


def read_avro(body: bytes) -> pl.DataFrame:
    """The records of the file.

    Raises ValueError if it is not an Avro file of records, is truncated or damaged.

    The blocks are decompressed here: Polars would do it without a limit, and abort the process if a count of
    rows exceeds memory.
    """
    file = ByteSource([body])
    header = read_header(file)
    with _as_schema_fault():
        schema = for_decoding(header.schema, logical=True)
        is_for_polars = polars_reads(schema)
    if not is_for_polars:
        return _by_fastavro(file, header, schema)
    blocks = list(read_blocks(file, header))
    rows = sum(block.rows for block in blocks)
    frame = pl.read_avro(io.BytesIO(b"".join(_plain_blocks(blocks, header, schema))))
    if frame.height != rows:
        # To Polars a file that is truncated within the head of a block just ends there.
        raise ValueError(f"it claims to have {rows} records, but {frame.height} were found")
    return frame


@contextmanager
def _as_schema_fault() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError("its schema is not a valid Avro schema") from error


def _plain_blocks(blocks: Iterable[AvroBlock], header: AvroHeader, schema: object) -> Iterator[bytes]:
    """The same file without compression and with this schema: its header, then its blocks."""
    plain = AvroHeader(schema, "null", header.sync)
    yield plain.encoded()
    left_bytes = LIMITS.unpack.object_bytes
    bound = RowBound(schema)
    for block in blocks:
        data = unpacked(block.data, header.codec, left_bytes)
        bound.check(block.rows, len(data))
        left_bytes -= len(data)
        yield AvroBlock(block.rows, data).encoded(header.sync)


def _by_fastavro(file: ByteSource, header: AvroHeader, schema: Schema) -> pl.DataFrame:
    kinds = _records(schema)
    with _as_schema_fault():
        named = named_types(schema)
        reader = reader_of(kinds[0], named) if len(kinds) == 1 else reader_of_union(kinds, named)
        plain_schema = for_decoding(header.schema, logical=False)
    plain = io.BytesIO(b"".join(_plain_blocks(read_blocks(file, header), header, plain_schema)))
    names_records = len(kinds) > 1
    try:
        records = list(
            fastavro.reader(
                plain, return_record_name=names_records, return_record_name_override=names_records
            )
        )
        rows = records if reader.convert is None else [reader.convert(record) for record in records]
    except Exception as error:  # damaged bytes may cause any exception in it
        raise ValueError(f"a record in it cannot be read: {type(error).__name__}") from error
    return pl.Series(rows, dtype=reader.built).cast(reader.dtype).struct.unnest()


def _records(schema: Schema) -> list[Schema]:
    """The types of a file's records: one, or those of a union. Raises ValueError."""
    kinds = schema if isinstance(schema, list) else [schema]
    if not kinds or any(not isinstance(one, dict) or one.get("type") != "record" for one in kinds):
        raise ValueError("it holds no records")
    return kinds
