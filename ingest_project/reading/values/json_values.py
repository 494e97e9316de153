"""Reads JSON texts as values of a type, or as the type that all of them have.

Each text is one JSON value as a file has it, so numbers keep their digits until they meet their type. msgspec
takes objects and arrays apart, many at once, and leaves the texts of their parts.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import polars as pl

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.nested import lists, null_unless, spread, structs
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.text_numbers import floats, null_where
from ingest_project.reading.values.types import UnusableName, dtype_of, is_empty, with_fields
from ingest_project.settings.type_grammar import (
    MAX_DEPTH,
    ColumnType,
    DecimalOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
)

NOT_JSON = (msgspec.MsgspecError, UnicodeError, RecursionError)
STRINGS = msgspec.json.Decoder(list[str])
ARRAYS = msgspec.json.Decoder(list[list[msgspec.Raw]])
OBJECTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
OBJECT_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
ARRAY_PARTS = msgspec.json.Decoder(list[msgspec.Raw])
VALUE = msgspec.json.Decoder(msgspec.Raw)
STRING, OBJECT, ARRAY = '"', "{", "["
NUMBERS = ("int", "long", "float", "double")
NO_NUMBER = r"(?i)nan|inf"
"""The words of CSV for floats that are not numbers; JSON has no such values."""
NOT_CANONICAL = r"^\s*(?:\+|-?0[0-9])"
"""How a code, such as a postal code or a telephone number, begins, and no number that a program wrote."""
INTEGER = r"^-?[0-9]+$"


class _NoType(Exception):
    """Values are nested too deeply, or have too many fields, for a type."""


def raw_texts(values: Iterable[Any], name: str = "") -> pl.Series:
    """The JSON texts that msgspec has left as `Raw`; null for JSON's null, and where there is no value."""
    texts = [
        None if one is None or (text := str(one, "utf-8")) == "null" or not text else text for one in values
    ]
    return pl.Series(name, texts, dtype=pl.String())


def valid_texts(text: pl.Series) -> pl.Series:
    """The texts that are one JSON value each, without whitespace around; null for others, and for `null`."""
    return by_slices(text, _valid_texts)


def _valid_texts(text: pl.Series) -> pl.Series:
    try:
        found = list(map(bytes, VALUE.decode_lines("\n".join(text.drop_nulls()))))
    except NOT_JSON:
        found = []
    values = text.drop_nulls().str.strip_chars(" \t\r\n").cast(pl.Binary())
    if len(found) == len(values) and found == values.to_list():
        return spread(raw_texts(found), text.is_not_null()).alias(text.name)
    return raw_texts(map(_value_or_none, text), text.name)


def _value_or_none(text: str | None) -> msgspec.Raw | None:
    try:
        return None if text is None else VALUE.decode(text)
    except NOT_JSON:
        return None


