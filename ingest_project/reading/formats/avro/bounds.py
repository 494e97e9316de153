"""Checks what an Avro file claims to hold, before a decoder allocates memory for it.

A count of rows, or of an array's elements, is a number that anybody can write. If each takes at least a byte,
the file's length bounds them. If they take none, like nulls, only a limit does.
"""

from collections.abc import Mapping

from ingest_project.reading.formats.avro.types import Schema, named_types
from ingest_project.reading.limits import LIMITS

FEWEST_BYTES: Mapping[str, int] = {
    "null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "string": 1, "bytes": 1, "enum": 1,
}  # fmt: skip
EXPANSION = 8
"""How far deflate usually compresses such files, which do not tell their decoded size."""


def decoded_bytes(body: bytes) -> int:
    """An estimate of the memory that a file's rows take, from its size."""
    return EXPANSION * len(body)


class RowBound:
    """Checks the blocks of one file. Raises ValueError for arrays of values that take no bytes."""

    def __init__(self, schema: Schema) -> None:
        named = named_types(schema)
        self._row_bytes = _fewest_bytes(schema, named, frozenset())
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


def _fewest_bytes(schema: Schema, named: Mapping[str, Schema], within: frozenset[str]) -> int:
    """The fewest bytes that a value of this schema takes."""
    if isinstance(schema, list):
        return 1 + min((_fewest_bytes(one, named, within) for one in schema), default=0)
    if isinstance(schema, str):
        name = schema.rpartition(".")[2]
        if schema in FEWEST_BYTES or name in within or name not in named:
            return FEWEST_BYTES.get(schema, 0)
        return _fewest_bytes(named[name], named, within | {name})
    kind = schema.get("type") if isinstance(schema, dict) else None
    match kind:
        case "record":
            inside = within | {str(schema.get("name", "")).rpartition(".")[2]}
            return sum(_fewest_bytes(field.get("type"), named, inside) for field in schema.get("fields", []))
        case "array":
            return _of_array(schema, named, within)
        case "map":
            _fewest_bytes(schema.get("values"), named, within)
            return 1
        case "fixed":
            return _of_fixed(schema)
        case str(plain) if plain in FEWEST_BYTES:
            return FEWEST_BYTES[plain]
        case str() | list() | dict():
            return _fewest_bytes(kind, named, within)
    return 0


def _of_array(schema: Schema, named: Mapping[str, Schema], within: frozenset[str]) -> int:
    items = schema.get("items")
    recurs = isinstance(items, str) and items.rpartition(".")[2] in within
    if not recurs and not _fewest_bytes(items, named, within):
        raise ValueError(
            "an array in it has values that take no bytes, so a file may claim any number of them"
        )
    return 1


def _of_fixed(schema: Schema) -> int:
    size_bytes = schema.get("size")
    if not isinstance(size_bytes, int) or not 0 <= size_bytes <= LIMITS.avro.fixed_bytes:
        raise ValueError(f"a fixed type in it has {size_bytes!r} bytes".replace("\n", " ")[:100])
    return size_bytes
