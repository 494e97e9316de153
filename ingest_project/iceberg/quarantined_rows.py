"""What a batch set aside, for people: a look into the quarantine table."""

from dataclasses import dataclass

from pyiceberg.expressions import EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table

SHOWN = ("_source_uri", "line_number", "column_name", "reason")


@dataclass(frozen=True, slots=True)
class QuarantinedRow:
    """A row that was set aside: its place, the column at fault (None: the row as a whole), and the reason."""

    source_uri: str
    line_number: int | None
    column_name: str | None
    reason: str


def quarantined_rows(table: Table, batch_id: str, limit: int) -> list[QuarantinedRow]:
    """At most `limit` of the batch's rows, in any order. Reads only files that may hold some of them."""
    scan = table.scan(
        row_filter=EqualTo(term=Reference("_batch_id"), value=literal(batch_id)),
        selected_fields=SHOWN,
        limit=limit,
    )
    return [
        QuarantinedRow(row["_source_uri"] or "", row["line_number"], row["column_name"], row["reason"] or "")
        for row in scan.to_arrow().to_pylist()
    ]
