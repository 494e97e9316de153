"""Reads columns from object keys: `region=eu/a.ndjson` has a value that the rows of the file lack."""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import polars as pl

from ingest_project.errors import ColumnRefused
from ingest_project.reading.columns.cast import cast_column, cast_values
from ingest_project.reading.columns.sources import Source
from ingest_project.reading.target import KeyColumn, Target
from ingest_project.sources.key_value import HIVE_NULL, decoded
from ingest_project.sources.object_version import ObjectVersion

KeyRuns = Sequence[tuple[str, int]]
"""The keys of objects, and how many rows of a frame, one after the other, come from each."""


def key_values(runs: KeyRuns, column: KeyColumn) -> pl.Series:
    """For each row, in order, the text that the column's pattern finds in its key; null if it finds none."""
    found = [(_value(key, column), rows) for key, rows in runs if rows]
    texts = pl.DataFrame(found, schema={column.name: pl.String(), "rows": pl.UInt32()}, orient="row")
    return texts.select(pl.col(column.name).repeat_by("rows").explode()).to_series()


def key_faults(objects: Iterable[ObjectVersion], target: Target) -> Mapping[ObjectVersion, ColumnRefused]:
    """The objects whose keys lack a required value or have one that is not of the column's type, with the
    reason.

    With `rescue` such a text is not a fault: the object's rows keep it.
    """
    faults: dict[ObjectVersion, ColumnRefused] = {}
    for column in target.mapping.from_key:
        texts: dict[ObjectVersion, str | None] = {}
        for one in objects:
            try:
                texts[one] = _value(one.key, column)
            except ValueError as error:
                faults[one] = ColumnRefused(one.uri, f"column {column.name!r}: {error}")
        faults |= _misfits(texts, column, target)
    return faults


def _misfits(
    texts: Mapping[ObjectVersion, str | None], column: KeyColumn, target: Target
) -> dict[ObjectVersion, ColumnRefused]:
    is_required = column.name in target.mapping.required and column.default is None
    values = pl.Series(column.name, list(texts.values()), dtype=pl.String())
    cast = cast_column(Source(values), column.as_mapped(), evolution="fail") or cast_values(
        values, column.type
    )
    faults: dict[ObjectVersion, ColumnRefused] = {}
    for (one, text), is_lost in zip(texts.items(), cast.lost, strict=True):
        if text is None and is_required:
            reason = f"the column is required, and its from_key {column.pattern!r} finds no value in the key"
        elif is_lost and not target.rescues:
            reason = f"its from_key finds {text!r} in the key, which is not a value of type {column.type}"
        else:
            continue
        faults[one] = ColumnRefused(one.uri, f"column {column.name!r}: {reason}")
    return faults


def _value(key: str, column: KeyColumn) -> str | None:
    """What the pattern's group finds, percent-decoded.

    Hive's word for null is null, and so is '' unless it is a text.
    """
    match = _compiled(column.pattern).search(key)
    if match is None:
        return None
    found = match["value"] if "value" in match.re.groupindex else match[1]
    if found is None or (text := decoded(found)) == HIVE_NULL:
        return None
    return text or ("" if column.type in {"string", "binary"} else None)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
