"""Tells from Avro's schemas which files Polars reads itself, and how Python converts the values of others.

A union of null and one type is that type. Any other union is text: its strings as they are, the rest as JSON.
Where a type contains itself it is text, too. Logical types that are unknown here are their plain types.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

import polars as pl

from ingest_project.reading.limits import LIMITS

Schema = Any
"""A schema as JSON has it: a name, an object or, for a union, an array."""
Convert = Callable[[Any], Any]

PLAIN: Final[Mapping[str, pl.DataType]] = MappingProxyType(
    {
        "null": pl.Null(),
        "boolean": pl.Boolean(),
        "int": pl.Int32(),
        "long": pl.Int64(),
        "float": pl.Float32(),
        "double": pl.Float64(),
        "string": pl.String(),
        "bytes": pl.Binary(),
    }
)
LOGICAL: Final[Mapping[tuple[str, str], tuple[pl.DataType, int]]] = MappingProxyType(
    {
        ("int", "date"): (pl.Date(), 1),
        ("int", "time-millis"): (pl.Time(), 1_000_000),
        ("long", "time-micros"): (pl.Time(), 1_000),
        ("long", "timestamp-millis"): (pl.Datetime("ms", "UTC"), 1),
        ("long", "timestamp-micros"): (pl.Datetime("us", "UTC"), 1),
        ("long", "timestamp-nanos"): (pl.Datetime("ns", "UTC"), 1),
        ("long", "local-timestamp-millis"): (pl.Datetime("ms"), 1),
        ("long", "local-timestamp-micros"): (pl.Datetime("us"), 1),
        ("long", "local-timestamp-nanos"): (pl.Datetime("ns"), 1),
    }
)
"""The type of each, and the factor that converts its number to the one that this type stores."""
MAX_DECIMAL_DIGITS = 38
DECODING_KEYS = ("type", "name", "namespace", "items", "values", "symbols", "size", "fields")
LOGICAL_KEYS = ("logicalType", "precision", "scale")
POLARS_LOGICAL = frozenset(name for _, name in LOGICAL if not name.endswith("nanos")) | {"decimal", "uuid"}


@dataclass(frozen=True, slots=True)
class Reader:
    """How values of one schema are converted to a Polars type.

    `convert` gives values for a column of the type `built`, which is then cast to `dtype`. If it is None, the
    values need no conversion.
    """

    built: pl.DataType
    dtype: pl.DataType
    convert: Convert | None = None


def polars_reads(schema: Schema) -> bool:
    """Whether Polars reads records of this schema exactly; measured with Polars 2.1.

    It panics for maps, unions of several types, dictionaries that may be null, and types that are named
    again.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record":
        return False
    fields = [field["type"] for field in schema.get("fields", [])]
    return bool(fields) and all(_is_enum(field) or _is_read_by_polars(field) for field in fields)


def _is_enum(schema: Schema) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "enum"


def _is_read_by_polars(schema: Schema) -> bool:
    if isinstance(schema, list):
        others = [one for one in schema if one != "null"]
        return len(others) == 1 and len(schema) == 2 and _is_read_by_polars(others[0])
    if isinstance(schema, str):
        return schema in PLAIN and schema != "null"
    if not isinstance(schema, dict):
        return False
    if schema.get("logicalType") is not None and schema["logicalType"] not in POLARS_LOGICAL:
        return False
    match schema.get("type"):
        case "array":
            return _is_read_by_polars(schema.get("items"))
        case "record":
            return polars_reads(schema) and not any(_is_enum(field["type"]) for field in schema["fields"])
        case "fixed":
            # Polars allocates all values beforehand, and aborts the process if it cannot.
            size_bytes = int(schema.get("size", 0))
            return "logicalType" not in schema and 0 < size_bytes <= LIMITS.avro.polars_fixed_bytes
        case "bytes":
            return _precision(schema) <= MAX_DECIMAL_DIGITS
    return schema.get("type") in PLAIN and schema["type"] != "null"


def _precision(schema: Schema) -> int:
    return int(schema.get("precision", 0)) if schema.get("logicalType") == "decimal" else 0


def for_decoding(schema: Schema, *, logical: bool) -> Schema:
    """The schema with only what decoding needs: without defaults, which decoders may refuse, and
    documentation.

    An `error` is a record. Without `logical` types a time that Python cannot represent is just a number.
    """
    if isinstance(schema, list):
        return [for_decoding(one, logical=logical) for one in schema]
    if not isinstance(schema, dict):
        return "record" if schema == "error" else schema
    kept: dict[str, Schema] = {key: schema[key] for key in DECODING_KEYS if key in schema}
    if logical:
        kept |= {key: schema[key] for key in LOGICAL_KEYS if key in schema}
    for key in ("type", "items", "values"):
        if key in kept:
            kept[key] = for_decoding(kept[key], logical=logical)
    if "fields" in kept:
        kept["fields"] = [
            {"name": field["name"], "type": for_decoding(field["type"], logical=logical)}
            for field in kept["fields"]
        ]
    return kept


def reader_of(
    schema: Schema, named: Mapping[str, Schema] | None = None, within: frozenset[str] = frozenset()
) -> Reader:
    """How values of this schema, read without logical types, are converted.

    Raises ValueError if it is invalid.

    `named` are the types that were defined before, `within` those that contain this one.
    """
    names = named or {}
    if isinstance(schema, list):
        others = [one for one in schema if one != "null"]
        return reader_of(others[0], names, within) if len(others) == 1 else _text()
    if isinstance(schema, str):
        if schema in PLAIN:
            return Reader(PLAIN[schema], PLAIN[schema])
        name = schema.rpartition(".")[2]
        return _text() if name in within or name not in names else reader_of(names[name], names, within)
    if isinstance(schema, dict):
        return _of_object(schema, names, within)
    raise ValueError("its schema is not a valid Avro schema")


