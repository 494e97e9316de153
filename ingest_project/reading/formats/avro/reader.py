"""Reads Avro's object container files with Polars, by a schema of types that it reads."""

import io
from collections.abc import Container, Iterable, Iterator, Sequence

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.reading.format_options import FormatOptions
from ingest_project.reading.formats.avro.bounds import RowBound
from ingest_project.reading.formats.avro.container import (
    AvroBlock,
    AvroHeader,
    read_blocks,
    read_header,
    unpacked,
)
from ingest_project.reading.formats.avro.mending import Mending
from ingest_project.reading.formats.avro.rewriting import Rewriting
from ingest_project.reading.formats.avro.schema import (
    BRANCH,
    Json,
    Record,
    Schema,
    Type,
    fields_of_choice,
)
from ingest_project.reading.formats.avro.schema_parser import parsed
from ingest_project.reading.formats.avro.stored import Stored, Storing, with_maps
from ingest_project.reading.formats.interface import Bodies
from ingest_project.reading.formats.typed_files import Checked, read_each
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.unpack.byte_source import ByteSource


def read_bodies(bodies: Bodies) -> list[Parsed]:
    """The records of Avro files, a frame for each."""
    return read_each(bodies, "avro", _checked)


def field_names(body: bytes, _options: FormatOptions) -> Iterable[str]:
    """The names of the fields of a file's records."""
    records = parsed(read_header(ByteSource([body])).schema).records
    return list(dict.fromkeys(name for record in records for name, _ in record.fields))


def _checked(body: bytes, passed_over: Container[str]) -> Checked:
    """The records of the file, and the faults of those with text that is not UTF-8."""
    try:
        return Checked(read_avro(body))
    except (PolarsError, ValueError):
        mending = Mending(parsed(read_header(ByteSource([body])).schema), passed_over)
        try:
            frame = read_avro(body, mending)
        except (PolarsError, ValueError):
            mending.is_mended = False
        if not mending.is_mended:
            raise
        return Checked(frame, mending.faults)


def read_avro(body: bytes, mending: Mending | None = None) -> pl.DataFrame:
    """The records of the file, mended if asked; of several types, they have the fields of all.

    Raises ValueError if it is not an Avro file of records, is truncated or damaged.

    The blocks are decompressed here: Polars would do it without a limit, and abort the process if a count of
    rows exceeds memory.
    """
    file = ByteSource([body])
    header = read_header(file)
    schema = parsed(header.schema)
    storing = Storing(schema)
    blocks = list(_stored_blocks(file, header, schema, mending))
    if not schema.is_union:
        return _frame(blocks, storing, dict(schema.records[0].fields))
    kinds = _frame(blocks, storing, fields_of_choice(schema.records))
    return _united(kinds.drop(BRANCH, strict=False), schema.records)


def _frame(blocks: Sequence[AvroBlock], storing: Storing, fields: dict[str, Type]) -> pl.DataFrame:
    stored = {name: storing.of(one) for name, one in fields.items()}
    members = [{"name": name, "type": one.schema} for name, one in stored.items() if one.schema is not None]
    rows = sum(block.rows for block in blocks)
    found = _read(blocks, members, rows) if members else pl.DataFrame(height=rows)
    return pl.DataFrame({name: _column(found, name, one) for name, one in stored.items()}, height=rows)


def _stored_blocks(
    file: ByteSource, header: AvroHeader, schema: Schema, mending: Mending | None
) -> Iterator[AvroBlock]:
    """The blocks without compression, as they are to be stored."""
    bound, rewriting = RowBound(schema), Rewriting(schema)
    left_bytes = LIMITS.unpack.object_bytes
    for block in read_blocks(file, header):
        data = unpacked(block.data, header.codec, left_bytes)
        bound.check(block.rows, len(data))
        if mending is not None:
            data = mending.mended(data, block.rows)
        stored = rewriting.rewritten(data, block.rows, left_bytes)
        left_bytes -= len(stored)
        yield AvroBlock(block.rows, stored)


def _read(blocks: Iterable[AvroBlock], members: list[Json], rows: int) -> pl.DataFrame:
    sync = bytes(16)
    header = AvroHeader({"type": "record", "name": "r", "fields": members}, "null", sync)
    plain = b"".join([header.encoded(), *(block.encoded(sync) for block in blocks)])
    frame = pl.read_avro(io.BytesIO(plain))
    if frame.height != rows:
        # To Polars a file that is truncated within the head of a block just ends there.
        raise ValueError(f"it claims to have {rows} records, but {frame.height} were found")
    return frame


def _column(found: pl.DataFrame, name: str, stored: Stored) -> pl.Series:
    if stored.schema is None:
        series = pl.Series(name, stored.of_no_bytes(found.height))
    else:
        series = (
            found[name] if stored.convert is None else pl.Series(name, stored.convert(found[name].to_arrow()))
        )
    dtype = with_maps(series.dtype, stored.dtype)
    return series if series.dtype == dtype else series.cast(dtype)


def _united(kinds: pl.DataFrame, records: tuple[Record, ...]) -> pl.DataFrame:
    """The records of several types, each in a column of structs that is null for the others, as one frame."""
    found: dict[str, pl.Series] = {}
    for kind, record in zip(kinds.iter_columns(), records, strict=True):
        for values in kind.struct.unnest() if record.fields else ():
            known = found.get(values.name)
            if known is None or known.dtype == pl.Null():
                found[values.name] = values
            elif values.dtype != pl.Null():
                found[values.name] = known.zip_with(known.is_not_null(), values)
    return pl.DataFrame(found, height=kinds.height)
