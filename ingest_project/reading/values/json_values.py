"""Casts JSON texts to a type: exactly, or not at all."""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any

import msgspec
import polars as pl

from ingest_project.reading.values.json_texts import (
    ABSENT,
    ARRAY,
    ARRAY_PARTS,
    NOT_JSON,
    OBJECT,
    STRING,
    array_text,
    arrays_of,
    by_slices,
    objects_of,
    raw_texts,
    unquoted,
    valid_texts,
)
from ingest_project.reading.values.nested import lists, lists_without, null_unless, spread, structs
from ingest_project.reading.values.text import from_text
from ingest_project.reading.values.text_numbers import null_where
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
)

OBJECT_PARTS = msgspec.json.Decoder(dict[str, msgspec.Raw])
FLOATS = (Primitive("float"), Primitive("double"))
UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`")
"""What msgspec says of an object with a field that its class does not have."""
MOST_OTHERS = 8
"""Of so many other fields the names are found one by one, each by decoding up to the first object with it."""
NO_NUMBER = r"(?i)nan|inf"
"""The words of CSV for floats that are not numbers; JSON has no such values."""
NOT_CANONICAL = r"^\s*(?:\+|-?0[0-9])"
"""The beginning of a code, such as a postal code or a telephone number; programs do not write numbers so."""


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
        case Primitive("boolean" | "int" | "long" | "float" | "double") | DecimalOf():
            return _numbers(raw, wanted, canonical=canonical)
    return from_text(unquoted(null_unless(raw, raw.str.starts_with(STRING))), wanted)


def from_json_text(text: pl.Series, wanted: ColumnType) -> pl.Series:
    """The same for texts that may not be JSON, or have whitespace around; null where one is not JSON.

    If all of them look like objects, decoding them tells whether they are. No object goes on from one of
    these to the next, because no comma is between `}` and `{`; so as many objects as texts are one each.
    """
    if isinstance(wanted, StructOf):
        stripped = text.str.strip_chars(" \t\r\n")
        if (stripped.str.starts_with(OBJECT) & stripped.str.ends_with("}")).all():
            try:
                return from_json(stripped, wanted)
            except NOT_JSON:
                pass
    return from_json(valid_texts(text), wanted)


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
    if wanted not in FLOATS:
        return from_text(text, wanted)
    # `-0` is the integer zero to msgspec, so it is 0.0 here, too.
    return null_where(from_text(text.replace("-0", "0"), wanted), text.str.contains(NO_NUMBER))


def _lists(raw: pl.Series, wanted: ColumnType, *, canonical: bool) -> pl.Series:
    is_array = raw.str.starts_with(ARRAY)
    arrays = arrays_of(raw.filter(is_array))
    parts = raw_texts(chain.from_iterable(arrays))
    values = from_json(parts, wanted, canonical=canonical)
    lost = parts.is_not_null() & values.is_null()
    return spread(lists_without(lost, [len(one) for one in arrays], values), is_array).alias(raw.name)


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
    """The texts of these fields of each object, and whether it has no other field with a value.

    Raises an exception of NOT_JSON if the texts are not one object each.
    """
    text = array_text(raw)
    read = list(names)
    while len(read) <= len(names) + MOST_OTHERS and (decoder := _decoder_of(tuple(read))) is not None:
        try:
            rows = decoder.decode(text)
        except msgspec.ValidationError as error:
            other = UNKNOWN_FIELD.search(str(error))
            if other is None or other[1] in read:
                break
            read.append(other[1])
            continue
        _check_count(rows, raw)
        parts = [raw_texts(map(attrgetter(f"field_{place}"), rows)) for place in range(len(read))]
        sound = pl.repeat(True, len(rows), dtype=pl.Boolean, eager=True)
        for part in parts[len(names) :]:
            sound &= _are_nothing(part)
        return parts[: len(names)], sound
    objects = objects_of(raw)
    _check_count(objects, raw)
    known = set(names)
    sound = pl.Series([not _has_others(one, known) for one in objects], dtype=pl.Boolean())
    return [raw_texts(one.get(name, ABSENT) for one in objects) for name in names], sound


def _check_count(objects: Sequence[Any], raw: pl.Series) -> None:
    if len(objects) != len(raw):
        raise msgspec.DecodeError(f"{len(raw)} texts are {len(objects)} objects")


@lru_cache(64)
def _decoder_of(names: tuple[str, ...]) -> "msgspec.json.Decoder[list[Any]] | None":
    """Decodes objects with these fields and no other; None if msgspec does not take one of the names."""
    fields = {f"field_{place}": name for place, name in enumerate(names)}
    texts = [(field, msgspec.Raw, ABSENT) for field in fields]
    try:
        kind = msgspec.defstruct("Object", texts, rename=fields, forbid_unknown_fields=True, gc=False)
    except ValueError:
        return None
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type] # made at run time


def _are_nothing(parts: pl.Series) -> pl.Series:
    """Whether each has no value: see `_is_something`."""
    nothing = parts.is_null()
    places = parts.str.contains(r"^[\[{]").fill_null(value=False).arg_true()
    if len(places) == 0:
        return nothing
    found = [not _is_something(text.encode()) for text in parts.gather(places)]
    return nothing.scatter(places, found)


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
    objects = objects_of(raw.filter(is_object))
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
