"""Finds what lies under a path of names in nested values, also where these are JSON texts."""

from collections.abc import Sequence

import polars as pl

from ingest_project.reading.values.json_nested import load, text_of


def values_below(values: pl.Series, path: Sequence[str]) -> pl.Series | None:
    """The values under this path of names; None if no row has any."""
    for place, name in enumerate(path):
        if isinstance(values.dtype, pl.String):  # objects among other values are all JSON
            return pl.Series(
                values.name, [_in_json(text, path[place:]) for text in values], dtype=pl.String()
            )
        if not isinstance(values.dtype, pl.Struct) or name not in [one.name for one in values.dtype.fields]:
            return None
        values = values.struct.field(name)
    return values


def _in_json(text: str | None, path: Sequence[str]) -> str | None:
    """The value under this path as text, numbers as they are written; None if the text has none."""
    if text is None or not text.lstrip().startswith("{"):
        return None
    try:
        value = load(text)
    except (ValueError, RecursionError):
        return None
    for name in path:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return text_of(value)
