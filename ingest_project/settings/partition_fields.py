"""The entries of `partition_spec`: `day(ordered_at)`, `bucket[16](customer_id)`, or a column as it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest_project.settings.column_types import family
from ingest_project.settings.validation import suggestion

_ENTRY = re.compile(r"(?P<transform>[a-z]+)(?:\[(?P<width>[1-9]\d*)\])?\(\s*(?P<column>[^()\s][^()]*?)\s*\)")
_WIDE = frozenset({"bucket", "truncate"})
_TIMESTAMPS = frozenset({"timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns"})
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
_NO_PARTITIONS = frozenset({"float", "double"})
_TRANSFORMS = frozenset({*_SOURCES, "identity", "void"})


@dataclass(frozen=True, slots=True)
class PartitionField:
    """One entry of a partition spec: Iceberg's transform, its width if it has one, and the column it reads."""

    transform: str
    column: str
    width: int | None = None


def parse_partition_field(text: str) -> PartitionField:
    """Read one entry of `partition_spec`; a column alone is its identity.

    Raises ValueError, whose message names the remedy.
    """
    entry = _ENTRY.fullmatch(text.strip())
    if entry is None:
        if not text.strip() or re.search(r"[()\[\]]", text):
            raise ValueError(
                "no partition field; write a column, day(column), bucket[16](column) or truncate[4](column)"
            )
        return PartitionField("identity", text.strip())
    transform, width = entry["transform"], entry["width"]
    if transform not in _TRANSFORMS:
        raise ValueError(f"no such transform; {suggestion(transform, sorted(_TRANSFORMS))}")
    if (transform in _WIDE) != (width is not None):
        remedy = f"write {transform}[16](column)" if transform in _WIDE else f"write {transform}(column)"
        raise ValueError(f"{transform} takes {'a' if transform in _WIDE else 'no'} width; {remedy}")
    return PartitionField(transform, entry["column"], int(width) if width else None)


def source_fault(field: PartitionField, columns: Mapping[str, str]) -> str | None:
    """What is wrong with the column that a partition field reads, given the types of all columns; None if nothing."""
    if field.column not in columns:
        return f"no such column in `columns`; {suggestion(field.column, columns)}"
    accepted = _SOURCES.get(field.transform)
    if family(columns[field.column]) in _NO_PARTITIONS:
        return f"a {columns[field.column]} cannot part rows: 0.0 and -0.0 are equal, and NaN is not; use another column"
    if accepted is None or family(columns[field.column]) in accepted:
        return None
    return f"{field.transform} does not take a {columns[field.column]}; use a column of type {', '.join(sorted(accepted))}"
