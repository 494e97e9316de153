"""Checks Iceberg's type names in `columns` of ingest.yaml.

PyIceberg decides in the end; this is what can be checked without importing it.
"""

import re
from difflib import get_close_matches

from ingest_project.settings.type_grammar import (
    PARAMETRIC_TYPES,
    PRIMITIVE_TYPES,
    NoSuchType,
    parse_column_type,
)

_SQL_NAMES = {
    "array": "list<...>",
    "bigint": "long",
    "bool": "boolean",
    "bytes": "binary",
    "datetime": "timestamptz",
    "decimal": "decimal(p,s)",
    "fixed": "fixed[n]",
    "integer": "int",
    "json": "string",
    "numeric": "decimal(p,s)",
    "row": "struct<...>",
    "text": "string",
    "varchar": "string",
}


def type_fault(name: str) -> str | None:
    """What is wrong with a type's name, with the remedy; None if it is valid."""
    try:
        parse_column_type(name)
    except NoSuchType as error:
        return f"not an Iceberg type; {_suggestion(error.word)}"
    except ValueError as error:
        return str(error)
    return None


def family(name: str) -> str:
    """The type's name without its parameters: `decimal(12,2)` is a decimal, `list<int>` a list."""
    return re.split(r"[(\[<]", name, maxsplit=1)[0].strip()


def _suggestion(word: str) -> str:
    name = family(word.lower())
    known = _SQL_NAMES.get(name)
    if known is None and (close := get_close_matches(name, PRIMITIVE_TYPES, n=1)):
        known = close[0]
    if known is not None:
        return f"did you mean {known}?"
    return f"use one of {', '.join(PRIMITIVE_TYPES)}, {PARAMETRIC_TYPES}"
