"""What must hold between a table's format, the options of formats and its columns."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.model import TableFormat, TableSettings

FIXED_COLUMNS: Final[Mapping[TableFormat, Mapping[str, str]]] = MappingProxyType(
    {
        "text": {"line": "string", "line_number": "long"},
        "binary": {
            "content": "binary",
            "size_bytes": "long",
            "last_modified": "timestamptz",
            "content_sha256": "string",
        },
    }
)
"""The columns of formats that have no others."""


def format_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    """Every fault of the options of this table's format, each at the key to blame."""
    for key, field, file_format in (("csv", "csv", "csv"), ("json", "json_", "json")):
        if field in table.model_fields_set and table.format != file_format:
            yield Fault((*path, key), f"goes with `format: {file_format}` only; remove it")
    if table.format == "csv" and not table.csv.header:
        yield from _headerless_faults(path, table)
    fixed = FIXED_COLUMNS.get(table.format)
    if fixed is not None and table.columns is not None:
        yield from _fixed_faults(path, table, fixed)


def _headerless_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    if not table.columns:
        text = "without a header the columns must be declared, in the order of the fields; add `columns`"
        yield Fault((*path, "csv", "header"), text)
    for name, column in (table.columns or {}).items():
        if column.from_ is not None:
            text = "without a header the fields are the columns in their order, so none has a name; remove it"
            yield Fault((*path, "columns", name, "from"), text)


def _fixed_faults(path: KeyPath, table: TableSettings, fixed: Mapping[str, str]) -> Iterator[Fault]:
    """Such a table's columns are the format's, perhaps under other names or with other types."""
    listed = ", ".join(f"{name}: {type_name}" for name, type_name in fixed.items())
    for name, column in (table.columns or {}).items():
        if column.sql is None and (column.from_ or name) not in fixed:
            text = f"a file of format {table.format} has the fields {{{listed}}}; remove the column, or write `from`"
            yield Fault((*path, "columns", name), text)
