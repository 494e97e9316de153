"""Reads the declared nested columns of NDJSON that Polars has not read completely.

If Polars is given a type, it ignores fields that the type lacks, and parses each number as a double.
"""

import re
from collections.abc import Collection, Mapping

import polars as pl

from ingest_project.reading.formats.json.exact import has_lost_spelling
from ingest_project.reading.formats.json.floats import has_float
from ingest_project.reading.formats.json.inference import read_undeclared
from ingest_project.reading.formats.json.numerals import RESPELLED, names_pattern, spellings
from ingest_project.reading.formats.json.scan import contains, parts_with
from ingest_project.reading.values.json_nested import (
    LONG_NUMERAL,
    keeps_digits,
    key_count,
    load,
    text_of,
    value_types,
)
from ingest_project.reading.values.types import instance
from ingest_project.settings.type_grammar import ColumnType, DecimalOf, ListOf, MapOf, StructOf

OTHERWISE_WRITTEN = r"^(?:[\[{]|-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$)"
"""Texts that may come from a JSON value other than a string."""
ANY_RESPELLED = r"[\[:,]\s*" + RESPELLED
MINUS_ZERO = re.compile(rb"[\[:,]\s*-0\s*[,}\]]")


def with_nested(
    frame: pl.DataFrame,
    content: bytes,
    types: Mapping[str, ColumnType],
    keys: int | None,
    *,
    spelled: Collection[str] = (),
) -> pl.DataFrame:
    """The frame with its nested columns of these types as the text has them: typed, inferred, or as JSON
    text.

    Except for floats in maps, nothing changes if the text has only `keys` keys and all of them were read.
    Otherwise structs are inferred, which gives their undeclared fields. Maps become JSON text, and so do
    other types if digits or spellings would be lost, and columns that are `spelled`.
    """
    nested = {name: one for name, one in types.items() if isinstance(one, ListOf | MapOf | StructOf)}
    if not nested:
        return frame
    as_text = {name for name, one in nested.items() if name in spelled or (_has_map(one) and has_float(one))}
    decimals = {name for name, one in nested.items() if _has_decimal(one)} - as_text
    if decimals and re.search(LONG_NUMERAL.encode(), content):
        as_text |= decimals
    as_text |= {
        name
        for name, one in nested.items()
        if name not in as_text and has_lost_spelling(frame[name], one, content)
    }
    inferred: set[str] = set()
    if all_keys(frame) != keys:
        as_text |= {name for name, one in nested.items() if _has_map(one)}
        inferred = nested.keys() - as_text
    if inferred:
        others = [name for name in frame.columns if name not in inferred]
        found = read_undeclared(content, others)
        inferred &= set(found.columns)
        has_minus_zero = b"-0" in content and MINUS_ZERO.search(content) is not None
        as_text |= {
            name
            for name in inferred
            if _has_lost_text(found.schema[name], nested[name])
            or (has_minus_zero and keeps_digits(nested[name]))
        }
        frame = frame.with_columns(found[name] for name in inferred - as_text)
    return frame.with_columns(json_texts(content, as_text)) if as_text else frame


def all_keys(frame: pl.DataFrame) -> int:
    """The number of keys with a value that were read, at all depths."""
    return sum(len(column) - column.null_count() + key_count(column) for column in frame.iter_columns())


def _has_map(wanted: ColumnType) -> bool:
    return any(isinstance(one, MapOf) for one in value_types(wanted))


def _has_decimal(wanted: ColumnType) -> bool:
    return any(isinstance(one, DecimalOf) for one in value_types(wanted))


def _has_lost_text(found: pl.DataType, wanted: ColumnType) -> bool:
    """Whether a part that must keep its digits was parsed as doubles, objects or arrays."""
    match wanted:
        case ListOf(element) if isinstance(found, pl.List):
            return _has_lost_text(instance(found.inner), element)
        case StructOf(fields) if isinstance(found, pl.Struct):
            types = {field.name: instance(field.dtype) for field in found.fields}
            return any(name in types and _has_lost_text(types[name], field) for name, field in fields)
        case ListOf() | MapOf() | StructOf():
            return False
    return keeps_digits(wanted) and (found.is_float() or found.is_nested())


def with_exact_text(frame: pl.DataFrame, content: bytes, exact: Collection[str] = ()) -> pl.DataFrame:
    """The frame with text columns as the JSON has them, if Polars spells numbers or escapes differently.

    Polars parses numbers before it writes them as text again, and does not escape the keys of objects. The
    text of `exact` columns is not checked: it is already JSON as it was written, or a number whose spelling
    does not matter.
    """
    texts = [
        one for one in frame.iter_columns() if isinstance(one.dtype, pl.String) and one.name not in exact
    ]
    suspects = [one.name for one in texts if one.str.contains(OTHERWISE_WRITTEN).any()]
    if not suspects or not (b"\\" in content or contains(content, ANY_RESPELLED)):
        return frame
    written = rf'"({names_pattern(suspects)})"\s*:\s*(?:[\[{{]|{RESPELLED})'
    pattern = re.compile(written.encode())
    spelled = {match[1].decode() for part in parts_with(content, written) for match in pattern.finditer(part)}
    names = {name for name in suspects if spelled & spellings(name)}
    return frame.with_columns(json_texts(content, names, quoted=False)) if names else frame


def json_texts(content: bytes, names: set[str], *, quoted: bool = True) -> pl.DataFrame:
    """The values under these keys as JSON; strings are as they are unless they are to be `quoted`."""
    texts: dict[str, list[str | None]] = {name: [] for name in names}
    for line in content.split(b"\n"):
        if not line.strip():
            continue
        value = load(line)
        members = value if isinstance(value, dict) else {}
        for name, column in texts.items():
            column.append(text_of(members.get(name), quoted=quoted))
    return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String()))
