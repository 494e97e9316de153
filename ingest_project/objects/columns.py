"""Fits the columns that a file has to the columns that its table has: the last step before rows may be written."""

from collections.abc import Iterable, Mapping

import polars as pl

from ingest_project.errors import SchemaMismatch
from ingest_project.objects.lossless import lossless_cast, unfit
from ingest_project.objects.types import dtype_of, storable
from ingest_project.settings.model import PROVENANCE_COLUMNS

EXAMPLE_CHARACTERS = 40
NAMED_COLUMNS = 10
"""How many columns one message names at most."""


def fit_columns(
    frame: pl.DataFrame, columns: Mapping[str, str] | None, *, uri: str, allow_new_columns: bool
) -> pl.DataFrame:
    """The frame with exactly these columns, in order and of their types, then those that are new.

    A column that the frame lacks is null. Without `columns` all are new. A new column of nothing but nulls or
    empty lists and objects has no type yet and is left out. Raises SchemaMismatch, naming the column and an example, if
    a value does not fit, or if a new column is not allowed or cannot be one.
    """
    found = {name: dtype for name, dtype in frame.schema.items() if name not in (columns or {})}
    new = [name for name, dtype in found.items() if not _is_empty(dtype)]
    refuse_reserved(new, uri)
    _refuse_impossible({name: found[name] for name in new}, {*frame.columns, *(columns or {})}, uri)
    if columns is not None and not allow_new_columns:
        refuse_new(new, uri)
    known = [_known_column(frame, name, type_name, uri) for name, type_name in (columns or {}).items()]
    fitted = [*known, *(_new_column(frame[name], uri) for name in new)]
    return pl.DataFrame(fitted) if fitted else pl.DataFrame(height=frame.height)


def refuse_new(names: Iterable[str], uri: str) -> None:
    """Raises SchemaMismatch if there are any such columns."""
    if listed := _listed(names):
        raise SchemaMismatch(
            uri, f"the table has no column {listed}; declare it, or set schema_evolution: add_columns"
        )


def refuse_reserved(names: Iterable[str], uri: str) -> None:
    """Raises SchemaMismatch if the file brings columns that only the ingest itself may write."""
    if listed := _listed(name for name in names if name.lower() in PROVENANCE_COLUMNS):
        raise SchemaMismatch(uri, f"the ingest itself writes the column {listed}; rename it in the file")


def _refuse_impossible(new: Mapping[str, pl.DataType], all_names: set[str], uri: str) -> None:
    """Raises SchemaMismatch for new columns that no table can have: left to the commit, they would stop the batch."""
    for name, dtype in new.items():
        if any(character < " " for character in f"{name}{dtype}"):
            raise SchemaMismatch(
                uri, f"column {name!r} has a control character in its name; rename it in the file"
            )
        if "." in name and name.partition(".")[0] in all_names:
            raise SchemaMismatch(
                uri, f"column {name!r} reads like a field of another column; rename it in the file"
            )
        if _has_empty_part(dtype):
            raise SchemaMismatch(
                uri, f"column {name!r} is {dtype}, a part of which has no type yet; declare the column"
            )


def _is_empty(dtype: pl.DataType) -> bool:
    """Nothing but nulls, empty lists and empty objects: it says nothing of a type."""
    if isinstance(dtype, pl.List):
        return _is_empty(_inner(dtype))
    if isinstance(dtype, pl.Struct):
        return all(_is_empty(_inner(field)) for field in dtype.fields)
    return isinstance(dtype, pl.Null)


def _has_empty_part(dtype: pl.DataType) -> bool:
    """Somewhere inside is a list of nothing or an object without fields; a null field is fine, it becomes a string."""
    if isinstance(dtype, pl.List):
        return _is_empty(_inner(dtype)) or _has_empty_part(_inner(dtype))
    if isinstance(dtype, pl.Struct):
        return not dtype.fields or any(_has_empty_part(_inner(field)) for field in dtype.fields)
    return False


def _inner(nested: pl.List | pl.Field) -> pl.DataType:
    """The type inside, as an instance; Polars allows the bare class there as well."""
    dtype = nested.inner if isinstance(nested, pl.List) else nested.dtype
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def example_of(value: object) -> str:
    """The value as Python spells it, short enough for a message."""
    text = repr(value)
    return text if len(text) <= EXAMPLE_CHARACTERS else f"{text[:EXAMPLE_CHARACTERS]}..."


def _known_column(frame: pl.DataFrame, name: str, type_name: str, uri: str) -> pl.Series:
    dtype = dtype_of(type_name)
    if name not in frame.columns:
        return pl.Series(name, [None], dtype=dtype).new_from_index(0, frame.height)
    return _cast(frame[name], dtype, type_name, uri)


def _new_column(values: pl.Series, uri: str) -> pl.Series:
    dtype = storable(values.dtype)
    return _cast(values, dtype, str(dtype), uri)


def _cast(values: pl.Series, dtype: pl.DataType, type_name: str, uri: str) -> pl.Series:
    cast = lossless_cast(values, dtype)
    if cast is None:
        raise SchemaMismatch(uri, f"column {values.name!r} holds {values.dtype}, which is no {type_name}")
    lost = unfit(values, cast)
    if lost.any():
        row = lost.arg_true()[0]
        raise SchemaMismatch(
            uri, f"column {values.name!r}, row {row + 1}: {example_of(values[row])} is no {type_name}"
        )
    return cast.alias(values.name)


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - NAMED_COLUMNS} more" if len(found) > NAMED_COLUMNS else ""
    return ", ".join(repr(name) for name in found[:NAMED_COLUMNS]) + more
