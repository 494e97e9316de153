"""Keeps what `schema_evolution: rescue` rescues: values that have no column or do not fit it, as JSON."""

import json
from base64 import b64encode
from collections.abc import Callable
from json.encoder import encode_basestring_ascii
from math import isfinite
from typing import Any

import polars as pl

from ingest_project.reading.values.example import python_values
from ingest_project.reading.values.json_texts import NOT_JSON, parts_of
from ingest_project.reading.values.nested import spread
from ingest_project.settings.model import RESCUED_COLUMN


class RescuedValues:
    """Collects the rescued values and makes the column of them."""

    def __init__(self) -> None:
        self._texts: dict[str, pl.Series] = {}

    def add(self, name: str, values: pl.Series, rows: pl.Series, *, is_json: bool = False) -> None:
        """Keeps the field's values in the rows that are true, unless they are kept already.

        They are JSON text if it `is_json`.
        """
        if not rows.any():
            return
        kept = values.filter(rows)
        texts = spread(kept if is_json else _json_texts(kept), rows)
        earlier = self._texts.get(name)
        self._texts[name] = texts if earlier is None else earlier.fill_null(texts)

    def column(self, height: int) -> pl.Series:
        """`_rescued_data`: a JSON object for each row with a rescued value, else null."""
        members = [pl.lit(f"{json.dumps(name)}: ") + pl.lit(texts) for name, texts in self._texts.items()]
        if not members:
            return pl.Series(RESCUED_COLUMN, [None], dtype=pl.String()).new_from_index(0, height)
        joined = pl.concat_str(members, separator=", ", ignore_nulls=True)
        objects = pl.when(joined != "").then(pl.lit("{") + joined + pl.lit("}"))
        return pl.select(objects.alias(RESCUED_COLUMN)).to_series()


def _json_texts(values: pl.Series) -> pl.Series:
    """Each value as JSON; null stays null."""
    if values.dtype.is_integer() or isinstance(values.dtype, pl.Boolean):
        return values.cast(pl.String())
    if isinstance(values.dtype, pl.String):
        return _spelled_by(encode_basestring_ascii, values)
    if values.dtype.is_float() and values.is_finite().all():
        return _spelled_by(repr, values)
    found = python_values(values)
    try:
        return parts_of(json.dumps(found, default=_text, allow_nan=False)).alias(values.name)
    except (ValueError, *NOT_JSON):  # one is not finite, or nested too deeply
        texts = [None if one is None else json_of(one) for one in found]
        return pl.Series(values.name, texts, dtype=pl.String())


def _spelled_by(spell: Callable[[Any], str], values: pl.Series) -> pl.Series:
    texts = [None if one is None else spell(one) for one in values.to_list()]
    return pl.Series(values.name, texts, dtype=pl.String())


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


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return b64encode(value).decode("ascii")
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
