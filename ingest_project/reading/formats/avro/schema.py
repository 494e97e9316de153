"""The types of an Avro schema as a tree, with what the values of each become.

A union of null and one type is that type. The values of any other union are text: strings as they are, the
others as JSON. Where a type contains itself its values are text, too.

https://avro.apache.org/docs/1.12.0/specification/
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

Json = Any
"""A schema as JSON has it: a name, an object or, for a union, an array."""
PlainName = Literal["null", "boolean", "int", "long", "float", "double", "string", "bytes"]
PLAIN: Final = frozenset(get_args(PlainName))


@dataclass(frozen=True, slots=True)
class Plain:
    name: PlainName


@dataclass(frozen=True, slots=True)
class Fixed:
    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Enum:
    name: str
    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Time:
    """A date, a time of day or a timestamp by the name of its logical type."""

    name: str
    stored: Plain


@dataclass(frozen=True, slots=True)
class DecimalOf:
    stored: "Plain | Fixed"
    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class ArrayOf:
    items: "Type"


@dataclass(frozen=True, slots=True)
class MapOf:
    values: "Type"


@dataclass(frozen=True, slots=True)
class Record:
    name: str
    fields: "tuple[tuple[str, Type], ...]"


@dataclass(frozen=True, slots=True)
class Nullable:
    """A union of null and a type."""

    of: "Type"
    null_place: int


@dataclass(frozen=True, slots=True)
class Choice:
    """Any other union. If several of its types are not null, these are Text."""

    branches: "tuple[Type, ...]"


@dataclass(frozen=True, slots=True)
class Text:
    """Values of this type, which become text."""

    of: "Type"


@dataclass(frozen=True, slots=True)
class Itself:
    """A type within which this place is."""

    name: str


Type = Plain | Fixed | Enum | Time | DecimalOf | ArrayOf | MapOf | Record | Nullable | Choice | Text | Itself
NULL: Final = Plain("null")
BRANCH: Final = "branch"
NESTED: Final = (ArrayOf, MapOf, Record, Itself)
"""The types whose values are JSON if they become text."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The types of a file's records, of which there may be several if its schema is a union.

    `named` has all types that have a name, by their full names.
    """

    records: tuple[Record, ...]
    is_union: bool
    named: Mapping[str, "Type"] = field(repr=False)

    def as_json(self, of: Type) -> Json:
        """The schema of values of one type alone, as JSON has it and without logical types."""
        return _as_json(of, self.named, set())


class InvalidSchema(ValueError):
    """What is wrong with a schema, in words for its author."""


def union(types: list[Type]) -> Type:
    """The type of a union of these."""
    others = [one for one in types if one != NULL]
    if not types or len(types) > len(others) + 1:
        raise InvalidSchema("a union in it is empty, or has null twice")
    if len(others) > 1:
        return Choice(tuple(one if one == NULL else as_text(one) for one in types))
    if len(types) == 2 and len(others) == 1:
        return Nullable(others[0], types.index(NULL))
    return Choice(tuple(types))


def fields_of_choice(branches: Sequence[Type]) -> dict[str, Type]:
    """The fields of the record that a union is stored as: one for each type that is not null.

    One of them at most is not null. A union of one type is stored as it is, with the number before the value.
    """
    if len(branches) == 1:
        return {BRANCH: Plain("long"), "0": branches[0]}
    others = [one for one in branches if one != NULL]
    return {str(place): Nullable(one, 0) for place, one in enumerate(others)}


def as_text(of: Type) -> Type:
    """The type whose values are those of this one as text, null if they are null."""
    match of:
        case Text() | Plain("null"):
            return of
        case Nullable(inner, null_place):
            return Nullable(as_text(inner), null_place)
        case Choice(branches):
            return Choice(tuple(map(as_text, branches)))
    return Text(of)


def takes_no_bytes(of: Type) -> bool:
    """Whether nothing is stored for a value of this type, because all of them are the same."""
    match of:
        case Fixed(_, size_bytes):
            return not size_bytes
        case Record(_, fields):
            return all(takes_no_bytes(one) for _, one in fields)
        case Text(inner):
            return not isinstance(inner, NESTED) and takes_no_bytes(inner)
        case DecimalOf(inner, _, _):
            return takes_no_bytes(inner)
    return of == NULL


def _as_json(of: Type, named: Mapping[str, Type], defined: set[str]) -> Json:
    match of:
        case Plain(name):
            return name
        case Time(_, inner) | DecimalOf(inner, _, _) | Text(inner):
            return _as_json(inner, named, defined)
        case ArrayOf(inner):
            return {"type": "array", "items": _as_json(inner, named, defined)}
        case MapOf(inner):
            return {"type": "map", "values": _as_json(inner, named, defined)}
        case Nullable(inner, null_place):
            other = _as_json(inner, named, defined)
            return [other, "null"] if null_place else ["null", other]
        case Choice(branches):
            return [_as_json(one, named, defined) for one in branches]
    if of.name in defined:
        return of.name
    defined.add(of.name)
    return _definition(named[of.name] if isinstance(of, Itself) else of, named, defined)


def _definition(of: Type, named: Mapping[str, Type], defined: set[str]) -> Json:
    match of:
        case Enum(name, symbols):
            return {"type": "enum", "name": name, "symbols": list(symbols)}
        case Fixed(name, size_bytes):
            return {"type": "fixed", "name": name, "size": size_bytes}
        case Record(name, fields):
            members = [{"name": one, "type": _as_json(inner, named, defined)} for one, inner in fields]
            return {"type": "record", "name": name, "fields": members}
    raise TypeError(f"{of!r} has no name")
