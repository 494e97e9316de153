"""Infers the types of undeclared NDJSON columns from all rows, so that the result does not depend on luck."""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping

import polars as pl
from polars.exceptions import ComputeError, PolarsError

from ingest_project.reading.formats.json.exact import inexact_numbers, with_exact_parts
from ingest_project.reading.values.json_nested import first_of_each_key
from ingest_project.reading.values.types import instance
from ingest_project.settings.type_grammar import MAX_DEPTH

KINDS = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
NESTED_KINDS = ({"object"}, {"array"})
LAYOUT = str.maketrans("\r\n", "  ")
LONG = range(-(2**63), 2**63)


def read_undeclared(content: bytes, declared: Collection[str]) -> pl.DataFrame:
    """The columns of this NDJSON that are not declared, with types inferred from all of their values.

    Integers and fractions together are doubles, but the column is text if a double would change an integer.
    Objects become structs of all their fields; numbers among texts within these keep their digits. A column
    is text if it mixes other kinds (text and numbers, booleans and numbers, objects and anything else) or is
    nested deeper than a type may be: strings stay as they are, the rest is JSON. A column with only nulls has
    the type Null. Raises polars.exceptions.PolarsError if the text is not valid NDJSON.
    """
    try:
        schema = pl.scan_ndjson(content, infer_schema_length=None).collect_schema()
        undeclared = {name: dtype for name, dtype in schema.items() if name not in declared}
        deep = [name for name, dtype in undeclared.items() if _is_deep(dtype)]
        frame = parse_ndjson(content, undeclared | dict.fromkeys(deep, pl.String()))
    except PolarsError:
        # Polars has no type for some mixtures, and then gives none for the other columns either.
        frame = _read_by_kinds(content, _kinds_of_columns(content, declared))
    if changed := inexact_numbers(frame, content):
        frame = parse_ndjson(content, {**frame.schema, **dict.fromkeys(changed, pl.String())})
    return with_exact_parts(frame, content)


def json_dtype(text: pl.Series) -> pl.DataType | None:
    """The common type of the JSON objects and arrays among these texts; None if they have none."""
    values = [one for one in text.drop_nulls() if one.lstrip()[:1] in {"{", "["} and _is_json(one)]
    content = "".join(f'{{"": {one}}}\n' for one in (value.translate(LAYOUT) for value in values)).encode()
    try:
        return read_undeclared(content, ()).schema.get("")
    except PolarsError:
        return None


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def parse_ndjson(content: bytes, schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """These columns of all rows.

    Raises polars.exceptions.PolarsError if a row is not a JSON object of these types.
    """
    if schema:
        return pl.read_ndjson(content, schema=dict(schema))
    # If no column is requested, Polars counts the lines without parsing them.
    return pl.DataFrame(height=pl.read_ndjson(content, schema={"": pl.String()}).height)


def _is_deep(dtype: pl.DataType, levels: int = MAX_DEPTH) -> bool:
    if isinstance(dtype, pl.List):
        return not levels or _is_deep(instance(dtype.inner), levels - 1)
    if isinstance(dtype, pl.Struct):
        return not levels or any(_is_deep(instance(field.dtype), levels - 1) for field in dtype.fields)
    return False


def _read_by_kinds(content: bytes, kinds: Mapping[str, set[str]]) -> pl.DataFrame:
    """These columns; a column of objects or arrays only has their common type, if there is one."""
    schema = {name: _dtype(found) for name, found in kinds.items()}
    frame = parse_ndjson(content, schema)
    # A single column has the mixture within itself, so its values have no common type.
    nested = [name for name, found in kinds.items() if found in NESTED_KINDS] if len(kinds) > 1 else []
    types = {name: dtype for name in nested if (dtype := json_dtype(frame[name])) is not None}
    return parse_ndjson(content, schema | types) if types else frame


def _kinds_of_columns(content: bytes, declared: Collection[str]) -> dict[str, set[str]]:
    kinds: dict[str, set[str]] = defaultdict(set)
    for line in content.splitlines():
        for name, value in _members(line):
            if name not in declared:
                kinds[name] |= _kinds(value)
    return kinds


def _members(line: bytes) -> list[tuple[str, object]]:
    try:
        value = json.loads(line, object_pairs_hook=first_of_each_key) if line.strip() else {}
    except ValueError:  # Polars has a better message for the line
        return []
    except RecursionError as error:
        raise ComputeError("it is nested too deeply") from error
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
