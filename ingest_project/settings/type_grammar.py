"""Parses the names of Iceberg's types, with nested ones: the grammar that settings, frames and tables share.

Primitive names are the specification's (https://iceberg.apache.org/spec/#primitive-types, format version 2);
nested types are written as engines print them: `list<string>`, `map<string, long>`,
`struct<id: long, name: string>`. A field name with other characters than letters, digits and underscores is
in backquotes, with its backquotes doubled.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
    "string",
    "uuid",
    "binary",
)
PARAMETRIC_TYPES = "decimal(p,s), fixed[n], list<T>, map<K, V>, struct<name: T, ...>"
MAX_DECIMAL_DIGITS = 38
MAX_FIXED_BYTES = 2**31 - 1
MAX_DEPTH = 32
"""How deep types may be nested; Iceberg has no limit, but readers and writers use recursion."""

_FORMAT_3 = frozenset({"timestamp_ns", "timestamptz_ns", "unknown", "variant", "geometry", "geography"})
_TOKEN = re.compile(r"\s*(`(?:[^`]|``)*`|\w+(?:\s*\(\s*\w*\s*(?:,\s*\w*\s*)?\)|\s*\[\s*\w*\s*\])?|[<>,:])")
_DECIMAL = re.compile(r"decimal\((\d{1,9}),(\d{1,9})\)")
_FIXED = re.compile(r"fixed\[(\d{1,10})\]")


class ColumnType:
    """A parsed type: one of the classes below. Its text is its name."""

    __slots__ = ()

    def __str__(self) -> str:
        match self:
            case DecimalOf(precision, scale):
                return f"decimal({precision},{scale})"
            case FixedOf(size_bytes):
                return f"fixed[{size_bytes}]"
            case ListOf(element):
                return f"list<{element}>"
            case MapOf(key, value):
                return f"map<{key}, {value}>"
            case StructOf(fields):
                return f"struct<{', '.join(f'{quoted_name(name)}: {field}' for name, field in fields)}>"
            case Primitive(name):
                return name
        return super().__str__()


@dataclass(frozen=True, slots=True)
class Primitive(ColumnType):
    """A type without parameters, by its name: one of PRIMITIVE_TYPES."""

    name: str


@dataclass(frozen=True, slots=True)
class DecimalOf(ColumnType):
    """`precision` digits, of which `scale` are after the point."""

    precision: int
    scale: int


@dataclass(frozen=True, slots=True)
class FixedOf(ColumnType):
    """Exactly `size_bytes` bytes."""

    size_bytes: int


@dataclass(frozen=True, slots=True)
class ListOf(ColumnType):
    element: ColumnType


@dataclass(frozen=True, slots=True)
class MapOf(ColumnType):
    """The keys are primitive."""

    key: ColumnType
    value: ColumnType


@dataclass(frozen=True, slots=True)
class StructOf(ColumnType):
    """Names and types of the fields, in order."""

    fields: tuple[tuple[str, ColumnType], ...]


class NoSuchType(ValueError):
    """`word` is not the name of a type."""

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


def parse_column_type(name: str) -> ColumnType:
    """The type of this name.

    Raises ValueError, with a message for the author: NoSuchType if a word is not the name of a type.
    """
    tokens = _Tokens(name)
    parsed = _type(tokens, depth=1)
    if tokens.peek() is not None:
        raise ValueError(f"{name!r} goes on after the type ends, at {tokens.peek()!r}")
    return parsed


def quoted_name(name: str) -> str:
    """A struct's field name for the grammar: in backquotes unless it is one word."""
    return name if re.fullmatch(r"\w+", name) else "`" + name.replace("`", "``") + "`"


class _Tokens:
    """The words and punctuation of a type name, one at a time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._rest = list(self._split(text))

    def _split(self, text: str) -> Iterator[str]:
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if match is None:
                rest = text[position:].strip()
                raise NoSuchType(f"{self.text!r} is not an Iceberg type: cannot read {rest!r}", rest)
            yield match.group(1)
            position = match.end()

    def peek(self) -> str | None:
        return self._rest[0] if self._rest else None

    def take(self, expected: str | None = None) -> str:
        if not self._rest or (expected is not None and self._rest[0] != expected):
            found = repr(self._rest[0]) if self._rest else "the end"
            message = (
                f"{self.text!r} is not an Iceberg type: expected {expected or 'a name'!r}, found {found}"
            )
            raise ValueError(message) if self.text.strip() else NoSuchType(message, "")
        return self._rest.pop(0)


def _type(tokens: _Tokens, depth: int) -> ColumnType:
    if depth > MAX_DEPTH:
        raise ValueError(f"{tokens.text[:80]!r}... is nested more than {MAX_DEPTH} deep")
    word = tokens.take()
    if word not in {"list", "map", "struct"}:
        if tokens.peek() == "<":
            raise NoSuchType(
                f"{tokens.text!r} is not an Iceberg type: only list, map and struct take <...>, not {word!r}",
                word,
            )
        return _primitive(re.sub(r"\s", "", word), tokens.text)
    tokens.take("<")
    match word:
        case "list":
            parsed: ColumnType = ListOf(_type(tokens, depth + 1))
        case "map":
            parsed = _map(tokens, depth + 1)
        case _:
            parsed = StructOf(tuple(_fields(tokens, depth + 1)))
    tokens.take(">")
    return parsed


def _map(tokens: _Tokens, depth: int) -> MapOf:
    key = _type(tokens, depth)
    if isinstance(key, ListOf | MapOf | StructOf):
        raise ValueError(  # noqa: TRY004 - a fault of the text, not of the program
            f"{tokens.text!r}: the keys of a map must have a primitive type, preferably string"
        )
    tokens.take(",")
    return MapOf(key, _type(tokens, depth))


def _fields(tokens: _Tokens, depth: int) -> Iterator[tuple[str, ColumnType]]:
    names: set[str] = set()
    while True:
        name = _field_name(tokens)
        if name.lower() in names:
            raise ValueError(
                f"{tokens.text!r}: two fields are named {name!r} (case does not count); rename one"
            )
        names.add(name.lower())
        tokens.take(":")
        yield name, _type(tokens, depth)
        if tokens.peek() != ",":
            return
        tokens.take(",")


def _field_name(tokens: _Tokens) -> str:
    token = tokens.take()
    name = token[1:-1].replace("``", "`") if token.startswith("`") else token
    plain = token.startswith("`") or re.fullmatch(r"\w+", name)
    if not plain or not name.strip() or any(character < " " for character in name):
        raise ValueError(f"{tokens.text!r}: {token!r} is not a field's name; write struct<name: type, ...>")
    return name


def _primitive(word: str, text: str) -> ColumnType:
    if word in PRIMITIVE_TYPES:
        return Primitive(word)
    if match := _DECIMAL.fullmatch(word):
        precision, scale = int(match[1]), int(match[2])
        if 1 <= precision <= MAX_DECIMAL_DIGITS and scale <= precision:
            return DecimalOf(precision, scale)
        raise ValueError(
            f"{text!r}: a decimal has 1 to 38 digits, and at most all of them after the point; "
            "write it like decimal(12,2)"
        )
    if (match := _FIXED.fullmatch(word)) and 1 <= int(match[1]) <= MAX_FIXED_BYTES:
        return FixedOf(int(match[1]))
    if word in _FORMAT_3:
        raise ValueError(f"{text!r}: Iceberg has {word} from format version 3 on; our tables have version 2")
    names = ", ".join(PRIMITIVE_TYPES)
    raise NoSuchType(
        f"{text!r} is not an Iceberg type; use one of {names}, {PARAMETRIC_TYPES}",
        word,
    )
