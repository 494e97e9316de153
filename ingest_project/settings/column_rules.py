"""Rules for the columns and expectations of one table of ingest.yaml."""

from collections.abc import Iterator, Mapping

from ingest_project.settings.column_settings import ColumnSettings
from ingest_project.settings.column_types import family, type_fault
from ingest_project.settings.document import Fault, KeyPath
from ingest_project.settings.expressions import expression_fault
from ingest_project.settings.formats import FORMAT_KEYS
from ingest_project.settings.model import TableSettings
from ingest_project.settings.rules import repeated
from ingest_project.settings.time_formats import time_format_fault, timezone_fault

TIMES = frozenset({"date", "time", "timestamp", "timestamptz", "timestamp_ns", "timestamptz_ns"})
NO_NAME = "a column without a name is called by its place, like column_3; write that"


def column_faults(path: KeyPath, table: TableSettings) -> Iterator[Fault]:
    """All faults of `columns` and `expectations`, each at the key at fault; `path` is the table's."""
    columns = table.columns or {}
    path_of_columns = (*path, "columns")
    for name, column in columns.items():
        yield from _column_faults((*path_of_columns, name), name, column)
        if column.from_ is not None and not column.from_.strip() and FORMAT_KEYS[table.format].have_places:
            yield Fault((*path_of_columns, name, "from"), NO_NAME)
        if column.sql is not None:
            others = [other for other, one in columns.items() if one.sql is None and one.type is not None]
            if text := expression_fault(column.sql, others):
                yield Fault((*path_of_columns, name, "sql"), text)
    fold = str.casefold if table.case_insensitive else str.lower
    folded = (((*path_of_columns, name), fold(name)) for name in columns)
    yield from repeated(folded, "another column has this name (case does not count); rename one")
    if table.case_insensitive:
        yield from _spelling_faults(path_of_columns, columns)
    yield from _expectation_faults((*path, "expectations"), table.expectations, columns)
    if table.columns is not None and not table.column_types:
        yield Fault(path_of_columns, "declares no column that is written; add one, or remove `columns`")


def _column_faults(path: KeyPath, name: str, column: ColumnSettings) -> Iterator[Fault]:
    if not name.strip():
        yield Fault(path, "a column needs a name; give it one, or remove it")
    if column.type is None:
        yield from _ignored_faults(path, column)
        return
    if text := type_fault(column.type):
        yield Fault(path, text)
    elif column.default is not None and (text := _default_fault(column.type, column.default)):
        yield Fault((*path, "default"), text)
    if column.from_key is not None and family(column.type) in {"struct", "list", "map"}:
        yield Fault(
            (*path, "from_key"), f"a key has no value of type {family(column.type)}; declare another type"
        )
    yield from _time_faults(path, column, family(column.type))


def _spelling_faults(path: KeyPath, columns: Mapping[str, ColumnSettings]) -> Iterator[Fault]:
    """Two columns must not name one field in different case: its spelling would be ambiguous."""
    earlier: dict[str, str] = {}
    names: set[str] = set()
    for name, column in columns.items():
        is_repeated = name.casefold() in names  # another rule reports it
        names.add(name.casefold())
        if is_repeated or column.sql is not None or column.from_key is not None:
            continue
        source = name if column.from_ is None else column.from_
        for field in dict.fromkeys((source, source.partition(".")[0])):
            other = earlier.setdefault(field.casefold(), field)
            if other != field:
                fields = f"is read from {field!r}, and an earlier column from {other!r}"
                text = f"{fields}: they are one field (case does not count); spell it the same way"
                yield Fault((*path, name), text)
                break


def _ignored_faults(path: KeyPath, column: ColumnSettings) -> Iterator[Fault]:
    for key in ("format", "timezone", "default", "description", "required"):
        if getattr(column, key):
            yield Fault((*path, key), "goes with a type only; add the column's type, or remove this")


def _time_faults(path: KeyPath, column: ColumnSettings, kind: str) -> Iterator[Fault]:
    if kind not in TIMES:
        for key in ("format", "timezone"):
            if getattr(column, key) is not None:
                yield Fault((*path, key), "goes with dates, times and timestamps only; remove it")
        return
    for place, written in enumerate(column.format or ()):
        if text := time_format_fault(written, kind):
            yield Fault((*path, "format", place), text)
    if column.timezone is not None:
        if kind not in {"timestamptz", "timestamptz_ns"}:
            yield Fault((*path, "timezone"), "goes with timestamptz only; a timestamp has no zone; remove it")
        elif text := timezone_fault(column.timezone):
            yield Fault((*path, "timezone"), text)


def _default_fault(type_name: str, default: str | float) -> str | None:
    """What can be checked without Polars; the values are checked when the columns are compiled."""
    if family(type_name) in {"struct", "list", "map", "binary", "fixed"}:
        return f"a column of type {family(type_name)} cannot have a default; remove it"
    is_boolean = isinstance(default, bool)
    if is_boolean != (type_name == "boolean"):
        return f"is not of type {type_name}; write a value of that type"
    return None


def _expectation_faults(
    path: KeyPath, expectations: Mapping[str, str], columns: Mapping[str, ColumnSettings]
) -> Iterator[Fault]:
    readable = [name for name, column in columns.items() if column.type is not None]
    for name, sql in expectations.items():
        if not name.strip():
            yield Fault((*path, name), "an expectation needs a name; give it one")
        if not columns:
            yield Fault((*path, name), "needs declared columns; add `columns` to the table")
        elif text := expression_fault(sql, readable):
            yield Fault((*path, name), text)
