"""The entries of `partition_spec`: `day(ordered_at)`, `bucket[16](customer_id)`, or a column as it is.

Settings, checks and tables all use this grammar. A column's name is written unchanged, with its blanks and
dots; a name that would be parsed as something else is in backquotes, with its backquotes doubled.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ingest_project.settings.column_types import family
from ingest_project.settings.type_grammar import ColumnType, StructOf, parse_column_type
from ingest_project.settings.validation import suggestion

_QUOTED = r"`(?:[^`]|``)+`"
_PLAIN = r"[^\s()\[\]`](?:[^()\[\]`]*[^\s()\[\]`])?"
_COLUMN = rf"(?P<column>{_QUOTED}|{_PLAIN})"
_ALONE = re.compile(_COLUMN)
_TRANSFORMED = re.compile(
    rf"(?P<transform>[a-z]+)\s*(?:\[\s*(?P<width>[1-9]\d*)\s*\])?\s*\(\s*{_COLUMN}\s*\)"
)
_WIDE = frozenset({"bucket", "truncate"})
WIDEST = 2**31 - 1
"""Iceberg's widths are 32-bit integers."""
_TIMES = frozenset({"year", "month", "day", "hour"})
_TIMESTAMPS = frozenset({"timestamp", "timestamptz"})
_DATES = _TIMESTAMPS | {"date"}
# https://iceberg.apache.org/spec/#partition-transforms: the types that each transform takes.
_SOURCES: Mapping[str, frozenset[str]] = {
    "year": _DATES,
    "month": _DATES,
    "day": _DATES,
    "hour": _TIMESTAMPS,
    "truncate": frozenset({"int", "long", "decimal", "string", "binary"}),
    "bucket": _DATES | {"int", "long", "decimal", "time", "string", "uuid", "fixed", "binary"},
}
NESTED = frozenset({"struct", "list", "map"})
"""The types that have no order, and cannot partition rows."""
_NO_PARTITIONS = frozenset({"float", "double"})
_TRANSFORMS = frozenset({*_SOURCES, "identity", "void"})


@dataclass(frozen=True, slots=True)
class PartitionField:
    """One entry of a partition spec: Iceberg's transform, its width if it has one, and the column it reads.

    Its text is the entry that `parse_partition_field` parses. A field of a struct is named by its path,
    `place.zip`.
    """

    transform: str
    column: str
    width: int | None = None

    @property
    def transform_name(self) -> str:
        """The transform as Iceberg's specification writes it: `bucket[16]`."""
        return self.transform if self.width is None else f"{self.transform}[{self.width}]"

    def __str__(self) -> str:
        column = quoted(self.column)
        return column if self.transform == "identity" else f"{self.transform_name}({column})"


def parse_partition_field(text: str) -> PartitionField:
    """Parses one entry of `partition_spec`; a column alone means the transform `identity`.

    Raises ValueError, with the remedy.
    """
    if alone := _ALONE.fullmatch(text.strip()):
        return PartitionField("identity", unquoted(alone["column"]))
    entry = _TRANSFORMED.fullmatch(text.strip())
    if entry is None:
        raise ValueError(
            "not a partition field; write a column, day(column), bucket[16](column) or truncate[4](column), "
            "and a column's name with parentheses, brackets or backquotes in backquotes"
        )
    transform, width = entry["transform"], entry["width"]
    if transform not in _TRANSFORMS:
        raise ValueError(f"no such transform; {suggestion(transform, sorted(_TRANSFORMS))}")
    if (transform in _WIDE) != (width is not None):
        remedy = f"write {transform}[16](column)" if transform in _WIDE else f"write {transform}(column)"
        raise ValueError(f"{transform} takes {'a' if transform in _WIDE else 'no'} width; {remedy}")
    if width is not None and int(width) > WIDEST:
        raise ValueError(f"a width is {WIDEST} at most; write {transform}[16](column)")
    return PartitionField(transform, unquoted(entry["column"]), int(width) if width else None)


def partition_sources(columns: Mapping[str, str]) -> dict[str, str]:
    """The types of all possible partition sources: the columns, and the fields of structs by their paths."""
    found: dict[str, str] = {}
    for name, type_name in columns.items():
        found |= {path: str(one) for path, one in _with_fields(name, parse_column_type(type_name))}
    return found


def source_fault(field: PartitionField, columns: Mapping[str, str]) -> str | None:
    """What is wrong with a partition field's column, given the types of all columns; None if it is valid."""
    sources = partition_sources(columns)
    if field.column not in sources:
        return f"no such column in `columns`; {suggestion(field.column, sources)}"
    return type_fault_of_source(field, sources[field.column])


def type_fault_of_source(field: PartitionField, type_name: str) -> str | None:
    """Why this transform cannot partition by a column of this type; None if it can."""
    kind = family(type_name)
    if kind in NESTED:
        remedy = "use a column of a primitive type, or a field of a struct as column.field"
        return f"a {kind} cannot partition rows; {remedy}"
    if kind in _NO_PARTITIONS and field.transform != "void":
        return f"a {kind} cannot partition rows: 0.0 and -0.0 are equal, and NaN is not; use another column"
    accepted = _SOURCES.get(field.transform)
    if accepted is None or kind in accepted:
        return None
    return (
        f"{field.transform} does not take a {type_name}; use a column of type {', '.join(sorted(accepted))}"
    )


def redundancy_fault(field: PartitionField, earlier: Mapping[str, PartitionField]) -> str | None:
    """Why the field contradicts `earlier` ones, by column: PyIceberg writes only one field per column."""
    other = earlier.get(field.column)
    if other is None:
        return None
    if other == field:
        return "this partition field is listed before; remove one"
    if {other.transform, field.transform} <= _TIMES:
        finer = max(other, field, key=lambda one: ("year", "month", "day", "hour").index(one.transform))
        return (
            f"{other} is listed before, and engines prune by {finer} what the other would; keep {finer} alone"
        )
    return f"{other} is listed before, and only one field of a column can be written; keep one of them"


def _with_fields(path: str, column_type: ColumnType) -> Iterator[tuple[str, ColumnType]]:
    yield path, column_type
    if isinstance(column_type, StructOf):
        for name, field_type in column_type.fields:
            yield from _with_fields(f"{path}.{name}", field_type)


def unquoted(written: str) -> str:
    """A column's name as an entry writes it, without backquotes."""
    return written[1:-1].replace("``", "`") if written.startswith("`") else written


def quoted(name: str) -> str:
    """A column's name as an entry writes it, in backquotes if it must be."""
    return name if re.fullmatch(_PLAIN, name) else in_backquotes(name)


def in_backquotes(name: str) -> str:
    """A column's name between backquotes."""
    return "`" + name.replace("`", "``") + "`"
