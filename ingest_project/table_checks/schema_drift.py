"""Whether a table's columns are those that its settings declare, or, where none are, those that it had of late."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ingest_project.settings.model import RESCUED_COLUMN, TableSettings
from ingest_project.settings.type_grammar import parse_column_type
from ingest_project.table_checks.verdict import Cell, Fact, Records, Severity, Verdict, named

if TYPE_CHECKING:
    from ingest_project.iceberg.schema_history import ColumnChange

REMEMBERED = timedelta(days=7)
"""So long a change of a table whose columns are inferred is reported."""

COLUMNS = ("column", "type", "declared_or_was", "batch", "at")


@dataclass(frozen=True, slots=True)
class TableColumns:
    """What a table is found to be: its columns, what changed them lately, and how it differs from what is declared."""

    columns: Mapping[str, str]
    changes: Sequence["ColumnChange"] = ()
    differences: Sequence[str] = ()


def judge_gone(rows: int) -> Verdict:
    """What the check says of a table that is not in the catalog: bad if so many rows were committed to it."""
    if not rows:
        return Verdict("schema_drift", True, "warn", "there is no table yet")
    remedy = "register the table in the catalog again, or materialize its partitions, which makes it anew"
    said = "the table is gone from the catalog, and rows were committed to it"
    return Verdict("schema_drift", False, "error", said, {"rows_committed": rows, "what_to_do": remedy})


def judge_schema_drift(table: TableSettings, found: TableColumns) -> Verdict:
    """Bad if the table has columns that the settings do not declare, or declares them otherwise.

    Where the columns are inferred: if a commit of the last seven days added or widened some.
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
    """The columns that nobody has declared, or that hold more than is declared, with the last change of each."""
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
    """Where the policy is not to change the table, a column that it lacks stops every batch."""
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
