"""Rules within one table of ingest.yaml, beyond the type of each value."""

from collections.abc import Iterator, Mapping

from ingest_project.settings.column_rules import column_faults
from ingest_project.settings.column_types import type_fault
from ingest_project.settings.cron import cron_fault
from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.error_classes import ERROR_CLASSES, OBJECT_CLASSES, Action, on_error_fault
from ingest_project.settings.format_rules import format_faults
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_fields import (
    PartitionField,
    parse_partition_field,
    redundancy_fault,
    source_fault,
)
from ingest_project.settings.provenance import PROVENANCE
from ingest_project.settings.rules import repeated
from ingest_project.settings.sort_fields import parse_sort_field, sort_source_fault
from ingest_project.settings.validation import suggestion


def table_faults(index: int, table: TableSettings) -> Iterator[Fault]:
    """All faults of the table at this position of the list, each at the key at fault."""
    path = ("tables", index)
    yield from format_faults(path, table)
    yield from column_faults(path, table)
    yield from _partition_spec_faults((*path, "partition_spec"), table)
    yield from _sort_order_faults((*path, "sort_order"), table)
    yield from _on_error_faults((*path, "on_error"), table.on_error)
    if table.partition is not None:
        listed = enumerate(table.partition.values or ())
        values = (((*path, "partition", "values", place), value) for place, value in listed)
        yield from repeated(values, "this value is listed before; remove one")
    yield from _exclude_faults((*path, "exclude"), table)
    if table.rebuild_schedule is not None and (text := cron_fault(table.rebuild_schedule)):
        yield Fault((*path, "rebuild_schedule"), text)


def _exclude_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    for place, pattern in enumerate(table.exclude):
        if table.prefix and pattern.startswith(table.prefix):
            remedy = f"leave {table.prefix!r} out, or write **/ before it"
            yield Fault((*path, place), f"patterns are matched below the prefix; {remedy}")


def _on_error_faults(path: KeyPath, on_error: Mapping[str, Action]) -> Iterator[Fault]:
    for name, action in on_error.items():
        if name not in ERROR_CLASSES:
            yield Fault((*path, name), f"no such class of errors; {suggestion(name, OBJECT_CLASSES)}")
        elif text := on_error_fault(name, action):
            yield Fault((*path, name), text)


def _partition_spec_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    earlier: dict[str, PartitionField] = {}
    for place, entry in enumerate(table.partition_spec):
        try:
            field = parse_partition_field(entry)
        except ValueError as error:
            yield Fault((*path, place), str(error))
            continue
        if text := redundancy_fault(field, earlier) or _source_fault(field, table):
            yield Fault((*path, place), text)
        earlier.setdefault(field.column, field)


def _sort_order_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    earlier: set[str] = set()
    for place, entry in enumerate(table.sort_order):
        try:
            field = parse_sort_field(entry)
        except ValueError as error:
            yield Fault((*path, place), str(error))
            continue
        known = _known_columns(field.column, table)
        if field.column in earlier:
            yield Fault((*path, place), "this column is listed before; remove one")
        elif known is not None and (text := sort_source_fault(field, known)):
            yield Fault((*path, place), text)
        earlier.add(field.column)


def _source_fault(field: PartitionField, table: TableSettings) -> str | None:
    known = _known_columns(field.column, table)
    return None if known is None else source_fault(field, known)


def _known_columns(named: str, table: TableSettings) -> dict[str, str] | None:
    """The types of all columns; None if nothing can be said of the named one.

    Columns that are not declared will be inferred, and a type that cannot be parsed is reported at its
    column.
    """
    of_ingest = {name: column.type for name, column in PROVENANCE.items()}
    if table.column_types is None and named not in of_ingest:
        return None
    columns = {name: one for name, one in (table.column_types or {}).items() if type_fault(one) is None}
    if named in (table.column_types or {}) and named not in columns:
        return None
    return {**columns, **of_ingest}
