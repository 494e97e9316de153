"""Keeps what `schema_evolution: rescue` rescues: values that have no column or do not fit it, as JSON."""

import json
from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import polars as pl

from ingest_project.reading.values.example import python_values
from ingest_project.settings.model import RESCUED_COLUMN

Rescued = Mapping[int, Mapping[str, str]]
"""By row, counted from 0: field names and their values as JSON text."""


class RescuedValues:
    """Collects the rescued values and makes the column of them."""

    def __init__(self, earlier: Rescued | None = None) -> None:
        self._by_row: dict[int, dict[str, str]] = defaultdict(dict)
        for row, values in (earlier or {}).items():
            self._by_row[row].update(values)

    def add(self, name: str, values: pl.Series, rows: pl.Series, *, is_json: bool = False) -> None:
        """Keeps the field's values in the rows that are true, unless a reader has already kept their text.

        They are JSON text if it `is_json`.
        """
        places = rows.arg_true()
        for row, value in zip(places.to_list(), python_values(values.gather(places)), strict=True):
            self._by_row[row].setdefault(name, str(value) if is_json else json_of(value))

    def column(self, height: int) -> pl.Series:
        """`_rescued_data`: a JSON object for each row with a rescued value, else null."""
        column: list[str | None] = [None] * height
        for row, values in self._by_row.items():
            column[row] = "{" + ", ".join(_members(values.items())) + "}"
        return pl.Series(RESCUED_COLUMN, column, dtype=pl.String())


def json_of(value: object) -> str:
    """The value as JSON.

    Types that JSON lacks are text: decimals with all digits, ISO 8601 times, base64 bytes.
    """
    try:
        return json.dumps(value, default=_text, allow_nan=False)
    except ValueError:
        return json.dumps(_spelled(value), default=_text)


def _spelled(value: object) -> object:
    """The value with `nan` and `inf`, which JSON also lacks, as text."""
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
