"""Reads the declared nested columns of NDJSON that Polars, told their types, has not read completely.

Told the type, Polars passes over fields that it does not name, and takes every number for a double.
"""

import re
from collections.abc import Mapping

import polars as pl

from ingest_project.objects.json_floats import has_float
from ingest_project.objects.json_nested import LONG_NUMERAL, json_text, keeps_digits, key_count, load
from ingest_project.objects.ndjson_inference import read_undeclared
from ingest_project.objects.ndjson_scan import names_pattern, spellings
from ingest_project.objects.types import instance
from ingest_project.settings.type_grammar import ColumnType, ListOf, MapOf, StructOf

LONG_NUMBER = rb"-?(?:[0-9.]{17}|[0-9.]+[eE])"


def with_nested(
    frame: pl.DataFrame, content: bytes, types: Mapping[str, ColumnType], keys: int | None
) -> pl.DataFrame:
    """The frame, its nested columns of these types as the text has them: typed, inferred, or as JSON text.

    Nothing changes if the text has no more than `keys` keys and all of them were read, but for floats in maps. Else structs are inferred,
    which brings their undeclared fields; maps, and where digits would be lost also other types, become JSON text.
    """
    nested = {name: one for name, one in types.items() if isinstance(one, ListOf | MapOf | StructOf)}
    if not nested:
        return frame
    as_text = {name for name, one in nested.items() if keeps_digits(one)}
    if not (as_text and re.search(LONG_NUMERAL.encode(), content)):
        as_text = set()
    as_text |= {name for name, one in nested.items() if _has_map(one) and has_float(one)}
    inferred: set[str] = set()
    if all_keys(frame) != keys:
        as_text |= {name for name, one in nested.items() if _has_map(one)}
        inferred = nested.keys() - as_text
    if inferred:
        others = [name for name in frame.columns if name not in inferred]
        found = read_undeclared(content, others)
        inferred &= set(found.columns)
        as_text |= {name for name in inferred if _has_lost_text(found.schema[name], nested[name])}
        frame = frame.with_columns(found[name] for name in inferred - as_text)
    return frame.with_columns(_json_texts(content, as_text)) if as_text else frame


def all_keys(frame: pl.DataFrame) -> int:
    """How many keys with a value were read, at every depth."""
    return sum(len(column) - column.null_count() + key_count(column) for column in frame.iter_columns())


def _has_map(wanted: ColumnType) -> bool:
    match wanted:
        case MapOf():
            return True
        case ListOf(element):
            return _has_map(element)
        case StructOf(fields):
            return any(_has_map(field) for _, field in fields)
    return False


def _has_lost_text(found: pl.DataType, wanted: ColumnType) -> bool:
    """Whether a part that is to keep its digits was taken for doubles, or for objects or arrays."""
    match wanted:
        case ListOf(element) if isinstance(found, pl.List):
            return _has_lost_text(instance(found.inner), element)
        case StructOf(fields) if isinstance(found, pl.Struct):
            types = {field.name: instance(field.dtype) for field in found.fields}
            return any(name in types and _has_lost_text(types[name], field) for name, field in fields)
        case ListOf() | MapOf() | StructOf():
            return False
    return keeps_digits(wanted) and (found.is_float() or found.is_nested())


def with_exact_text(frame: pl.DataFrame, content: bytes) -> pl.DataFrame:
    """The frame, its text columns as the JSON has them where Polars writes other digits, or a raw control character.

    It parses numbers before it writes them as text again, and does not escape the keys of objects.
    """
    texts = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.String)]
    if not texts or not (b"\\" in content or re.search(LONG_NUMERAL.encode(), content)):
        return frame
    written = re.compile(rb'"(%s)"\s*:\s*(?:[\[{]|%s)' % (names_pattern(texts).encode(), LONG_NUMBER))
    spelled = {match[1].decode() for match in written.finditer(content)}
    names = {name for name in texts if spelled & spellings(name)}
    return frame.with_columns(_json_texts(content, names, quoted=False)) if names else frame


def _json_texts(content: bytes, names: set[str], *, quoted: bool = True) -> pl.DataFrame:
    """The values under these keys as JSON, strings as they are if they are not to be quoted."""
    texts: dict[str, list[str | None]] = {name: [] for name in names}
    for line in content.split(b"\n"):
        if not line.strip():
            continue
        value = load(line)
        members = value if isinstance(value, dict) else {}
        for name, column in texts.items():
            column.append(_text(members.get(name), quoted=quoted))
    return pl.DataFrame(texts, schema=dict.fromkeys(names, pl.String()))


def _text(value: object, *, quoted: bool) -> str | None:
    if value is None:
        return None
    return value if isinstance(value, str) and not quoted else json_text(value)
