"""Records as tables of the web UI. Keys and reasons are untrusted text: each has a cell of its own.

The web UI renders the cells of a table as plain text, unlike Markdown metadata. Invisible characters, and
those that reverse the text, are escaped as in the terminal.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import dagster as dg

Cell = str | int | datetime | None

LONGEST_CELL = 1_200
"""In characters: enough for the longest key that S3 allows. A longer reason is cut."""


def record_table(columns: Iterable[str], records: Iterable[Mapping[str, Cell]]) -> dg.TableMetadataValue:
    """The records as a table of these columns. Integers stay numbers if JavaScript can represent them."""
    names = list(columns)
    rows = [dg.TableRecord({name: _cell(record[name]) for name in names}) for record in records]
    return dg.MetadataValue.table(
        rows, schema=dg.TableSchema([dg.TableColumn(name, "string") for name in names])
    )


def _cell(value: Cell) -> str | int:
    from ingest_project.reports.terminal import printable

    if isinstance(value, int) and abs(value) < 2**53:
        return value
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else printable(str(value))[:LONGEST_CELL]
