"""Reads values under paths of NDJSON as they are written, for columns that keep a number's digits or
spelling.

Within undeclared nested fields Polars parses numbers as doubles, which cannot become exact texts or decimals.
"""

from collections.abc import Collection, Mapping

import polars as pl

from ingest_project.reading.formats.json.numerals import RESPELLED, names_pattern
from ingest_project.reading.formats.json.scan import contains
from ingest_project.reading.values.json_nested import load, text_of
from ingest_project.reading.values.paths import values_below


def with_path_texts(frame: pl.DataFrame, content: bytes, paths: Collection[str]) -> pl.DataFrame:
    """The frame with a text column for each of these paths that has numbers that Polars may change.

    The column has the path's name. Its value in a row is the field of exactly this name, else what lies under
    the path.
    """
    suspects = [path for path in paths if _may_be_changed(frame, path)]
    keys = {key for path in suspects for key in (path, path.split(".")[-1])}
    if not keys or not contains(content, rf'"(?:{names_pattern(keys)})"\s*:\s*{RESPELLED}'):
        return frame
    texts: dict[str, list[str | None]] = {path: [] for path in suspects}
    for line in content.split(b"\n"):
        if line.strip():
            row = load(line)
            for path, column in texts.items():
                column.append(text_of(_found(row if isinstance(row, dict) else {}, path)))
    return frame.with_columns(pl.Series(path, column, dtype=pl.String()) for path, column in texts.items())


def _may_be_changed(frame: pl.DataFrame, path: str) -> bool:
    first, *rest = path.split(".")
    values = [frame[path]] if path in frame.columns else []
    if first in frame.columns and (below := values_below(frame[first], rest)) is not None:
        values.append(below)
    return any(one.dtype.is_numeric() or isinstance(one.dtype, pl.String) for one in values)


def _found(row: Mapping[str, object], path: str) -> object:
    if row.get(path) is not None:
        return row[path]
    value: object = row
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