def _of_object(schema: dict[str, Schema], named: Mapping[str, Schema], within: frozenset[str]) -> Reader:
    match schema.get("type"):
        case "record":
            return _record(schema, named, within)
        case "array":
            return _array(reader_of(schema.get("items"), named, within))
        case "map":
            return _map(reader_of(schema.get("values"), named, within))
        case "enum":
            return Reader(pl.String(), pl.String())
        case "fixed" | "bytes" if _precision(schema):
            return _decimal(schema)
        case "fixed":
            return Reader(pl.Binary(), pl.Binary())
        case str(plain) if (plain, schema.get("logicalType", "")) in LOGICAL:
            return _time(*LOGICAL[plain, schema["logicalType"]], PLAIN[plain])
    return reader_of(schema.get("type"), named, within)


def named_types(schema: Schema) -> dict[str, Schema]:
    """The types that the schema defines, by the last part of their names."""
    found: dict[str, Schema] = {}
    if isinstance(schema, list):
        for one in schema:
            found |= named_types(one)
    elif isinstance(schema, dict):
        if isinstance(schema.get("name"), str) and schema.get("type") in {"record", "enum", "fixed"}:
            found[schema["name"].rpartition(".")[2]] = schema
        for key in ("type", "items", "values"):
            found |= named_types(schema.get(key))
        for field in schema.get("fields", []):
            found |= named_types(field.get("type"))
    return found


def _record(schema: Schema, named: Mapping[str, Schema], within: frozenset[str]) -> Reader:
    inside = within | {str(schema.get("name", "")).rpartition(".")[2]}
    fields = {field["name"]: reader_of(field["type"], named, inside) for field in schema.get("fields", [])}
    built = pl.Struct({name: field.built for name, field in fields.items()})
    dtype = pl.Struct({name: field.dtype for name, field in fields.items()})
    converts = {name: field.convert for name, field in fields.items() if field.convert is not None}
    if not converts:
        return Reader(built, dtype)

    def convert(value: dict[str, Any]) -> dict[str, Any]:
        return value | {name: _or_none(one, value[name]) for name, one in converts.items()}

    return Reader(built, dtype, convert)


def reader_of_union(schemas: list[Schema], named: Mapping[str, Schema]) -> Reader:
    """How the records of a file are converted that has records of several types, each as (name, record).

    A row has the fields of all. A field that has another type in another record is a union of both.
    """
    types: dict[str, list[Schema]] = {}
    for schema in schemas:
        for field in schema["fields"]:
            found = types.setdefault(field["name"], [])
            wanted = field["type"] if isinstance(field["type"], list) else [field["type"]]
            found += [one for one in wanted if one not in found]
    record = {"type": "record", "fields": [{"name": name, "type": one} for name, one in types.items()]}
    reader = reader_of(record, named)
    convert, missing = reader.convert, dict.fromkeys(types)

    def converted(value: tuple[str, dict[str, Any]]) -> dict[str, Any]:
        row = missing | value[1]
        return row if convert is None else convert(row)

    return Reader(reader.built, reader.dtype, converted)


def _array(element: Reader) -> Reader:
    inner = element.convert
    convert = None if inner is None else lambda value: [_or_none(inner, one) for one in value]
    return Reader(pl.List(element.built), pl.List(element.dtype), convert)


def _map(value: Reader) -> Reader:
    inner = value.convert

    def convert(entries: dict[str, Any]) -> list[dict[str, Any]]:
        if inner is None:
            return [{"key": key, "value": one} for key, one in entries.items()]
        return [{"key": key, "value": _or_none(inner, one)} for key, one in entries.items()]

    entry = pl.Struct({"key": pl.String(), "value": value.built})
    return Reader(pl.List(entry), pl.Map(pl.String(), value.dtype), convert)


def _decimal(schema: Schema) -> Reader:
    precision, scale = _precision(schema), int(schema.get("scale", 0))

    def convert(value: bytes) -> Decimal:
        unscaled = int.from_bytes(value, "big", signed=True)
        return Decimal((unscaled < 0, tuple(map(int, str(abs(unscaled)))), -scale))

    if precision > MAX_DECIMAL_DIGITS:  # text keeps all digits, and a declared column may have room for them
        return Reader(pl.String(), pl.String(), lambda value: format(convert(value), "f"))
    return Reader(pl.Decimal(precision, scale), pl.Decimal(precision, scale), convert)


def _time(dtype: pl.DataType, factor: int, stored: pl.DataType) -> Reader:
    if factor == 1:
        return Reader(stored, dtype)
    return Reader(pl.Int64(), dtype, lambda value: value * factor)


def _text() -> Reader:
    return Reader(pl.String(), pl.String(), _as_text)


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return json.dumps(_without_names(value), ensure_ascii=False, default=_as_text)


def _without_names(value: object) -> object:
    """The value without the names of records, which fastavro puts before those of a union."""
    match value:
        case (_, record) if isinstance(value, tuple):
            return _without_names(record)
        case list():
            return [_without_names(one) for one in value]
        case dict():
            return {key: _without_names(one) for key, one in value.items()}
    return value


def _or_none(convert: Convert, value: object) -> object:
    return None if value is None else convert(value)
