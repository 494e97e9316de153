"""Whether a table's columns are as declared; for inferred columns, whether they changed within 7 days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ingest_project.checks.tables.verdict import Cell, Fact, Records, Severity, Verdict, named
from ingest_project.settings.model import RESCUED_COLUMN, TableSettings
from ingest_project.settings.type_grammar import parse_column_type

if TYPE_CHECKING:
    from ingest_project.iceberg.schema_history import ColumnChange

REMEMBERED = timedelta(days=7)
"""How long a change of inferred columns is reported."""

COLUMNS = ("column", "type", "declared_or_was", "batch", "at")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """A table's columns, their recent changes, and their differences from the declared ones."""

    columns: Mapping[str, str]
    changes: Sequence["ColumnChange"] = ()
    differences: Sequence[str] = ()


def judge_gone(rows: int) -> Verdict:
    """The verdict on a table that is not in the catalog: it fails if rows were ever committed to it."""
    if not rows:
        return Verdict("schema_drift", True, "warn", "there is no table yet")
    remedy = "register the table in the catalog again, or materialize its partitions, which creates it again"
    said = "the table is gone from the catalog, and rows were committed to it"
    return Verdict("schema_drift", False, "error", said, {"rows_committed": rows, "what_to_do": remedy})


def judge_schema_drift(table: TableSettings, found: TableColumns) -> Verdict:
    """Fails if the table has columns that the settings do not declare, or declare with another type.

    If the columns are inferred, it fails if a commit of the last seven days added or widened one.
    """
    declared = table.column_types
    drifted = _undeclared(declared, found) if declared is not None else _changed(found)
    facts: dict[str, Fact] = {"columns": len(found.columns), "drifted_columns": len(drifted)}
    if drifted:
        facts["drift"] = Records(COLUMNS, tuple(drifted))
    if found.differences:
        lines = tuple({"difference": line} for line in found.differences)
        facts["differences"] = Records(("difference",), lines)
    if not drifted and not found.differences:
        said = (
            "the table's columns are as declared" if declared is not None else "no column is new or widened"
        )
        return Verdict("schema_drift", True, "warn", said, facts)
    remedy = "declare the columns in `columns`, with these types" if drifted else "declare what the table has"
    return Verdict(
        "schema_drift", False, _severity(table, found), _said(drifted, found), {**facts, "what_to_do": remedy}
    )


def _undeclared(declared: Mapping[str, str], found: TableColumns) -> list[dict[str, Cell]]:
    """The columns that are undeclared, or of another type than declared, with the last change of each."""
    latest = {change.name: change for change in found.changes}
    expected = {name: str(parse_column_type(type_name)) for name, type_name in declared.items()}
    return [
        _record(name, type_name, expected.get(name), latest.get(name))
        for name, type_name in found.columns.items()
        if name != RESCUED_COLUMN and expected.get(name) != str(parse_column_type(type_name))
    ]


def _changed(found: TableColumns) -> list[dict[str, Cell]]:
    return [
        _record(change.name, change.type_name, change.was, change)
        for change in found.changes
        if change.name != RESCUED_COLUMN and not change.is_first_commit
    ]


def _record(name: str, type_name: str, was: str | None, change: "ColumnChange | None") -> dict[str, Cell]:
    batch_id, at = (None, None) if change is None else (change.batch_id, change.committed_at)
    return {"column": name, "type": type_name, "declared_or_was": was, "batch": batch_id, "at": at}


def _severity(table: TableSettings, found: TableColumns) -> Severity:
    """Error if `schema_evolution` forbids adding a column that the table lacks: that stops every batch."""
    stops = table.schema_evolution != "add_columns" and any(
        line.startswith("column ") for line in found.differences
    )
    return "error" if stops else "warn"


def _said(drifted: Sequence[Mapping[str, Cell]], found: TableColumns) -> str:
    added = [str(one["column"]) for one in drifted if one["declared_or_was"] is None]
    widened = [str(one["column"]) for one in drifted if one["declared_or_was"] is not None]
    parts = [
        f"new: {named(added)}" if added else "",
        f"of another type: {named(widened)}" if widened else "",
        "other differences from the settings" if found.differences and not drifted else "",
    ]
    return "columns have changed; " + "; ".join(part for part in parts if part)
