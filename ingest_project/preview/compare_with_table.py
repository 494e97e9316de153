"""Compares the columns of the files with the table into which they would be ingested."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest_project.errors import CatalogUnavailable, ObjectError, TableMismatch
from ingest_project.iceberg.compare_columns import ColumnVerdict, compare_columns
from ingest_project.iceberg.outage import Outages
from ingest_project.iceberg.table import LakeTable
from ingest_project.preview.columns import FoundColumn
from ingest_project.preview.rows import rejected_rows
from ingest_project.preview.sampling import Sample
from ingest_project.reading.target import ColumnMapping, MappedColumn, Target, target_of
from ingest_project.reading.values.types import dtype_of
from ingest_project.services import Services
from ingest_project.settings.model import RESCUED_COLUMN, TableSettings


@dataclass(frozen=True, slots=True)
class TableMapping:
    """The table of this name, if the catalog has it, and each column's verdict.

    `problem` says why nothing is known of the table. In that case, and if the table does not exist, there are
    no columns.
    """

    table: str
    exists: bool
    columns: tuple[ColumnVerdict, ...] = ()
    problem: str | None = None


def map_to_table(
    services: Services, table: str, columns: Sequence[FoundColumn], sample: Sample
) -> TableMapping:
    """The verdicts by type; where types differ, the sampled values are read as the table's type.

    The declarations of the settings apply: a field that they rename is compared under its column's name.
    """
    try:
        found = _find(services, table)
    except (CatalogUnavailable, TableMismatch) as error:
        return TableMapping(table, exists=False, problem=error.reason)
    if found is None:
        return TableMapping(table, exists=False)
    declared = next((one for one in services.settings.tables if one.name == table), None)
    columns_of_fields = _renamed(declared)
    made_here = {RESCUED_COLUMN, *_computed(declared)}
    actual = {name: type_ for name, type_ in found.columns.items() if name not in made_here}
    types: dict[str, str] = {}
    fields: dict[str, str] = {}
    spelling = None if declared is None else target_of(declared, actual).spelling
    for one in columns:
        field = one.name if spelling is None else spelling.of(one.name)
        name = columns_of_fields.get(field, field)
        types[name] = one.type or actual.get(name, "string")  # nulls fit any column
        fields[name] = one.name
    mapped = compare_columns(types, actual)
    unlike = [one for one in mapped if one.verdict in {"conflict", "widened"}]
    fitting = _that_fit(unlike, fields, sample)
    settled = [replace(one, verdict="same") if one.name in fitting else one for one in mapped]
    return TableMapping(table, exists=True, columns=tuple(settled))


def _find(services: Services, table: str) -> LakeTable | None:
    try:
        return services.lake.find(table)
    except (CatalogUnavailable, TableMismatch):
        raise
    except Exception as error:
        # PyIceberg reports invalid properties by errors of all kinds, which quote all properties.
        raise Outages(services.settings.catalog.properties).unavailable(table, error) from error


def _renamed(table: TableSettings | None) -> dict[str, str]:
    """The columns that are read from a field of another name, by that field."""
    columns = (table.columns if table else None) or {}
    return {one.from_: name for name, one in columns.items() if one.from_ is not None}


def _computed(table: TableSettings | None) -> list[str]:
    columns = (table.columns if table else None) or {}
    return [name for name, one in columns.items() if one.sql is not None]


def _that_fit(columns: Sequence[ColumnVerdict], fields: dict[str, str], sample: Sample) -> set[str]:
    """Those whose sampled values can all be read as the table's type, such as numbers in text."""
    wanted = {one.name: one.actual for one in columns if one.actual is not None and _is_readable(one.actual)}
    if not wanted or _fit(wanted, fields, sample):
        return set(wanted)
    return {name for name, type_ in wanted.items() if _fit({name: type_}, fields, sample)}


def _is_readable(type_name: str) -> bool:
    try:
        dtype_of(type_name)
    except ValueError:
        return False
    return True


def _fit(columns: dict[str, str], fields: dict[str, str], sample: Sample) -> bool:
    """Whether all samples have values of these types, none of them widened; other fields are passed over."""
    if sample.settled is None:
        return False
    mapped = tuple(MappedColumn(name, type_, fields[name]) for name, type_ in columns.items())
    others = frozenset(fields.values()) - {one.source for one in mapped}
    target = Target(columns, "fail", ColumnMapping(mapped, ignored=others))
    try:
        return all(
            rejected_rows(head, sample.settled.read_as, target) <= rows.rejected
            for head, rows in zip(sample.heads, sample.rows, strict=True)
        )
    except ObjectError:
        return False
