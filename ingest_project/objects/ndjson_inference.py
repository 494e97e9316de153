"""Finds the types of NDJSON columns that nobody declared, from every row, so that the answer never depends on luck."""

import json
from collections import defaultdict
from collections.abc import Collection

import polars as pl
from polars.exceptions import PolarsError

KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
LONG = range(-(2**63), 2**63)


def read_undeclared(content: bytes, declared: Collection[str]) -> pl.DataFrame:
    """The columns of this NDJSON that are not declared, typed by all of their values.

    Integers and fractions together are doubles; objects become structs of all their fields. A column that mixes
    what does not belong together (text and numbers, truth and numbers, objects and anything else) is text: strings
    as they are, the rest as JSON. A column of nothing but nulls has the type Null.
    Raises polars.exceptions.PolarsError if the text is no NDJSON.
    """
    try:
        schema = pl.scan_ndjson(content, infer_schema_length=None).collect_schema()
        undeclared = {name: dtype for name, dtype in schema.items() if name not in declared}
        return pl.read_ndjson(content, schema=undeclared)
    except PolarsError:
        # Polars knows no type for some mixtures.
        return pl.read_ndjson(content, schema=_schema_by_kinds(content, declared))


def _schema_by_kinds(content: bytes, declared: Collection[str]) -> dict[str, pl.DataType]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for line in content.splitlines():
        for name, value in _members(line):
            if name not in declared:
                kinds[name] |= _kinds(value)
    return {name: _dtype(found) for name, found in kinds.items()}


def _members(line: bytes) -> list[tuple[str, object]]:
    try:
        value = json.loads(line) if line.strip() else {}
    except ValueError:  # Polars says better what is wrong with the line
        return []
    return list(value.items()) if isinstance(value, dict) else []


def _kinds(value: object) -> set[str]:
    if value is None:
        return set()
    if isinstance(value, int) and value not in LONG:
        return {"huge"}
    return {KINDS[type(value)]}


def _dtype(kinds: set[str]) -> pl.DataType:
    if not kinds:
        return pl.Null()
    if kinds == {"boolean"}:
        return pl.Boolean()
    if kinds == {"integer"}:
        return pl.Int64()
    return pl.Float64() if kinds <= {"integer", "number"} else pl.String()
