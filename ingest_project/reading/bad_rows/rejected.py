"""The rows that are set aside, as a table's quarantine keeps them."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from ingest_project.reading.limits import LIMITS
from ingest_project.reading.row_faults import RowFault
from ingest_project.settings.model import PROVENANCE_COLUMNS
from ingest_project.sources.object_version import ObjectVersion

COLUMNS = {
    "line_number": pl.Int64(),
    "raw": pl.String(),
    "column_name": pl.String(),
    "reason": pl.String(),
    **{name: pl.String() for name in PROVENANCE_COLUMNS[:2]},
}


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that was set aside. `line_number` is its line or row in the object, counted from 1."""

    object: ObjectVersion
    line_number: int
    raw: bytes | str = field(repr=False)
    fault: RowFault


def rejected_frame(rows: Iterable[RejectedRow]) -> pl.DataFrame | None:
    """The rows as the quarantine table has them, without what the batch adds; None if there are none.

    `raw` is text; bytes that are not valid UTF-8 are written as `\\xff`.
    """
    records = [
        (
            row.line_number,
            _text(row.raw),
            row.fault.column,
            str(row.fault),
            row.object.uri,
            row.object.version,
        )
        for row in rows
    ]
    return pl.DataFrame(records, schema=COLUMNS, orient="row") if records else None


def _text(raw: bytes | str) -> str:
    text = raw.decode(errors="backslashreplace") if isinstance(raw, bytes) else raw
    return text[: LIMITS.bad_rows.raw_characters].rstrip("\r\n")
