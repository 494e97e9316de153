"""Formats a value of a file for a message: as Python writes it, and short."""

import polars as pl
from polars.exceptions import PanicException, PolarsError

from ingest_project.reading.values.nanoseconds import values_of
from ingest_project.settings.wording import clipped

EXAMPLE_CHARACTERS = 40


def example_of(value: object) -> str:
    """The value as Python writes it, short enough for a message."""
    return clipped(repr(value), EXAMPLE_CHARACTERS)


def example_at(values: pl.Series, row: int) -> str:
    """The value in this row as an example, also if Python cannot represent it, such as a year beyond 9999."""
    return example_of(python_values(values.slice(row, 1))[0])


def python_values(values: pl.Series) -> list[object]:
    """The values as Python's, or all as text if Python cannot represent one of them."""
    for convert in (_as_they_are, _as_text, _as_numbers):
        try:
            return convert(values)
        except (OverflowError, ValueError, PolarsError, PanicException):
            continue  # a date before the year 1, a duration of more days than Python counts
    return [str(values.dtype)] * len(values)


def _as_they_are(values: pl.Series) -> list[object]:
    return values_of(values)


def _as_text(values: pl.Series) -> list[object]:
    if values.dtype.is_nested():
        return [str(values.slice(place, 1)) for place in range(len(values))]
    return [None if value is None else str(value) for value in values.cast(pl.String())]


def _as_numbers(values: pl.Series) -> list[object]:
    return values.to_physical().to_list()
