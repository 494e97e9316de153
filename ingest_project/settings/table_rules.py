"""What must hold within one table of ingest.yaml, beyond the type of each value."""

from collections.abc import Iterator, Mapping

from ingest_project.settings.column_rules import column_faults
from ingest_project.settings.column_types import type_fault
from ingest_project.settings.cron import cron_fault
from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.error_classes import ERROR_CLASSES, OBJECT_CLASSES, Action, on_error_fault
from ingest_project.settings.format_rules import format_faults
from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_fields import PartitionField, parse_partition_field, source_fault
from ingest_project.settings.rules import repeated
from ingest_project.settings.validation import suggestion

_PROVENANCE_TYPES = {
    "_source_uri": "string",
    "_source_version": "string",
    "_batch_id": "string",
    "_ingested_at": "timestamptz",
}


def table_faults(index: int, table: TableSettings) -> Iterator[Fault]:
    """Every fault of the table at this place of the list, each at the key to blame."""
    path = ("tables", index)
    yield from format_faults(path, table)
    yield from column_faults(path, table)
    yield from _partition_spec_faults((*path, "partition_spec"), table)
    yield from _on_error_faults((*path, "on_error"), table.on_error)
    if table.partition is not None:
        listed = enumerate(table.partition.values or ())
        values = (((*path, "partition", "values", place), value) for place, value in listed)
        yield from repeated(values, "this value is listed before; remove one")
    if table.rebuild_schedule is not None and (text := cron_fault(table.rebuild_schedule)):
        yield Fault((*path, "rebuild_schedule"), text)


def _on_error_faults(path: KeyPath, on_error: Mapping[str, Action]) -> Iterator[Fault]:
    for name, action in on_error.items():
        if name not in ERROR_CLASSES:
            yield Fault((*path, name), f"no such class of errors; {suggestion(name, OBJECT_CLASSES)}")
        elif text := on_error_fault(name, action):
            yield Fault((*path, name), text)


def _partition_spec_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    seen: set[PartitionField] = set()
    for place, entry in enumerate(table.partition_spec):
        try:
            field = parse_partition_field(entry)
        except ValueError as error:
            yield Fault((*path, place), str(error))
            continue
        if field in seen:
            yield Fault((*path, place), "this partition field is listed before; remove one")
        seen.add(field)
        if text := _source_fault(field, table):
            yield Fault((*path, place), text)


def _source_fault(field: PartitionField, table: TableSettings) -> str | None:
    """Nothing can be said of a column that is yet to be inferred, except that its name is the data's business."""
    if table.column_types is None and field.column not in _PROVENANCE_TYPES:
        return None
    columns = {**(table.column_types or {}), **_PROVENANCE_TYPES}
    if field.column in columns and type_fault(columns[field.column]):
        return None  # reported at the column
    return source_fault(field, columns)
