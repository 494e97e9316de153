"""Finds what lies under a path of names in nested values, also where these are JSON texts."""

from collections.abc import Sequence

import polars as pl

from ingest_project.reading.values.json_texts import below, unquoted, valid_texts


def values_below(values: pl.Series, path: Sequence[str], *, is_json: bool = False) -> pl.Series | None:
    """The values under this path of names; None if no row has any.

    If the values are JSON texts as a JSON file has them, so are those under the path.
    """
    for place, name in enumerate(path):
        if is_json:
            return below(values, path)
        if isinstance(values.dtype, pl.String):  # objects among other values are all JSON
            return unquoted(below(valid_texts(values), path[place:]))
        if not isinstance(values.dtype, pl.Struct) or name not in [one.name for one in values.dtype.fields]:
            return None
        values = values.struct.field(name)
    return values
