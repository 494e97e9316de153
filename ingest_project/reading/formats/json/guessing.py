"""Guesses the types of fields that have no column from the first lines, so that msgspec decodes them by type.

A wrong guess changes nothing: a value of another kind is refused, and its field is read as JSON texts, whose
type is inferred from all of them. For values that are not refused, the two must give the same type.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
import polars as pl

from ingest_project.reading.formats.json.decoding import KEYS, Inexact, kind_of, values_of
from ingest_project.reading.limits import LIMITS
from ingest_project.reading.values.cast_exactly import cast_exactly
from ingest_project.reading.values.json_inference import inferred, with_fields_of
from ingest_project.reading.values.json_texts import ABSENT, NOT_JSON, array_text, raw_texts
from ingest_project.reading.values.json_values import from_json
from ingest_project.reading.values.types import UnusableName, type_of
from ingest_project.settings.type_grammar import ColumnType, ListOf, Primitive, StructOf

SAMPLE_BYTES = 128 * 1024
KINDS = ("boolean", "long", "double", "string")
"""The types of values whose JSON tells the type: not those that depend on the length of a number."""


def guessed_types(lines: bytes | memoryview, names: Iterable[str], rows: int) -> Mapping[str, ColumnType]:
    """The types that the values of these fields have in the first of these lines, if there are such.

    `rows` is the number of rows that will be read.
    """
    objects = _first_objects(lines)
    found = ((name, _guess(_texts_of(objects, name), rows)) for name in names)
    return {name: wanted for name, wanted in found if wanted is not None}


def widened_type(lines: bytes | memoryview, name: str, known: ColumnType, rows: int) -> ColumnType | None:
    """The type of a field with the new fields that its objects have in the first of these lines.

    None if there are none, or if values of all rows might be others by this type than as JSON texts.
    """
    texts = _texts_of(_first_objects(lines), name).drop_nulls()
    try:
        wider = with_fields_of(texts, known, f"{name}.")
        if wider == known or not _may_be_widened(known, wider, rows):
            return None
        values = cast_exactly(_decoded(texts, wider), wider)
        is_same = values is not None and values.equals(from_json(texts, wider)) and not values.null_count()
    except (*NOT_JSON, Inexact, UnusableName, ValueError):
        return None
    return wider if is_same else None


def _first_objects(lines: bytes | memoryview) -> list[dict[str, msgspec.Raw]]:
    sample = bytes(lines[:SAMPLE_BYTES])
    try:
        return KEYS.decode_lines(sample[: sample.rfind(b"\n") + 1] or bytes(lines))
    except NOT_JSON:
        return []


def _texts_of(objects: Sequence[dict[str, msgspec.Raw]], name: str) -> pl.Series:
    return raw_texts([one.get(name, ABSENT) for one in objects], name)


def _decoded(texts: pl.Series, wanted: ColumnType) -> pl.Series:
    decoder = msgspec.json.Decoder(list[kind_of(wanted)])  # type: ignore[misc] # made at run time
    return values_of(decoder.decode(array_text(texts)), wanted)


def _guess(raw: pl.Series, rows: int) -> ColumnType | None:
    texts = raw.drop_nulls()
    try:
        values = inferred(texts)
        wanted = type_of(values.dtype)
        if wanted is None or not _may_be_guessed(wanted, rows):
            return None
        is_same = _decoded(texts, wanted).equals(values)
    except (*NOT_JSON, Inexact, UnusableName, ValueError):
        return None
    return wanted if is_same else None


def _may_be_widened(known: ColumnType, wider: ColumnType, rows: int) -> bool:
    """Whether all new fields are in objects of the rows themselves, and may be guessed."""
    if known == wider:
        return True
    if not isinstance(known, StructOf) or not isinstance(wider, StructOf):
        return False
    old = dict(known.fields)
    is_small = len(wider.fields) * rows <= LIMITS.json.cells
    return is_small and all(
        _may_be_widened(old[name], part, rows) if name in old else _may_be_guessed(part, rows)
        for name, part in wider.fields
    )


def _may_be_guessed(wanted: ColumnType, rows: int, *, in_list: bool = False) -> bool:
    """Whether JSON texts of so many rows would have this type: objects with too many values are text."""
    match wanted:
        case Primitive(name):
            return name in KINDS
        case ListOf(element):
            return _may_be_guessed(element, rows, in_list=True)
        case StructOf(fields):
            is_small = not in_list and len(fields) * rows <= LIMITS.json.cells
            return is_small and all(_may_be_guessed(field, rows) for _, field in fields)
    return False
