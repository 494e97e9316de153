"""Iceberg's type names, as `columns` of ingest.yaml may use them.

PyIceberg has the last word; this is the part of it that can be said without importing it.
"""

import re
from difflib import get_close_matches

PRIMITIVE_TYPES = (
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "date",
    "time",
    "timestamp",
    "timestamptz",
    "timestamp_ns",
    "timestamptz_ns",
    "string",
    "uuid",
    "binary",
)
_SQL_NAMES = {
    "bigint": "long",
    "bool": "boolean",
    "datetime": "timestamptz",
    "integer": "int",
    "numeric": "decimal(p,s)",
    "text": "string",
    "varchar": "string",
}
_NESTED = re.compile(r"(struct|list|map|array)\b.*", re.DOTALL)
_DECIMAL = re.compile(r"decimal\((\d+),\s*(\d+)\)")
_FIXED = re.compile(r"fixed\[([1-9]\d*)\]")


def type_fault(name: str) -> str | None:
    """What is wrong with a type's name, and the remedy; None if it is one of Iceberg's."""
    if name in PRIMITIVE_TYPES or _FIXED.fullmatch(name):
        return None
    if _NESTED.fullmatch(name):
        return "struct, list and map are not available yet; declare the column as string, or leave it out"
    if decimal := _DECIMAL.fullmatch(name):
        precision, scale = int(decimal[1]), int(decimal[2])
        if 1 <= precision <= 38 and scale <= precision:
            return None
        return (
            "a decimal has 1 to 38 digits, and no more of them after the point; write it like decimal(12,2)"
        )
    return f"no Iceberg type; {_suggestion(name.lower())}"


def family(name: str) -> str:
    """The type's name without its parameters: `decimal(12,2)` is a decimal."""
    return re.split(r"[(\[]", name, maxsplit=1)[0].strip()


def _suggestion(name: str) -> str:
    known = _SQL_NAMES.get(family(name))
    if known is None and (close := get_close_matches(name, PRIMITIVE_TYPES, n=1)):
        known = close[0]
    if known is not None:
        return f"did you mean {known}?"
    return f"use one of {', '.join(PRIMITIVE_TYPES)}, decimal(p,s), fixed[n]"
