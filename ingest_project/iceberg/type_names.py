"""Iceberg's type names, as ingest.yaml spells them, to PyIceberg's types and back.

Primitive names are the specification's own (https://iceberg.apache.org/spec/#primitive-types); nested ones are
written as engines print them: `list<string>`, `map<string, long>`, `struct<id: long, name: string>`. A field name
that is not made of letters, digits and underscores stands in backquotes, a backquote in it twice.
"""

import itertools
import re
from collections.abc import Iterator

from pyiceberg.exceptions import ResolveError, ValidationError
from pyiceberg.schema import promote
from pyiceberg.types import (
    BinaryType,
    DecimalType,
    IcebergType,
    ListType,
    MapType,
    NestedField,
    PrimitiveType,
    StringType,
    StructType,
)

_TOKEN = re.compile(r"\s*(`(?:[^`]|``)+`|\w+(?:\s*\(\s*\d+\s*(?:,\s*\d+\s*)?\)|\[\s*\d+\s*\])?|[<>,:])")
_MAX_DECIMAL_PRECISION = 38


def parse_type(name: str, field_ids: Iterator[int] | None = None) -> IcebergType:
    """The type of this name; ids of nested fields are drawn from `field_ids`.

    Raises ValueError, in words for whoever wrote the name.
    """
    tokens = _Tokens(name)
    parsed = _type(tokens, field_ids or itertools.count(1))
    if tokens.peek() is not None:
        raise ValueError(f"{name!r} goes on after the type ends, at {tokens.peek()!r}")
    return parsed


def type_name(iceberg_type: IcebergType) -> str:
    """The name that `parse_type` turns into this type; ids, docs and nullability are not part of it."""
    if isinstance(iceberg_type, ListType):
        return f"list<{type_name(iceberg_type.element_type)}>"
    if isinstance(iceberg_type, MapType):
        return f"map<{type_name(iceberg_type.key_type)}, {type_name(iceberg_type.value_type)}>"
    if isinstance(iceberg_type, StructType):
        fields = (f"{_quoted(field.name)}: {type_name(field.field_type)}" for field in iceberg_type.fields)
        return f"struct<{', '.join(fields)}>"
    if isinstance(iceberg_type, DecimalType):
        return f"decimal({iceberg_type.precision},{iceberg_type.scale})"
    return str(iceberg_type)


def covers(actual: IcebergType, declared: IcebergType) -> bool:
    """Whether a column of type `actual` is all that `declared` asks for; it may have nested fields beyond it."""
    if isinstance(declared, StructType) and isinstance(actual, StructType):
        present = {field.name: field.field_type for field in actual.fields}
        return all(
            field.name in present and covers(present[field.name], field.field_type)
            for field in declared.fields
        )
    if isinstance(declared, ListType) and isinstance(actual, ListType):
        return covers(actual.element_type, declared.element_type)
    if isinstance(declared, MapType) and isinstance(actual, MapType):
        return actual.key_type == declared.key_type and covers(actual.value_type, declared.value_type)
    return actual == declared


def can_become(actual: IcebergType, declared: IcebergType) -> bool:
    """Whether Iceberg's schema evolution leads from `actual` to a type that covers `declared`.

    int widens to long, float to double, a decimal to more digits of the same scale; a struct takes more fields.
    """
    if isinstance(declared, StructType) and isinstance(actual, StructType):
        wanted = {field.name: field.field_type for field in declared.fields}
        return all(
            can_become(field.field_type, wanted.get(field.name, field.field_type)) for field in actual.fields
        )
    if isinstance(declared, ListType) and isinstance(actual, ListType):
        return can_become(actual.element_type, declared.element_type)
    if isinstance(declared, MapType) and isinstance(actual, MapType):
        return actual.key_type == declared.key_type and can_become(actual.value_type, declared.value_type)
    return actual == declared or _widens(actual, declared)


def _widens(actual: IcebergType, declared: IcebergType) -> bool:
    if isinstance(actual, DecimalType) and isinstance(declared, DecimalType):
        return actual.scale == declared.scale and actual.precision <= declared.precision
    if isinstance(actual, StringType | BinaryType):
        return False  # PyIceberg promotes strings to binary and back when it reads Avro; a schema must not evolve so
    try:
        promote(actual, declared)
    except ResolveError:
        return False
    return True


class _Tokens:
    """The words and signs of a type name, one at a time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rest = list(self._split(text))

    def _split(self, text: str) -> Iterator[str]:
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"{self.text!r} is no Iceberg type: cannot read {text[position:].strip()!r}")
            yield match.group(1)
            position = match.end()

    def peek(self) -> str | None:
        return self._rest[0] if self._rest else None

    def take(self, expected: str | None = None) -> str:
        if not self._rest or (expected is not None and self._rest[0] != expected):
            found = repr(self._rest[0]) if self._rest else "the end"
            raise ValueError(
                f"{self.text!r} is no Iceberg type: expected {expected or 'a name'!r}, found {found}"
            )
        return self._rest.pop(0)


def _type(tokens: _Tokens, field_ids: Iterator[int]) -> IcebergType:
    word = tokens.take()
    if tokens.peek() != "<":
        return _primitive(word, tokens.text)
    tokens.take("<")
    if word == "list":
        element = NestedField(next(field_ids), "element", _type(tokens, field_ids), required=False)
        parsed: IcebergType = ListType(element.field_id, element.field_type, element_required=False)
    elif word == "map":
        key = _type(tokens, field_ids)
        tokens.take(",")
        parsed = MapType(
            next(field_ids), key, next(field_ids), _type(tokens, field_ids), value_required=False
        )
    elif word == "struct":
        parsed = StructType(*_struct_fields(tokens, field_ids))
    else:
        raise ValueError(
            f"{tokens.text!r} is no Iceberg type: only list, map and struct take <...>, not {word!r}"
        )
    tokens.take(">")
    return parsed


def _struct_fields(tokens: _Tokens, field_ids: Iterator[int]) -> Iterator[NestedField]:
    while True:
        name = _unquoted(tokens.take())
        tokens.take(":")
        yield NestedField(next(field_ids), name, _type(tokens, field_ids), required=False)
        if tokens.peek() != ",":
            return
        tokens.take(",")


def _primitive(word: str, text: str) -> PrimitiveType:
    try:
        parsed = IcebergType.model_validate(re.sub(r"\s", "", word))
    except (ValueError, ValidationError) as error:
        raise ValueError(
            f"{text!r} is no Iceberg type; the names are boolean, int, long, float, double, decimal(P,S), date, time, "
            "timestamp, timestamptz, string, uuid, fixed[N], binary, list<T>, map<K, V>, struct<name: T, ...>"
        ) from error
    if isinstance(parsed, DecimalType) and not parsed.scale <= parsed.precision <= _MAX_DECIMAL_PRECISION:
        raise ValueError(
            f"{text!r}: a decimal has at most 38 digits, and no more of them behind the point than in all"
        )
    if not isinstance(parsed, PrimitiveType) or parsed.minimum_format_version() > 2:
        raise ValueError(
            f"{text!r}: Iceberg has this type from format version 3 on; our tables are of version 2"
        )
    return parsed


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"\w+", name) else "`" + name.replace("`", "``") + "`"


def _unquoted(token: str) -> str:
    return token[1:-1].replace("``", "`") if token.startswith("`") else token
