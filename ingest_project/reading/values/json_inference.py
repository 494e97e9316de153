"""Infers the type of JSON texts from all of them, so that the result does not depend on their order."""

from collections.abc import Iterator
from itertools import chain

import polars as pl

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.json_texts import (
    ABSENT,
    ARRAY,
    OBJECT,
    STRING,
    arrays_of,
    objects_of,
    raw_texts,
    slices,
    unquoted,
)
from ingest_project.reading.values.nested import lists, null_unless, spread, structs
from ingest_project.reading.values.text_numbers import floats
from ingest_project.reading.values.types import UnusableName, is_empty, with_fields
from ingest_project.settings.type_grammar import MAX_DEPTH, ColumnType, ListOf, MapOf, StructOf

INTEGER = r"^-?[0-9]+$"


class _NoType(Exception):
    """Values are nested too deeply, or have too many fields, for a type."""


def inferred(raw: pl.Series) -> pl.Series:
    """The values in the type that holds all of them, at any depth.

    Integers and fractions together are doubles, but text if a double would change an integer, or is out of
    range. Objects are structs of all their fields. What mixes other kinds is text: strings as they are, the
    rest as it is written. So is what is nested deeper, or has more fields, than a type may. Only nulls, empty
    arrays and empty objects have the type Null. Raises UnusableName for a field with a NUL in its name, which
    Polars cannot hold.
    """
    if isinstance(raw.dtype, pl.Null):
        return raw
    try:
        values = _inferred(raw, MAX_DEPTH, f"{raw.name}.")
    except (_NoType, RecursionError):
        return unquoted(raw)
    if is_empty(values.dtype):
        return pl.Series(raw.name, [None], dtype=pl.Null()).new_from_index(0, len(raw))
    return values.alias(raw.name)


def _inferred(raw: pl.Series, levels: int, path: str) -> pl.Series:
    kinds = {_kind(head) for head in raw.drop_nulls().str.head(1).unique()}
    if not kinds:
        return pl.Series(raw.name, [None], dtype=pl.Null()).new_from_index(0, len(raw))
    if kinds <= {OBJECT, ARRAY} and not levels:
        raise _NoType
    match [*kinds]:
        case ["boolean"]:
            return raw == "true"
        case ["number"]:
            return _inferred_numbers(raw)
        case ["{"]:
            return _inferred_structs(raw, levels, path)
        case ["["]:
            lengths, parts = _taken_apart(raw)
            return null_unless(lists(lengths, _inferred(parts, levels - 1, path)), raw.is_not_null())
    return unquoted(raw)


def _kind(head: str) -> str:
    if head in {STRING, OBJECT, ARRAY}:
        return head
    return "boolean" if head in {"t", "f"} else "number"


def _inferred_numbers(raw: pl.Series) -> pl.Series:
    if raw.str.contains(INTEGER).all():
        for dtype in (pl.Int64(), pl.Decimal(38, 0)):
            values = raw.cast(dtype, strict=False)
            if values.null_count() == raw.null_count():
                return values
        return raw
    doubles = floats(raw.replace("-0", "0"), pl.Float64())  # msgspec has it so, too
    return doubles if doubles.null_count() == raw.null_count() else raw


def _inferred_structs(raw: pl.Series, levels: int, path: str) -> pl.Series:
    present = raw.drop_nulls()
    parts = [
        _inferred(part, levels - 1, f"{path}{part.name}.").alias(part.name)
        for part in _taken_fields(present, path)
    ]
    return spread(structs(parts, len(present)), raw.is_not_null()).alias(raw.name)


def _taken_fields(raw: pl.Series, path: str) -> Iterator[pl.Series]:
    """The texts of each field of these objects, in the order in which they first occur."""
    found: dict[str, list[pl.Series]] = {}
    height = 0
    for some in slices(raw):
        objects = objects_of(some)
        for name in dict.fromkeys(chain.from_iterable(objects)):
            if "\0" in name:
                raise UnusableName(f"field {path + name!r} has a control character in its name")
            found.setdefault(name, [_nulls(height)])
        height += len(objects)
        if len(found) * height > LIMITS.json.cells:
            raise _NoType
        for name, parts in found.items():
            parts.append(raw_texts(one.get(name, ABSENT) for one in objects))
    for name, parts in found.items():
        yield pl.concat(parts).alias(name)


def _nulls(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String()).new_from_index(0, height)


def _taken_apart(raw: pl.Series) -> tuple[list[int], pl.Series]:
    """The number of elements of each array, none of a null, and the texts of all elements."""
    lengths: list[int] = []
    parts = [_nulls(0)]
    for some in slices(raw):
        arrays = iter(arrays_of(some.drop_nulls()))
        rows = [next(arrays) if has_value else [] for has_value in some.is_not_null()]
        lengths += map(len, rows)
        parts.append(raw_texts(chain.from_iterable(rows)))
    return lengths, pl.concat(parts)


def with_fields_of(raw: pl.Series, known: ColumnType, path: str) -> ColumnType:
    """The type with the fields that the objects in these texts have beyond it, at any depth.

    Each is of the type that all of its values have, as `inferred` gives it; what else is wrong with a row
    does not matter. Raises UnusableName; `path` leads to the values, with a dot behind.
    """
    try:
        match known:
            case ListOf(element):
                _, parts = _taken_apart(null_unless(raw, raw.str.starts_with(ARRAY)))
                return ListOf(with_fields_of(parts, element, path))
            case MapOf(key, value):
                return MapOf(key, with_fields_of(_map_values(raw), value, path))
            case StructOf(fields):
                found = {one.name: one for one in _taken_fields(_objects(raw), path)}
                typed = [
                    (name, with_fields_of(found.pop(name, _nulls(0)), field, f"{path}{name}."))
                    for name, field in fields
                ]
                new = {name: inferred(part.alias(f"{path}{name}")).dtype for name, part in found.items()}
                return with_fields(typed, new, path)
    except (_NoType, RecursionError):
        pass
    return known


def _objects(raw: pl.Series) -> pl.Series:
    return raw.filter(raw.str.starts_with(OBJECT))


def _map_values(raw: pl.Series) -> pl.Series:
    objects = (one for some in slices(_objects(raw)) for one in objects_of(some))
    return raw_texts(chain.from_iterable(one.values() for one in objects))
