"""Parses the schema of an Avro file.

Defaults and documentation are of no interest: a file is read as it was written. Logical types that are
unknown here, or invalid, are their plain types.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ingest_project.reading.formats.avro.schema import (
    NULL,
    PLAIN,
    ArrayOf,
    Choice,
    DecimalOf,
    Enum,
    Fixed,
    InvalidSchema,
    Itself,
    Json,
    MapOf,
    Nullable,
    Plain,
    Record,
    Schema,
    Text,
    Time,
    Type,
    as_text,
    union,
)
from ingest_project.reading.limits import LIMITS

TIMES: Final[Mapping[str, frozenset[str]]] = {
    "int": frozenset({"date", "time-millis"}),
    "long": frozenset(
        {"time-micros"}
        | {
            f"{kind}-{unit}"
            for kind in ("timestamp", "local-timestamp")
            for unit in ("millis", "micros", "nanos")
        }
    ),
}


def parsed(schema: Json) -> Schema:
    """The types in a file's schema. Raises ValueError if it is invalid, or not that of records."""
    parser = _Parser()
    kinds = schema if isinstance(schema, list) else [schema]
    try:
        found = [parser.parse(one, "", frozenset()) for one in kinds]
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ValueError(f"its schema is not a valid Avro schema{_detail(error)}") from error
    records = tuple(one for one in found if isinstance(one, Record))
    if not records or len(records) < len(found):
        raise ValueError("it holds no records")
    return Schema(_agreed(records), isinstance(schema, list), parser.named)


def _detail(error: Exception) -> str:
    return f": {error}" if isinstance(error, InvalidSchema) else ""


@dataclass(slots=True)
class _Parser:
    named: dict[str, Type] = field(default_factory=dict)
    """The types that have been defined, by their full names."""
    parts: int = 0

    def parse(self, schema: Json, namespace: str, within: frozenset[str]) -> Type:
        self.parts += 1
        if self.parts > LIMITS.avro.schema_parts:
            raise InvalidSchema(f"it has more than {LIMITS.avro.schema_parts:,} parts")
        if isinstance(schema, list):
            return union([self.parse(one, namespace, within) for one in schema])
        if isinstance(schema, str):
            return self._of_name(schema, namespace, within)
        kind = schema["type"]
        if not isinstance(kind, str):
            return self.parse(kind, namespace, within)
        match kind:
            case "array":
                return ArrayOf(self.parse(schema["items"], namespace, within))
            case "map":
                return MapOf(self.parse(schema["values"], namespace, within))
            case "record" | "error" | "enum" | "fixed":
                return self._definition(schema, namespace, within)
        found = self._of_name(kind, namespace, within)
        return _with_logical_type(found, schema) if kind in PLAIN else found

    def _of_name(self, name: str, namespace: str, within: frozenset[str]) -> Type:
        if name in PLAIN:
            return Plain(name)  # type: ignore[arg-type] # it is one of these names
        full = _full_name(name, namespace)
        if full in within:
            return Text(Itself(full))
        found = self.named[full if full in self.named else name]
        self.parts += _parts(found)
        return found

    def _definition(self, schema: Mapping[str, Json], namespace: str, within: frozenset[str]) -> Type:
        name = _full_name(schema["name"], schema.get("namespace") or namespace)
        match schema["type"]:
            case "enum":
                found: Type = Enum(name, tuple(map(str, schema["symbols"])))
            case "fixed":
                found = _with_logical_type(Fixed(name, _size_of(schema)), schema)
            case _:
                inner, inside = name.rpartition(".")[0], within | {name}
                fields = [(str(one["name"]), one["type"]) for one in schema["fields"]]
                if len(dict(fields)) < len(fields):
                    raise InvalidSchema(f"{name} has several fields of the same name")
                found = Record(name, tuple((one, self.parse(of, inner, inside)) for one, of in fields))
        self.named[name] = found
        return found


def _agreed(records: tuple[Record, ...]) -> tuple[Record, ...]:
    """The records with the same types for fields of the same name: text if their types differ."""
    types: dict[str, set[Type]] = {}
    for record in records:
        for name, of in record.fields:
            types.setdefault(name, set()).update(_alternatives(of))
    return tuple(
        Record(
            one.name, tuple((name, as_text(of) if len(types[name]) > 1 else of) for name, of in one.fields)
        )
        for one in records
    )


def _alternatives(of: Type) -> Iterator[Type]:
    """The types other than null that a value may have."""
    match of:
        case Nullable(inner, _) | Text(inner):
            yield from _alternatives(inner)
        case Choice(branches):
            for one in branches:
                yield from _alternatives(one)
        case _ if of != NULL:
            yield of


def _full_name(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _size_of(schema: Mapping[str, Json]) -> int:
    size_bytes = schema["size"]
    if not isinstance(size_bytes, int) or not 0 <= size_bytes <= LIMITS.avro.fixed_bytes:
        raise InvalidSchema(f"a fixed type in it has {size_bytes!r} bytes".replace("\n", " ")[:100])
    return size_bytes


def _with_logical_type(of: Type, schema: Mapping[str, Json]) -> Type:
    logical = schema.get("logicalType")
    if isinstance(of, Plain) and logical in TIMES.get(of.name, ()):
        return Time(str(logical), of)
    if logical == "decimal" and (of == Plain("bytes") or isinstance(of, Fixed)):
        precision, scale = schema.get("precision"), schema.get("scale") or 0
        if isinstance(precision, int) and isinstance(scale, int) and 0 <= scale <= precision and precision:
            return DecimalOf(of, precision, scale)
    return of


def _parts(of: Type) -> int:
    match of:
        case ArrayOf(inner) | MapOf(inner) | Nullable(inner, _) | Text(inner):
            return 1 + _parts(inner)
        case Record(_, fields):
            return 1 + sum(_parts(inner) for _, inner in fields)
        case Choice(branches):
            return 1 + sum(map(_parts, branches))
    return 1
