"""Bounds what an Avro file may claim to hold, before a decoder believes it.

A count of rows, or of an array's elements, is a number that anybody can write. Where each takes a byte at least, the
file's length bounds them; where they take none, as nulls do, nothing would.
"""

from collections.abc import Mapping

from ingest_project.objects.columnar.avro_types import Schema, named_types

FEWEST_BYTES: Mapping[str, int] = {
    "null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "string": 1, "bytes": 1, "enum": 1,
}  # fmt: skip
MAX_EMPTY_ROWS = 1_000_000
"""How many records a file may have that take no bytes, as those of nothing but nulls."""
MAX_FIXED_BYTES = 16 * 1024**2


class RowBound:
    """Checks the blocks of one file. Raises ValueError for a schema that has arrays of what takes no bytes."""

    def __init__(self, schema: Schema) -> None:
        named = named_types(schema)
        self._row_bytes = _fewest_bytes(schema, named, frozenset())
        self._rows = 0

    def check(self, rows: int, size_bytes: int) -> None:
        """Raises ValueError if a block of this size, unpacked, cannot have so many rows."""
        self._rows += rows
        fits = rows * self._row_bytes <= size_bytes if self._row_bytes else self._rows <= MAX_EMPTY_ROWS
        if not fits:
            raise ValueError(f"a block of {size_bytes} bytes says that it has {rows} records")


def _fewest_bytes(schema: Schema, named: Mapping[str, Schema], within: frozenset[str]) -> int:
    """How many bytes a value of this schema has at least."""
    if isinstance(schema, list):
        return 1 + min((_fewest_bytes(one, named, within) for one in schema), default=0)
    if isinstance(schema, str):
        name = schema.rpartition(".")[2]
        if schema in FEWEST_BYTES or name in within or name not in named:
            return FEWEST_BYTES.get(schema, 0)
        return _fewest_bytes(named[name], named, within | {name})
    kind = schema.get("type") if isinstance(schema, dict) else None
    match kind:
        case "record" | "error":
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
            "an array of it holds values that take no bytes, of which a file may claim any number"
        )
    return 1


def _of_fixed(schema: Schema) -> int:
    size_bytes = schema.get("size")
    if not isinstance(size_bytes, int) or not 0 <= size_bytes <= MAX_FIXED_BYTES:
        raise ValueError(f"a fixed type of it has {size_bytes!r} bytes".replace("\n", " ")[:100])
    return size_bytes
