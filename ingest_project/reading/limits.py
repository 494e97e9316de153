"""Where memory is bounded: each limit of the reading room, what it bounds, and why it has its value.

A run holds one portion at a time, which is a group of small objects or a piece of a large one. So its peak
memory grows neither with the batch nor with an object; docs/measured.md has figures. Whatever a file claims
about its own size, a decoder stops at a limit. The object then fails alone, or the record is set aside.

`limits_of` gives those of a table, whose settings may change a few: `ingestion/write.py` passes them down
with the options of the format, and the cutters of large files receive `portion.piece`. The decoders of one
format or compression, and the search for bad rows, take the others from `LIMITS`.

Elsewhere:

- the settings `batch.max_objects`, `batch.max_bytes` and `batch.max_object_bytes` bound what a run reads;
- `sources/s3/room.py` keeps a group within `stored_bytes`, by the sizes that S3 answers, not by the events;
- `sources/sqs/drain.py` bounds the messages that a tick holds, `ingestion/intake.py` those claimed at once;
- `preview/heads.py` bounds what a preview reads of an object;
- `iceberg/provenance.py` bounds what is held while the sources of a table's rows are counted.
"""

from dataclasses import dataclass, replace
from typing import Final

from ingest_project.settings.model import BatchSettings

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class PieceLimits:
    """How a large object is cut into pieces, each of which is read and written before the next is cut."""

    piece_bytes: int = 48 * MIB
    """The approximate size of a piece, which ends where a record does; `batch.portion_bytes`."""
    record_bytes: int = 32 * MIB
    """The longest record that is read; a longer one is set aside. It is no ordinary row;
    `batch.max_record_bytes`."""


@dataclass(frozen=True, slots=True)
class PortionLimits:
    """What is held at once of a batch: a group of small objects, read together, or a piece of a large one."""

    stored_bytes: int = 48 * MIB
    """How many stored bytes are fetched together. Thousands of small objects share one reading within it;
    `batch.portion_bytes`."""
    content_bytes: int = 96 * MIB
    """How many bytes a group may have without compression, twice `batch.portion_bytes`; what expands further
    comes in several portions."""
    whole_object_bytes: int = GIB
    """The largest object of a format that cannot be cut, such as `binary`, where an object is one value."""
    piece: PieceLimits = PieceLimits()


@dataclass(frozen=True, slots=True)
class StepLimits:
    """How much is held for one step of reading, unpacking and cutting, however large the whole is."""

    chunk_bytes: int = MIB
    """What is read, expanded, buffered or copied at once; enough that the cost of a chunk does not count."""
    chunks_ahead: int = 8
    """How many chunks of a large object are fetched before they are needed."""
    compressed_bytes: int = 256 * KIB
    """What is fed into a decompressor at once; what is left of it behind the end of a stream is copied."""
    gzip_bytes: int = 16 * KIB
    """The same for gzip, of which parallel compressors and sinks write many short streams."""
    zip_lzma_bytes: int = 4 * KIB
    """The same for lzma in a zip, which the standard library expands without a limit.

    4 KB expand to 30 MB at most, which are held twice.
    """
    row_bytes: int = 96
    """What a row counts at least, however short it is: its source and its stamps are held with it."""
    batch_rows: int = 64 * KIB
    """The most rows that Parquet, Arrow and ORC files give at once; rows may be nearly empty."""
    batches_per_piece: int = 16
    """A piece of such files has about so many batches, so it exceeds its size by about one batch at most."""


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How far compressions and archives may expand: a few KB of gzip can hold a thousand times as much."""

    object_bytes: int = 2 * GIB
    """What one object may expand to, and the blocks of an Avro file. For a streamed one see `expansion`;
    `batch.max_expanded_bytes`."""
    expansion: int = 1000
    """How many times its stored bytes a streamed object may expand to, if that is more than `object_bytes`.

    Gzip cannot do more, and no real file does as much.
    """
    zip_members: int = 100_000
    """The most members of a zip. The standard library holds an object for each before the first is read."""
    xz_decoder_bytes: int = 512 * MIB
    """What a decoder of xz may allocate. `xz -9` needs 65 MB, and a header may ask for 4 GB."""


@dataclass(frozen=True, slots=True)
class AvroLimits:
    """What an Avro file may claim: its counts and lengths are numbers that anybody can write."""

    header_bytes: int = 16 * MIB
    """The largest header. It holds the schema, which takes some KB."""
    block_bytes: int = 256 * MIB
    """The largest block. Writers make blocks of some KB; of 64 MB at most, if told to."""
    empty_rows: int = 1_000_000
    """The most records that take no bytes, such as nulls only: the file's length does not bound them."""
    fixed_bytes: int = 16 * MIB
    """The longest `fixed` type."""
    preallocated_fixed_bytes: int = KIB
    """The longest `fixed` type that is read as it is; longer ones are read as `bytes`. Polars allocates all
    values of a block beforehand, nulls too."""
    schema_parts: int = 100_000
    """The most types in a schema, counting a named one each time that it is used, which may double them each
    time."""


