"""Finds the lines of NDJSON that may be bad, much faster than `faults.py` says what is wrong with one.

msgspec decodes each line into a class made from the table's columns, which costs less than Polars' parsing.
Lines that it refuses need not be bad: a number may be a string. Lines that it takes may be bad, too.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec

from ingest_project.reading.formats.interface import Text
from ingest_project.reading.record import Sieved
from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
    parse_column_type,
)

WHITESPACE = b" \t\r\n"
INTEGERS: Mapping[str, Any] = {
    "int": Annotated[int, msgspec.Meta(ge=-(2**31), lt=2**31)],
    "long": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
}


def sieved(text: Text) -> Sieved | None:
    """The lines of a body that are not blank. Suspects are not objects, or have a value of another type than
    its column.

    None if case does not count, because msgspec looks for fields in their right spelling, and if msgspec
    does not take the name of a field, such as one with a quote.
    """
    if text.target.spelling is not None:
        return None
    try:
        decode = _decoder(tuple(text.target.fields().items()))
    except ValueError:
        return None
    all_lines = enumerate(text.body.split(b"\n"), text.first_line)
    numbered = [(number, line) for number, line in all_lines if line.strip(WHITESPACE)]
    lines = [line for _, line in numbered]
    return Sieved(lines, [number for number, _ in numbered], list(_suspects(lines, decode)))


def _suspects(lines: Iterable[bytes], decode: Callable[[bytes], object]) -> Iterator[int]:
    for place, line in enumerate(lines):
        try:
            decode(line)
            if not line.isascii():
                line.decode()
        except (msgspec.MsgspecError, ValueError, RecursionError):
            yield place


@lru_cache(16)
def _decoder(fields: tuple[tuple[str, str], ...]) -> Callable[[bytes], object]:
    types = tuple((name, parse_column_type(type_name)) for name, type_name in fields)
    return msgspec.json.Decoder(_class(types)).decode


def _class(fields: Sequence[tuple[str, ColumnType]]) -> type[msgspec.Struct]:
    """A class with these fields; keys need not be names in Python."""
    names = {f"field_{number}": name for number, (name, _) in enumerate(fields)}
    types = [(name, _kind(wanted), None) for name, (_, wanted) in zip(names, fields, strict=True)]
    return msgspec.defstruct("Line", types, rename=names, gc=False)


def _kind(wanted: ColumnType) -> Any:
    """What the type accepts, as msgspec's type: a null or one kind of JSON value, or with `Raw` any value."""
    return msgspec.Raw if wanted == Primitive("string") else _kind_of_value(wanted) | None


def _kind_of_value(wanted: ColumnType) -> Any:
    match wanted:
        case Primitive("boolean"):
            return bool
        case Primitive("int" | "long" as name):
            return INTEGERS[name]
        case Primitive("float" | "double"):
            return float
        case DecimalOf():
            return float | str
        case ListOf(element):
            return list[_kind(element)]  # type: ignore[misc] # a type that is made at run time
        case MapOf(_, value):
            return dict[str, _kind(value)]  # type: ignore[misc]
        case StructOf(fields):
            return _class(fields)
    return str
