"""Rules between a table's format, the options of formats and its columns."""

from collections.abc import Iterator, Mapping

from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.formats import FIXED_COLUMNS, FORMAT_KEYS
from ingest_project.settings.model import TableSettings


def format_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    """All faults of the options of this table's format, each at the key at fault."""
    written = {TableSettings.model_fields[field].alias or field for field in table.model_fields_set}
    for file_format, keys in FORMAT_KEYS.items():
        if keys.options in written and table.format != file_format and not table.is_of_messages:
            yield Fault((*path, keys.options), f"goes with `format: {file_format}` only; remove it")
    if table.json_.columns is not None and not table.is_of_messages:
        text = "goes with `source: messages` of its queue only; write the columns as `columns` of the table"
        yield Fault((*path, "json", "columns"), text)
    options = FORMAT_KEYS[table.format].options
    if options is not None and lacks_header(table):
        yield from _headerless_faults(path, options, table)
    fixed = FIXED_COLUMNS.get(table.format)
    if fixed is not None and table.columns is not None:
        yield from _fixed_faults(path, table, fixed)


def lacks_header(table: TableSettings) -> bool:
    """Whether the files of the table have no header, although its format has one by default."""
    keys = FORMAT_KEYS[table.format]
    return keys.has_header and keys.options is not None and not getattr(table, keys.options).header


def _headerless_faults(path: KeyPath, options: str, table: TableSettings) -> Iterator[Fault]:
    if not table.columns:
        text = "without a header the columns must be declared, in the order of the fields; add `columns`"
        yield Fault((*path, options, "header"), text)
    for name, column in (table.columns or {}).items():
        if column.from_ is not None:
            text = "without a header the fields are the columns in order and have no names; remove it"
            yield Fault((*path, "columns", name, "from"), text)


def _fixed_faults(path: KeyPath, table: TableSettings, fixed: Mapping[str, str]) -> Iterator[Fault]:
    """The columns of such a table are the format's own, possibly with other names or types."""
    listed = ", ".join(f"{name}: {type_name}" for name, type_name in fixed.items())
    for name, column in (table.columns or {}).items():
        if column.sql is None and column.from_key is None and (column.from_ or name) not in fixed:
            text = f"a file of format {table.format} has the fields {{{listed}}}"
            yield Fault((*path, "columns", name), f"{text}; remove the column, or write `from`")