def by_slices(text: pl.Series, read: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """What is read of the texts, some MB at a time: Python's objects take many times their room."""
    found = [read(one) for one in slices(text)]
    return found[0] if len(found) == 1 else pl.concat(found).alias(text.name)


def slices(text: pl.Series) -> Iterator[pl.Series]:
    """The texts in slices of some MB, at least one."""
    size_bytes = max(int(text.str.len_bytes().sum() or 0), 1)
    rows = max(len(text) * LIMITS.json.part_bytes // size_bytes, 1)
    for start in range(0, max(len(text), 1), rows):
        yield text.slice(start, rows)


def unquoted(raw: pl.Series) -> pl.Series:
    """JSON's strings as they are, and the texts of all other values."""
    is_string = raw.str.starts_with(STRING)
    if not is_string.any():
        return raw
    inner = raw.str.strip_prefix(STRING).str.strip_suffix(STRING)
    text = pl.select(pl.when(is_string).then(inner).otherwise(raw)).to_series().alias(raw.name)
    has_escape = is_string & raw.str.contains("\\", literal=True)
    if not has_escape.any():
        return text
    places = has_escape.arg_true()
    return text.scatter(places, by_slices(raw.gather(places), _decoded_strings))


def _decoded_strings(raw: pl.Series) -> pl.Series:
    return pl.Series(STRINGS.decode(_array(raw)), dtype=pl.String())


def from_json(raw: pl.Series, wanted: ColumnType, *, canonical: bool = False) -> pl.Series:
    """The values as this type; null where one is not valid for it, or not exactly representable.

    `boolean` accepts true and false; `int` and `long` a number without point or exponent; `float`, `double`
    and `decimal` any number; each of these also a string that can be parsed as one. `string` accepts any
    value: a string as it is, others as they are written. Lists accept an array, structs and maps an object.
    Any other type accepts a string. A struct does not accept a field that it lacks, unless that holds only
    nulls, empty arrays and empty objects. If it must be `canonical`, a string such as "007" is not a number.
    """
    match wanted:
        case ListOf() | StructOf() | MapOf():
            return by_slices(raw, lambda some: _nested(some, wanted, canonical=canonical))
        case Primitive("string"):
            return unquoted(raw)
        case Primitive(name) if name in NUMBERS or name == "boolean":
            return _numbers(raw, wanted, canonical=canonical)
        case DecimalOf():
            return _numbers(raw, wanted, canonical=canonical)
    return from_text(unquoted(null_unless(raw, raw.str.starts_with(STRING))), wanted)


def _nested(raw: pl.Series, wanted: ListOf | StructOf | MapOf, *, canonical: bool) -> pl.Series:
    try:
        match wanted:
            case ListOf(element):
                return _lists(raw, element, canonical=canonical)
            case StructOf():
                return _structs(raw, wanted, canonical=canonical)
            case MapOf(key, value):
                return _maps(raw, key, value, canonical=canonical)
    except RecursionError:  # one is nested more deeply than a decoder goes; no type is
        if len(raw) == 1:
            return pl.Series(raw.name, [None], dtype=dtype_of(wanted))
    middle = len(raw) // 2
    halves = (raw.slice(0, middle), raw.slice(middle))
    return pl.concat([_nested(half, wanted, canonical=canonical) for half in halves])


def _numbers(raw: pl.Series, wanted: ColumnType, *, canonical: bool) -> pl.Series:
    text = unquoted(raw)
    if canonical:
        text = null_where(text, text.str.contains(NOT_CANONICAL))
    values = from_text(text, wanted)
    return null_where(values, text.str.contains(NO_NUMBER)) if values.dtype.is_float() else values


def _lists(raw: pl.Series, wanted: ColumnType, *, canonical: bool) -> pl.Series:
    is_array = raw.str.starts_with(ARRAY)
    arrays = ARRAYS.decode(_array(raw.filter(is_array)))
    parts = raw_texts(chain.from_iterable(arrays))
    return _of_parts(
        raw, is_array, [len(one) for one in arrays], parts, from_json(parts, wanted, canonical=canonical)
    )


def _of_parts(
    raw: pl.Series, present: pl.Series, lengths: Sequence[int], parts: pl.Series, values: pl.Series
) -> pl.Series:
    """Lists of these lengths of the values, null where a value was lost."""
    found = lists(lengths, values)
    lost = parts.is_not_null() & values.is_null()
    if lost.any():
        has_lost = lists(lengths, lost).list.any()
        found = null_where(found, has_lost)
    return spread(found, present).alias(raw.name)


def _structs(raw: pl.Series, wanted: StructOf, *, canonical: bool) -> pl.Series:
    is_object = raw.str.starts_with(OBJECT)
    parts, sound = _fields(raw.filter(is_object), [name for name, _ in wanted.fields])
    fields: list[pl.Series] = []
    for part, (name, field) in zip(parts, wanted.fields, strict=True):
        values = from_json(part, field, canonical=canonical).alias(name)
        sound &= part.is_null() | values.is_not_null()
        fields.append(values)
    return spread(null_unless(structs(fields, len(sound)), sound), is_object).alias(raw.name)


def _fields(raw: pl.Series, names: Sequence[str]) -> tuple[list[pl.Series], pl.Series]:
    """The texts of these fields of each object, and whether it has no other field with a value."""
    text = _array(raw)
    decoder = _decoder_of(tuple(names))
    try:
        rows = decoder.decode(text) if decoder is not None else None
    except msgspec.ValidationError:  # another field
        rows = None
    if rows is not None:
        parts = [raw_texts(map(attrgetter(f"field_{place}"), rows)) for place in range(len(names))]
        return parts, pl.repeat(True, len(rows), dtype=pl.Boolean, eager=True)
    objects = OBJECTS.decode(text)
    known = set(names)
    sound = pl.Series([not _has_others(one, known) for one in objects], dtype=pl.Boolean())
    return [raw_texts(one.get(name) for one in objects) for name in names], sound


@lru_cache(64)
def _decoder_of(names: tuple[str, ...]) -> "msgspec.json.Decoder[list[Any]] | None":
    """Decodes objects with these fields and no other; None if msgspec does not take one of the names."""
    fields = {f"field_{place}": name for place, name in enumerate(names)}
    texts = [(field, msgspec.Raw, msgspec.Raw()) for field in fields]
    try:
        kind = msgspec.defstruct("Object", texts, rename=fields, forbid_unknown_fields=True, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type] # made at run time


def _has_others(value: dict[str, msgspec.Raw], known: set[str]) -> bool:
    """Whether the object has a value in a field that is not known."""
    return not value.keys() <= known and any(
        _is_something(bytes(one)) for name, one in value.items() if name not in known
    )


def _is_something(text: bytes) -> bool:
    """Whether a JSON text has a value: not only nulls, empty arrays and empty objects."""
    try:
        match text[:1]:
            case b"{":
                parts: Iterable[msgspec.Raw] = OBJECT_PARTS.decode(text).values()
            case b"[":
                parts = ARRAY_PARTS.decode(text)
            case head:
                return head != b"n"
        return any(_is_something(bytes(one)) for one in parts)
    except RecursionError:
        return True


def _maps(raw: pl.Series, key: ColumnType, value: ColumnType, *, canonical: bool) -> pl.Series:
    is_object = raw.str.starts_with(OBJECT)
    objects = OBJECTS.decode(_array(raw.filter(is_object)))
    keys = pl.Series("key", [*chain.from_iterable(objects)], dtype=pl.String())
    parts = raw_texts(chain.from_iterable(one.values() for one in objects))
    typed_keys, values = from_text(keys, key), from_json(parts, value, canonical=canonical)
    sound = typed_keys.is_not_null() & (parts.is_null() | values.is_not_null())
    lengths = pl.Series([len(one) for one in objects], dtype=pl.Int64())
    is_sound = lists(lengths, sound).list.all()
    # Without the entries of lost maps: Polars panics on null entries if it casts to maps.
    kept = is_sound.repeat_by(lengths.cast(pl.UInt32())).explode(empty_as_null=False, keep_nulls=False)
    entries = structs([typed_keys.alias("key"), values.alias("value")], len(keys)).filter(kept)
    found = lists(pl.select(pl.when(is_sound).then(lengths).otherwise(0)).to_series(), entries)
    typed = null_unless(found.cast(dtype_of(MapOf(key, value))), is_sound)
    return spread(typed, is_object).alias(raw.name)


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
    doubles = floats(raw, pl.Float64())
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
        objects = OBJECTS.decode(_array(some))
        for name in dict.fromkeys(chain.from_iterable(objects)):
            if "\0" in name:
                raise UnusableName(f"field {path + name!r} has a control character in its name")
            found.setdefault(name, [_nulls(height)])
        height += len(objects)
        if len(found) * height > LIMITS.json.cells:
            raise _NoType
        for name, parts in found.items():
            parts.append(raw_texts(one.get(name) for one in objects))
    for name, parts in found.items():
        yield pl.concat(parts).alias(name)


def _nulls(height: int) -> pl.Series:
    return pl.Series([None], dtype=pl.String()).new_from_index(0, height)


def _taken_apart(raw: pl.Series) -> tuple[list[int], pl.Series]:
    """The number of elements of each array, none of a null, and the texts of all elements."""
    lengths: list[int] = []
    parts = [_nulls(0)]
    for some in slices(raw):
        arrays = iter(ARRAYS.decode(_array(some.drop_nulls())))
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
    objects = (one for some in slices(_objects(raw)) for one in OBJECTS.decode(_array(some)))
    return raw_texts(chain.from_iterable(one.values() for one in objects))


def below(raw: pl.Series, path: Sequence[str]) -> pl.Series:
    """The texts of the values under this path of names, null where there is none."""
    return by_slices(raw, lambda some: _below(some, path))


def _below(raw: pl.Series, path: Sequence[str]) -> pl.Series:
    for name in path:
        is_object = raw.str.starts_with(OBJECT)
        objects = OBJECTS.decode(_array(raw.filter(is_object)))
        raw = spread(raw_texts(one.get(name) for one in objects), is_object).alias(raw.name)
    return raw


def _array(raw: pl.Series) -> bytes:
    """One JSON array of these texts."""
    return b"[" + ",".join(raw).encode() + b"]"
