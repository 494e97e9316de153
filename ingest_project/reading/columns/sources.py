"""Finds the values of a column's field in a parsed frame: by its name, or by a path into nested fields."""

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass

import polars as pl

from ingest_project.reading.target import MappedColumn
from ingest_project.reading.values.example import EXAMPLE_CHARACTERS, example_at, example_of
from ingest_project.reading.values.paths import values_below
from ingest_project.settings.wording import clipped


@dataclass(frozen=True, slots=True)
class Source:
    """The values of a column's field, as the file has them; texts if it `is_json`, with strings in quotes."""

    values: pl.Series
    is_json: bool = False

    def example_at(self, row: int) -> str:
        """The value in this row, as a message shows it."""
        if not self.is_json:
            return example_at(self.values, row)
        text = str(self.values[row])
        try:  # a number is shown as it is written: Python would not keep its digits
            return example_of(json.loads(text)) if text[:1] in '"{[tf' else clipped(text, EXAMPLE_CHARACTERS)
        except (ValueError, RecursionError):  # Python reads no integer of more than 4,300 digits
            return clipped(text, EXAMPLE_CHARACTERS)


def source_of(
    fields: Mapping[str, pl.Series], column: MappedColumn, json_texts: Container[str]
) -> Source | None:
    """The values of the column's field, of these by name; None if the file has no such field.

    In each row it is the field of exactly this name if that has a value, else what lies under the path.
    """
    exact = fields.get(column.source)
    first, *rest = column.path
    below = None
    if column.may_be_a_path and first in fields and not isinstance(fields[first].dtype, pl.Null):
        below = values_below(fields[first], rest, is_json=first in json_texts)
    chosen = _chosen(exact, below, column.source)
    name = column.source if below is None else first
    return None if chosen is None else Source(chosen, is_json=name in json_texts)


def _chosen(exact: pl.Series | None, below: pl.Series | None, name: str) -> pl.Series | None:
    if below is None or exact is None:
        return exact if below is None else below.alias(name)
    if not (exact.is_null() & below.is_not_null()).any():
        return exact
    if exact.dtype != below.dtype and exact.null_count() < len(exact):
        exact, below = exact.cast(pl.String), below.cast(pl.String)
    chosen = below if exact.null_count() == len(exact) else pl.select(pl.coalesce(exact, below)).to_series()
    return chosen.alias(name)
