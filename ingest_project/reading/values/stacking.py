"""Concatenates the frames of several files, which may differ in columns or in their types."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import SchemaMismatch
from ingest_project.reading.values.shape import Path, kind_of, parts, spelled, values_at, with_types
from ingest_project.settings.wording import clipped

Types = Mapping[Path, pl.DataType]


def stacked(frames: Sequence[pl.DataFrame], uri: str) -> pl.DataFrame:
    """All rows in the order of the frames, with the columns of all; null where a frame lacks a column.

    Structs get the fields of all, at any depth. Numbers become the widest of their types. Other mixtures
    become text, and so do numbers that the widest type would change. Raises SchemaMismatch if a value is
    nested in some frames only, or nested otherwise.
    """
    with_columns = next((frame for frame in frames if frame.width), None)
    if with_columns is None:
        return pl.DataFrame(height=sum(frame.height for frame in frames))
    filled = [_with_a_column_of(with_columns, frame) for frame in frames if frame.width or frame.height]
    # Polars makes a new schema each time, which takes long with 10,000 columns.
    schemas = [frame.schema for frame in filled]
    if all(schema == schemas[0] for schema in schemas):
        return pl.concat(filled, how="vertical")
    common = _common_types(filled, [_types(schema) for schema in schemas], uri)
    even = [_cast(frame, schema, common) for frame, schema in zip(filled, schemas, strict=True)]
    try:
        return pl.concat(even, how="diagonal_relaxed")  # adds the columns and fields that others have
    except PolarsError as error:
        raise SchemaMismatch(
            uri, f"the files' columns do not agree: {clipped(str(error).splitlines()[0], 200)}"
        ) from error


def _with_a_column_of(other: pl.DataFrame, frame: pl.DataFrame) -> pl.DataFrame:
    """The frame; one that has rows and no columns, as files of nulls alone do, gets a column of nulls.

    Polars does not concatenate rows without columns.
    """
    return frame if frame.width else other.select(pl.first()).clear(frame.height)


def _types(schema: pl.Schema) -> dict[Path, pl.DataType]:
    return {path: part for name, dtype in schema.items() for path, part in parts(dtype, (name,))}


def _common_types(
    frames: Sequence[pl.DataFrame], types: Sequence[Types], uri: str
) -> dict[Path, pl.DataType]:
    """The types of the parts that some frames have in another type. Raises SchemaMismatch."""
    found: dict[Path, list[pl.DataType]] = defaultdict(list)
    for one in types:
        for path, dtype in one.items():
            if dtype not in found[path]:
                found[path].append(dtype)
    mixed = {path: dtypes for path, dtypes in found.items() if len(dtypes) > 1}
    common: dict[Path, pl.DataType] = {}
    for path, dtypes in mixed.items():
        kinds = {kind_of(dtype) for dtype in dtypes}
        if len(kinds) > 1:
            raise SchemaMismatch(
                uri,
                f"column {spelled(path)!r} is a {' and a '.join(sorted(kinds))} in different files; "
                f"rename {path[0]!r} in some of them, or `{{drop: true}}` skips it",
            )
        if kinds == {"value"}:
            common[path] = _common_type(path, dtypes, [*_at(path, frames, types)], uri)
    return common


def _at(path: Path, frames: Sequence[pl.DataFrame], types: Sequence[Types]) -> Iterator[pl.Series]:
    """The values of one part in each frame that has it."""
    name, *steps = path
    for frame, one in zip(frames, types, strict=True):
        if path in one:
            yield values_at(frame[str(name)], steps)


def _common_type(
    path: Path, dtypes: Sequence[pl.DataType], values: Sequence[pl.Series], uri: str
) -> pl.DataType:
    if all(dtype.is_numeric() for dtype in dtypes):
        widest = pl.concat([pl.Series(dtype=dtype).to_frame("") for dtype in dtypes], how="vertical_relaxed")
        if not any(_changes(one, widest.dtypes[0]) for one in values):
            return widest.dtypes[0]
    if not all(map(_is_text, values)):
        reason = "is bytes in some files only, and those bytes are not text; declare it"
        raise SchemaMismatch(uri, f"column {spelled(path)!r} {reason}")
    return pl.String()


def _is_text(values: pl.Series) -> bool:
    """Whether these values have text: if they are bytes, whether they are valid UTF-8."""
    if not isinstance(values.dtype, pl.Binary):
        return True
    try:
        values.cast(pl.String())
    except PolarsError:
        return False
    return True


def _changes(numbers: pl.Series, dtype: pl.DataType) -> bool:
    """Whether the type would change a number."""
    if numbers.dtype == dtype:
        return False
    back = numbers.cast(dtype, strict=False).cast(numbers.dtype, strict=False)
    return bool(back.ne_missing(numbers).any())


def _cast(frame: pl.DataFrame, schema: pl.Schema, common: Types) -> pl.DataFrame:
    columns = {str(path[0]) for path in common}
    wanted = {name: with_types(dtype, (name,), common) for name, dtype in schema.items() if name in columns}
    return frame.with_columns(
        frame[name].cast(dtype) for name, dtype in wanted.items() if dtype != schema[name]
    )
