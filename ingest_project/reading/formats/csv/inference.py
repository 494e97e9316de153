"""Infers the types of undeclared CSV columns from all rows."""

import polars as pl

from ingest_project.reading.values.text import nothing_as_null

INTEGER = r"^-?(?:0|[1-9][0-9]*)$"
LONG_INTEGER = r"^-?[0-9]{16,}$"
NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
"""Digits with leading zeros are codes, not numbers: `00501` is a town in New York."""


def typed_from_text(text: pl.Series) -> pl.Series:
    """The column as the first of long, double and boolean as which all of its texts can be parsed, else as
    text.

    `""` is null unless the column stays text; a column without any other text has the type Null.
    """
    known = nothing_as_null(text)
    present = known.drop_nulls()
    if present.is_empty():
        return known.cast(pl.Null)
    if present.str.contains(INTEGER).all():
        typed = _integers(known)
    elif present.str.contains(NUMBER).all():
        typed = _finite_doubles(known)
    elif present.is_in(["true", "false"]).all():
        typed = known == "true"
    else:
        return text
    return text if isinstance(typed.dtype, pl.String) else typed


def _integers(text: pl.Series) -> pl.Series:
    integers = text.cast(pl.Int64, strict=False)
    return integers if integers.null_count() == text.null_count() else text


def _finite_doubles(text: pl.Series) -> pl.Series:
    doubles = text.cast(pl.Float64)
    return text if doubles.is_infinite().any() or _has_inexact_integer(text) else doubles


def _has_inexact_integer(text: pl.Series) -> bool:
    """Whether an integer among these is not exactly representable as a double."""
    long = text.filter(text.str.contains(LONG_INTEGER)).drop_nulls().unique()
    return any(int(float(one)) != int(one) for one in long)