@dataclass(frozen=True, slots=True)
class JsonLimits:
    """How JSON is taken apart: a few MB can have a new key in each row."""

    part_bytes: int = 8 * MIB
    """The approximate size of the largest parts that NDJSON is decoded in; the objects of one are held at
    once."""
    part_bytes_per_field: int = 256 * KIB
    """The size of a part for each of its fields, if that is less: small parts stay in the processor's cache,
    but each costs some microseconds for each field."""
    cells: int = 20_000_000
    """The most fields times rows that undeclared keys may give. With more, an object within a row is text,
    and a file is too large."""


@dataclass(frozen=True, slots=True)
class OrcLimits:
    """What the process that reads ORC may take: a damaged file ends that process, not the run."""

    address_space_bytes: int = 3 * GIB
    """The process's address space, libraries included: it bounds what a damaged count can allocate."""
    decoded_bytes: int = 2 * GIB
    """What a file that is read as a whole may turn out to hold, whatever its footer says."""
    batch_bytes: int = 4 * MIB
    """The approximate size of the batches of such a file; those of a large one have the same size."""
    silent_seconds: int = 600
    """How long the process may be silent before it is killed."""


@dataclass(frozen=True, slots=True)
class ExcelLimits:
    """What a workbook may hold: a zip of XML, of which a few KB can describe a sheet of 17 billion cells."""

    parts: int = 10_000
    """The most parts of a workbook's zip."""
    part_bytes: int = 64 * MIB
    """The largest part that is read as a whole: all but sheets and shared texts."""
    shared_texts_bytes: int = 512 * MIB
    """The largest part of shared texts, which are held while a sheet is read."""
    chunk_bytes: int = 16 * KIB
    """What is parsed of a sheet at once; its cells may refer to shared texts that are far longer."""
    token_bytes: int = 8 * MIB
    """The longest tag or comment of the XML; the parser holds one as a whole."""
    text_characters: int = 32_767
    """The longest text of a cell, which is Excel's own limit; a longer one is a bad value."""
    decoded_bytes: int = 512 * MIB
    """What a sheet that is read as a whole may expand to: few rows of 16,384 columns are a large frame."""


@dataclass(frozen=True, slots=True)
class BadRowLimits:
    """How bad rows are searched for, and what is kept of them."""

    suspect_bytes: int = 512 * KIB
    """Objects that fail together with at most so much text are read record by record instead of halved."""
    raw_characters: int = 64 * KIB
    """How much of a bad row its quarantine keeps; the object has the rest, at the line number."""
    oversized_start_bytes: int = 4 * KIB
    """How much is kept of a record that is longer than `record_bytes`."""


@dataclass(frozen=True, slots=True)
class Limits:
    """All of them."""

    portion: PortionLimits = PortionLimits()
    step: StepLimits = StepLimits()
    unpack: UnpackLimits = UnpackLimits()
    avro: AvroLimits = AvroLimits()
    json: JsonLimits = JsonLimits()
    orc: OrcLimits = OrcLimits()
    excel: ExcelLimits = ExcelLimits()
    bad_rows: BadRowLimits = BadRowLimits()


LIMITS: Final = Limits()
"""The limits of every run. Tests replace it in the module that they test."""


def limits_of(batch: BatchSettings) -> Limits:
    """The limits of a table with these settings."""
    portion, unpack = LIMITS.portion, LIMITS.unpack
    piece = replace(portion.piece, piece_bytes=batch.portion_bytes, record_bytes=batch.max_record_bytes)
    return replace(
        LIMITS,
        portion=replace(
            portion, stored_bytes=batch.portion_bytes, content_bytes=2 * batch.portion_bytes, piece=piece
        ),
        unpack=replace(unpack, object_bytes=batch.max_expanded_bytes),
    )
