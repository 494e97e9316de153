"""Compares the columns of files with those of a table: what ingesting the files would do to each column."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pyiceberg.types import IcebergType, ListType, MapType, StructType

from ingest_project.iceberg.type_names import can_become, parse_type

Verdict = Literal["same", "widened", "missing", "extra", "conflict"]


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """One column of the files, of the table, or of both.

    `same`: the table takes the values as it is. `widened`: it takes them after its type is widened.
    `missing`: the files lack it, so it is null. `extra`: the table lacks it. `conflict`: neither type can be
    widened to the other.
    """

    name: str
    verdict: Verdict
    found: str | None
    actual: str | None


def compare_columns(found: Mapping[str, str], actual: Mapping[str, str]) -> tuple[ColumnVerdict, ...]:
    """The columns of the table in their order, then those that only the files have, compared by type."""
    known = [
        ColumnVerdict(name, _verdict(found.get(name), type_), found.get(name), type_)
        for name, type_ in actual.items()
    ]
    extra = [ColumnVerdict(name, "extra", type_, None) for name, type_ in found.items() if name not in actual]
    return (*known, *extra)


def _verdict(found: str | None, actual: str) -> Verdict:
    if found is None:
        return "missing"
    of_files, of_table = parse_type(found), parse_type(actual)
    if _takes(of_table, of_files):
        return "same"
    return "widened" if can_become(of_table, of_files) else "conflict"


def _takes(table: IcebergType, files: IcebergType) -> bool:
    """Whether a column of the table's type holds every value of the files' type as it is."""
    if isinstance(table, StructType) and isinstance(files, StructType):
        fields = {field.name: field.field_type for field in table.fields}
        return all(
            field.name in fields and _takes(fields[field.name], field.field_type) for field in files.fields
        )
    if isinstance(table, ListType) and isinstance(files, ListType):
        return _takes(table.element_type, files.element_type)
    if isinstance(table, MapType) and isinstance(files, MapType):
        return table.key_type == files.key_type and _takes(table.value_type, files.value_type)
    return can_become(files, table)
