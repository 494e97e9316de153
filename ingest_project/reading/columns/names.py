"""Refuses new columns whose names Iceberg, its engines or this project could not tell from others.

Names are compared as they are. Engines such as Spark, Trino and Athena fold their case, so they could not
read two columns that differ in case only; the second is refused, and `from` can rename it. A name may contain
a dot, but must not look like a field of another column.
"""

from collections.abc import Collection, Iterable, Mapping

import polars as pl

from ingest_project.errors import ColumnRefused
from ingest_project.reading.values.types import (
    UnusableName,
    refuse_names_within,
    storable,
    type_of,
    typed_part,
)
from ingest_project.settings.model import RESERVED_COLUMNS
from ingest_project.settings.type_grammar import parse_column_type

RENAME = "rename it by `from` in `columns`, or in the file"
NAMED_COLUMNS = 10
"""The most columns that one message names."""


def refuse_new(names: Iterable[str], uri: str) -> None:
    """Raises ColumnRefused if there are any such columns."""
    if found := listed(names):
        raise ColumnRefused(
            uri, f"the table has no column {found}; declare it, or set schema_evolution: add_columns"
        )


def refuse_taken(names: Collection[str], uri: str) -> None:
    """Raises ColumnRefused for new columns with the name of a field of the table's partition spec."""
    if found := listed(sorted(names)):
        raise ColumnRefused(uri, f"column {found} has the name of a partition field of the table; {RENAME}")


def refuse_impossible(new: Mapping[str, pl.DataType], others: Collection[str], uri: str) -> None:
    """Raises ColumnRefused for new columns that a table with the other columns cannot have.

    The commit would fail for the whole batch.
    """
    folded = {name.lower(): name for name in others}
    for name, dtype in new.items():
        if fault := name_fault(name, folded) or _type_fault(name, dtype):
            raise ColumnRefused(uri, fault)
        folded[name.lower()] = name
    names = set(folded.values())
    for name in new:
        if (first := name.partition(".")[0]) != name and first in names:
            raise ColumnRefused(uri, f"column {name!r} looks like a field of another column; {RENAME}")


def refuse_reserved(names: Iterable[str], uri: str) -> None:
    """Raises ColumnRefused for columns that only the ingest itself may write."""
    if found := listed(name for name in names if name.lower() in RESERVED_COLUMNS):
        raise ColumnRefused(uri, f"the ingest itself writes the column {found}; {RENAME}")


def name_fault(name: str, folded: Mapping[str, str]) -> str | None:
    """What is wrong with the name of a new column, given the other columns by their names in lower case."""
    if not name.strip():
        return f"a column has the name {name!r}; {RENAME}"
    if folded.get(name.lower()) == name:
        return (
            f"the file has a field {name!r}, and the column of this name is read from elsewhere; "
            f"give the field a column of its own: other_name: {{type: ..., from: {name!r}}}"
        )
    if name.lower() in folded:
        return f"column {name!r} differs from column {folded[name.lower()]!r} only in case; {RENAME}"
    if any(character < " " for character in name):
        return f"column {name!r} has a control character in its name; {RENAME}"
    return None


def _type_fault(name: str, dtype: pl.DataType) -> str | None:
    if type_of(storable(dtype)) is None:
        return f"column {name!r} is {dtype}, a type that a table cannot have; declare it as another type"
    typed = typed_part(storable(dtype))
    if typed is None:
        return None
    try:
        refuse_names_within(typed, f"{name}.")
        parse_column_type(str(typed))
    except UnusableName as error:
        return f"{error}; rename it in the file, or `{{drop: true}}` skips column {name!r}"
    except ValueError as error:
        return f"column {name!r} cannot be in a table: {str(error)[-200:]}"
    return None


def listed(names: Iterable[str]) -> str:
    """The first ten names, as a message lists them."""
    found = list(names)
    more = f" and {len(found) - NAMED_COLUMNS} more" if len(found) > NAMED_COLUMNS else ""
    return ", ".join(repr(name) for name in found[:NAMED_COLUMNS]) + more
