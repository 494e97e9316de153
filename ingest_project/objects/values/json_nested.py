"""Reads structs, lists and maps from JSON.

Polars parses them fast, into a type near the wanted one; but numbers within them pass through doubles there, and
one wrong value refuses all. Where that matters each value is parsed by Python: as text trees, the same nesting with
text in place of every other value, each text having the digits of the source.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import NoReturn, TypeVar

import polars as pl

from ingest_project.objects.values.types import dtype_of, instance
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
"""A number, anywhere in JSON, of which a double may not keep every digit; or a text that looks like one."""
INTEGERS = frozenset({"int", "long"})
FLOATS = frozenset({"float", "double"})
NO_NUMBER = re.compile(r"(?i)nan|inf")
"""Words of CSV for floats that are no numbers, for which JSON has none."""


class Numeral(str):
    """A JSON number, as it is written."""

    __slots__ = ()


class Unfit(Exception):
    """A JSON value is of a kind that the type does not take."""


def parsed_as(wanted: ColumnType) -> pl.DataType:
    """What Polars' JSON reader may parse for this type: the same nesting, with text where it is not exact itself."""
    match wanted:
        case ListOf(element):
            return pl.List(parsed_as(element))
        case MapOf(_, value):
            return pl.Map(pl.String(), parsed_as(value))
        case StructOf(fields):
            return pl.Struct({name: parsed_as(field) for name, field in fields})
        case Primitive("boolean" | "int" | "long"):
            return dtype_of(wanted)
        case Primitive("float" | "double"):  # Polars would make infinity of what is too large for a float
            return pl.Float64()
    return pl.String()


def keeps_digits(wanted: ColumnType) -> bool:
    """Whether a number in a value of this type must come through with every digit."""
    return any(isinstance(one, DecimalOf) or one == Primitive("string") for one in value_types(wanted))


def value_types(wanted: ColumnType) -> Iterator[ColumnType]:
    """The type, and those of all its parts; of maps those of the values, as JSON's keys are text."""
    yield wanted
    match wanted:
        case ListOf(part) | MapOf(_, part):
            yield from value_types(part)
        case StructOf(fields):
            for _, field in fields:
                yield from value_types(field)


def key_count(values: pl.Series) -> int:
    """How many keys with a value the JSON objects in these values have, at every depth."""
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
    """The text trees of the JSON in these texts, null where it is no JSON of this nesting."""
    trees = text_trees((None if one is None else _loaded(one) for one in text), wanted)
    return trees.alias(text.name)


def text_trees(values: Iterable[object], wanted: ColumnType) -> pl.Series:
    """JSON values, parsed by `load`, as text trees; null where one does not have this nesting and these kinds."""
    return pl.Series([_tree_or_none(value, wanted) for value in values], dtype=_tree_dtype(wanted))


def load(text: str | bytes) -> object:
    """The JSON value, its numbers as Numerals. Raises ValueError or RecursionError for what is no JSON."""
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
    """The object; of a key that it has twice the first counts, as with Polars."""
    first: dict[str, Value] = {}
    for key, value in pairs:
        first.setdefault(key, value)
    return first


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


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
    """Nothing but nulls, empty lists and empty objects, as `is_empty` says of a type."""
    if isinstance(value, dict | list):
        return all(map(_is_empty, value.values() if isinstance(value, dict) else value))
    return value is None


def _leaf(value: object, wanted: ColumnType) -> str:
    """The text of a value of a kind that the type takes."""
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
    """The value as JSON; a string as it is if it is not to be quoted."""
    if value is None:
        return None
    return value if isinstance(value, str) and not quoted else json_text(value)


def json_text(value: object) -> str:
    """JSON again, every number as it was written."""
    if isinstance(value, Numeral):
        return str(value)
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}: {json_text(one)}" for key, one in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(json_text(one) for one in value) + "]"
    return json.dumps(value, ensure_ascii=False)
