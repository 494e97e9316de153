"""Reads structs, lists and maps from JSON.

Polars parses them fast, as a type near the wanted one. But it parses numbers within them as doubles, and one
wrong value makes all fail. If that matters, Python parses each value to a text tree: the same nesting with a
text for each scalar, with the digits of the source.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

import polars as pl

from ingest_project.reading.values.types import dtype_of, instance
from ingest_project.settings.type_grammar import (
    ColumnType,
    DecimalOf,
    ListOf,
    MapOf,
    Primitive,
    StructOf,
)

Value = TypeVar("Value")

LONG_NUMERAL = r"[\[:,]\s*-?(?:[0-9.]{17}|[0-9.]+[eE])"
"""A number in JSON of which a double may not keep all digits, or a text that looks like one."""
INTEGERS = frozenset({"int", "long"})
FLOATS = frozenset({"float", "double"})
NO_NUMBER = re.compile(r"(?i)nan|inf")
"""The words of CSV for floats that are not numbers; JSON has no such values."""


class Numeral(str):
    """A JSON number, as it is written."""

    __slots__ = ()


class Unfit(Exception):
    """A JSON value is of a kind that the type does not accept."""


def parsed_as(wanted: ColumnType) -> pl.DataType:
    """The type that Polars' JSON reader parses exactly for this type: the same nesting, with text where
    needed.
    """
    match wanted:
        case ListOf(element):
            return pl.List(parsed_as(element))
        case MapOf(_, value):
            return pl.Map(pl.String(), parsed_as(value))
        case StructOf(fields):
            return pl.Struct({name: parsed_as(field) for name, field in fields})
        case Primitive("boolean" | "int" | "long"):
            return dtype_of(wanted)
        case Primitive("float" | "double"):  # a number out of range of a float would become infinity
            return pl.Float64()
    return pl.String()


def keeps_digits(wanted: ColumnType) -> bool:
    """Whether numbers in values of this type must keep all digits."""
    return any(isinstance(one, DecimalOf) or one == Primitive("string") for one in value_types(wanted))


def value_types(wanted: ColumnType) -> Iterator[ColumnType]:
    """The type and the types of its parts; of maps only those of the values, because JSON's keys are text."""
    yield wanted
    match wanted:
        case ListOf(part) | MapOf(_, part):
            yield from value_types(part)
        case StructOf(fields):
            for _, field in fields:
                yield from value_types(field)


def key_count(values: pl.Series) -> int:
    """The number of keys with a value in the JSON objects of these values, at all depths."""
    dtype = values.dtype
    if isinstance(dtype, pl.Struct):
        fields = values.struct.unnest().iter_columns()
        return sum(len(field) - field.null_count() + key_count(field) for field in fields)
    if isinstance(dtype, pl.List):
        inner = instance(dtype.inner)
        return key_count(values.explode()) if isinstance(inner, pl.List | pl.Map | pl.Struct) else 0
    if isinstance(dtype, pl.Map):
        members = values.map.values().explode()
        return len(members) - members.null_count() + key_count(members)
    return 0


def nested_from_text(text: pl.Series, wanted: ColumnType) -> pl.Series:
    """The text trees of the JSON in these texts, null where it is invalid or has another nesting."""
    trees = text_trees((None if one is None else _loaded(one) for one in text), wanted)
    return trees.alias(text.name)


def text_trees(values: Iterable[object], wanted: ColumnType) -> pl.Series:
    """JSON values, parsed by `load`, as text trees; null where one has another nesting or kind."""
    return pl.Series([_tree_or_none(value, wanted) for value in values], dtype=_tree_dtype(wanted))


def load(text: str | bytes) -> object:
    """The JSON value with numbers as Numerals. Raises ValueError or RecursionError if it is invalid."""
    return json.loads(
        text,
        parse_int=Numeral,
        parse_float=Numeral,
        parse_constant=_refuse_constant,
        object_pairs_hook=first_of_each_key,
    )


def _loaded(text: str) -> object:
    try:
        return load(text)
    except (ValueError, RecursionError):
        return Unfit


def first_of_each_key(pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    """The object; if it has a key twice, the first counts, as in Polars."""
    first: dict[str, Value] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _tree_dtype(wanted: ColumnType) -> pl.DataType:
    match wanted:
        case ListOf(element):
            return pl.List(_tree_dtype(element))
        case MapOf(_, value):
            return pl.Map(pl.String(), _tree_dtype(value))
        case StructOf(fields):
            return pl.Struct({name: _tree_dtype(field) for name, field in fields})
    return pl.String()


def _tree_or_none(value: object, wanted: ColumnType) -> object:
    try:
        return _tree(value, wanted)
    except Unfit:
        return None


def _tree(value: object, wanted: ColumnType) -> object:
    if value is None:
        return None
    match wanted:
        case ListOf(element) if isinstance(value, list):
            return [_tree(one, element) for one in value]
        case MapOf(_, inner) if isinstance(value, dict):
            return {key: _tree(one, inner) for key, one in value.items()}
        case StructOf(fields) if isinstance(value, dict):
            known = {name for name, _ in fields}
            if any(key not in known and not _is_empty(one) for key, one in value.items()):
                raise Unfit
            return {name: _tree(value.get(name), field) for name, field in fields}
        case ListOf() | MapOf() | StructOf():
            raise Unfit
    return _leaf(value, wanted)


def _is_empty(value: object) -> bool:
    """Whether the value has only nulls, empty lists and empty objects, as `is_empty` says of a type."""
    if isinstance(value, dict | list):
        return all(map(_is_empty, value.values() if isinstance(value, dict) else value))
    return value is None


def _leaf(value: object, wanted: ColumnType) -> str:
    """The text of the value. Raises Unfit if the type does not accept its kind."""
    name = wanted.name if isinstance(wanted, Primitive) else ""
    if isinstance(value, bool):
        if name == "boolean":
            return "true" if value else "false"
    elif isinstance(value, Numeral):
        is_integer = re.fullmatch(r"-?[0-9]+", value) is not None
        if name in FLOATS or isinstance(wanted, DecimalOf) or (name in INTEGERS and is_integer):
            return str(value)
    elif isinstance(value, str) and not (name in FLOATS and NO_NUMBER.search(value)):
        return value
    if name == "string":
        return json_text(value)
    raise Unfit


def text_of(value: object, *, quoted: bool = False) -> str | None:
    """The value as JSON; a string is as it is unless it is to be `quoted`."""
    if value is None:
        return None
    return value if isinstance(value, str) and not quoted else json_text(value)


def json_text(value: object) -> str:
    """The value as JSON, with each number as it was written."""
    if isinstance(value, Numeral):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}: {json_text(one)}" for key, one in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
