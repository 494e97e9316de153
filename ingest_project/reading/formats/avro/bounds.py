"""Checks what an Avro file claims to hold, before a decoder allocates memory for it.

A count of rows, or of an array's elements, is a number that anybody can write. If each takes at least a byte,
the file's length bounds them. If they take none, like nulls, only a limit does.
"""

from collections.abc import Mapping

from ingest_project.reading.formats.avro.container import read_blocks, read_header
from ingest_project.reading.formats.avro.schema import (
    ArrayOf,
    Choice,
    DecimalOf,
    Fixed,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Time,
    Type,
)
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.unpack.byte_source import ByteSource

FEWEST_BYTES: Mapping[str, int] = {
    "null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "string": 1, "bytes": 1,
}  # fmt: skip
EXPANSION = 8
"""How far deflate usually compresses such files, which do not tell their decoded size."""


def decoded_bytes(body: bytes) -> int:
    """An estimate of the memory that a file's rows take, from its size and its rows."""
    try:
        file = ByteSource([body])
        rows = sum(block.rows for block in read_blocks(file, read_header(file)))
    except ValueError:  # the reader reports it
        rows = 0
    return max(EXPANSION * len(body), rows * LIMITS.step.row_bytes)


class RowBound:
    """Checks the blocks of one file. Raises ValueError for arrays of values that take no bytes."""

    def __init__(self, schema: Schema) -> None:
        root: Type = Choice(schema.records) if schema.is_union else schema.records[0]
        self._row_bytes = _fewest_bytes(root)
        self._rows = 0

    def check(self, rows: int, size_bytes: int) -> None:
        """Raises ValueError if a block of this decompressed size cannot have so many rows."""
        self._rows += rows
        if self._row_bytes:
            fits = rows * self._row_bytes <= size_bytes
        else:
            fits = self._rows <= LIMITS.avro.empty_rows
        if not fits:
            raise ValueError(f"a block of {size_bytes} bytes claims to have {rows} records")


def _fewest_bytes(of: Type) -> int:
    """The fewest bytes that a value of this type takes. Raises ValueError for arrays of nothing."""
    match of:
        case Plain(name):
            return FEWEST_BYTES[name]
        case Fixed(_, size_bytes):
            return size_bytes
        case Record(_, fields):
            return sum(_fewest_bytes(one) for _, one in fields)
        case Time(_, inner) | DecimalOf(inner, _, _) | Text(inner):
            return _fewest_bytes(inner)
        case ArrayOf(inner):
            if not _fewest_bytes(inner):
                raise ValueError(
                    "an array in it has values that take no bytes, so a file may claim any number of them"
                )
        case MapOf(inner):
            _fewest_bytes(inner)
        case Nullable(inner, _):
            _fewest_bytes(inner)
        case Choice(branches):
            return 1 + min(_fewest_bytes(one) for one in branches)
    return 1
