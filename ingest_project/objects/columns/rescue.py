"""What `schema_evolution: rescue` keeps of a row: its values that have no column or do not fit it, as JSON."""

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import polars as pl

from ingest_project.objects.example import python_values
from ingest_project.settings.model import RESCUED_COLUMN

Rescued = Mapping[int, Mapping[str, str]]
"""By row, counted from 0: field names and their values as JSON text."""


class RescuedValues:
    """Collects what is rescued, and gives the column of it."""

    def __init__(self, earlier: Rescued | None = None) -> None:
        self._by_row: dict[int, dict[str, str]] = defaultdict(dict)
        for row, values in (earlier or {}).items():
            self._by_row[row].update(values)

    def add(self, name: str, values: pl.Series, rows: pl.Series) -> None:
        """Keeps the values of this field in the rows that are true, unless its text was kept already."""
        places = rows.arg_true()
        for row, value in zip(places.to_list(), python_values(values.gather(places)), strict=True):
            self._by_row[row].setdefault(name, json_of(value))

    def column(self, height: int) -> pl.Series:
        """`_rescued_data`: a JSON object for each row of which something was rescued, else null."""
        column: list[str | None] = [None] * height
        for row, values in self._by_row.items():
            column[row] = "{" + ", ".join(_members(values.items())) + "}"
        return pl.Series(RESCUED_COLUMN, column, dtype=pl.String())


def json_of(value: object) -> str:
    """The value as JSON; what JSON has no word for is text: decimals by their digits, times in ISO 8601, bytes in base64."""
    try:
        return json.dumps(value, default=_text, allow_nan=False)
    except ValueError:
        return json.dumps(_spelled(value), default=_text)


def _spelled(value: object) -> object:
    """The value with `nan` and `inf`, for which JSON has no word either, as text."""
    if isinstance(value, dict):
        return {name: _spelled(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_spelled(one) for one in value]
    return value if not isinstance(value, float) or isfinite(value) else str(value)


def _members(values: Iterable[tuple[str, str]]) -> Iterable[str]:
    return (f"{json.dumps(name)}: {text}" for name, text in values)


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
