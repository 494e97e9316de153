"""The entries of `sort_order`: a column, then `desc` or `asc`, then `nulls first` or `nulls last`.

A column's name is written as in `partition_spec`; one that ends in such a word is in backquotes.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ingest_project.settings.column_types import family
from ingest_project.settings.partition_fields import (
    NESTED,
    in_backquotes,
    partition_sources,
    quoted,
    unquoted,
)
from ingest_project.settings.validation import suggestion

_ENTRY = re.compile(
    r"(?P<column>`(?:[^`]|``)+`|[^\s()\[\]`](?:[^()\[\]`]*?[^\s()\[\]`])?)"
    r"(?:\s+(?P<direction>asc|desc))?(?:\s+nulls\s+(?P<nulls>first|last))?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SortField:
    """One entry: the column, or the path of a struct's field, and the direction. Its text can be parsed."""

    column: str
    descending: bool = False
    nulls_first: bool = True

    def __str__(self) -> str:
        name = quoted(self.column)
        entry = _ENTRY.fullmatch(name)
        if entry is None or entry["column"] != name:  # it ends like a direction
            name = in_backquotes(self.column)
        direction = " desc" if self.descending else ""
        usual = self.nulls_first != self.descending
        return name + direction + ("" if usual else f" nulls {'first' if self.nulls_first else 'last'}")


def parse_sort_field(text: str) -> SortField:
    """Parses one entry; nulls are first in ascending order and last in descending one, unless it says.

    Raises ValueError, with the remedy.
    """
    entry = _ENTRY.fullmatch(text.strip())
    if entry is None:
        raise ValueError(
            "not a sort field; write a column, `column desc` or `column asc nulls last`, and a column's name "
            "with parentheses, brackets or backquotes in backquotes"
        )
    descending = (entry["direction"] or "").lower() == "desc"
    nulls_first = not descending if entry["nulls"] is None else entry["nulls"].lower() == "first"
    return SortField(unquoted(entry["column"]), descending, nulls_first)


def sort_source_fault(field: SortField, columns: Mapping[str, str]) -> str | None:
    """What is wrong with the field's column, given the types of all columns; None if it is valid."""
    sources = partition_sources(columns)
    if field.column not in sources:
        return f"no such column in `columns`; {suggestion(field.column, sources)}"
    if (kind := family(sources[field.column])) in NESTED:
        return (
            f"a {kind} has no order; use a column of a primitive type, or a field of a struct as column.field"
        )
    return None
