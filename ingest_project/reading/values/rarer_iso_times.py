"""Rewrites rarer forms of ISO 8601 times, which .NET, Go and SQL Server write, to the usual one.

These are times without seconds (`2026-11-20T13:00`), the basic form (`20261120T130000Z`), `t` and `z` in
lower case, offsets behind a blank, and the `+0000 UTC` of Go. Only texts that do not have a usual form get
here.
"""

import re

import polars as pl

_OFFSET = r"(?: ?(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)| (?:[+-]00:?00 )?UTC)?$"
_FRACTION = r"(?:\.[0-9]{1,9})?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_FORMS = (
    (rf"^{_DATE}[Tt ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}{_FRACTION}{_OFFSET}", (0, 5, 8, 11, 14, 17)),
    (rf"^{_DATE}[Tt ][0-9]{{2}}:[0-9]{{2}}{_OFFSET}", (0, 5, 8, 11, 14)),
    (rf"^[0-9]{{8}}[Tt ][0-9]{{6}}{_FRACTION}{_OFFSET}", (0, 4, 6, 9, 11, 13)),
    (rf"^[0-9]{{8}}[Tt ][0-9]{{4}}{_OFFSET}", (0, 4, 6, 9, 11)),
)  # fmt: skip
"""Patterns of whole texts, and the places of year, month, day, hour, minute and second in them.

The groups of a pattern would take twenty times as long. ISO 8601 does not mix the extended and the basic
form."""
_UTC = "(?:z| (?:[+-]00:?00 )?UTC)$"
_HOUR_AND_MINUTE = "^[0-9]{2}:[0-9]{2}$"
_WITH_FRACTION = r"^[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{1,9}$"
TOO_FINE = re.compile(r"[0-9]{2}:?[0-9]{2}:?[0-9]{2}\.[0-9]{6}0*[1-9][0-9]*")


def respelled(text: pl.Series, dtype: pl.DataType, *, truncates: bool) -> pl.Series:
    """The texts in the usual form, for example `2026-11-20T13:00:00.5Z`; null if they have none of these
    forms.

    With `truncates` the digits beyond microseconds are removed. Dates have only the usual form: the basic one
    could also be a number, and `format: "%Y%m%d"` selects it.
    """
    if isinstance(dtype, pl.Date):
        return pl.Series(text.name, [None], dtype=pl.String()).new_from_index(0, len(text))
    column = pl.col(text.name)
    found = (
        _times(column, truncates=truncates)
        if isinstance(dtype, pl.Time)
        else _datetimes(column, truncates=truncates)
    )
    return text.to_frame().select(found.alias(text.name)).to_series()


def _datetimes(text: pl.Expr, *, truncates: bool) -> pl.Expr:
    forms = (
        pl.when(text.str.contains(pattern)).then(_datetime(text, places, truncates=truncates))
        for pattern, places in _FORMS
    )
    return pl.coalesce(*forms)


def _datetime(text: pl.Expr, places: tuple[int, ...], *, truncates: bool) -> pl.Expr:
    year, *others = places
    parts = [text.str.slice(year, 4), *(text.str.slice(place, 2) for place in others)]
    parts += [pl.lit("00")] * (6 - len(parts))
    behind = text.str.slice(places[-1] + 2)  # fraction and offset
    if truncates:
        behind = _without_parts_of_microseconds(behind)
    return pl.format(
        "{}-{}-{}T{}:{}:{}{}", *parts, behind.str.replace(_UTC, "Z").str.replace(" ", "", literal=True)
    )


def _times(text: pl.Expr, *, truncates: bool) -> pl.Expr:
    without_seconds = pl.when(text.str.contains(_HOUR_AND_MINUTE)).then(pl.format("{}:00", text))
    if not truncates:
        return pl.coalesce(without_seconds)
    cut = pl.format("{}{}", text.str.slice(0, 8), _without_parts_of_microseconds(text.str.slice(8)))
    return pl.coalesce(without_seconds, pl.when(text.str.contains(_WITH_FRACTION)).then(cut))


def _without_parts_of_microseconds(behind_seconds: pl.Expr) -> pl.Expr:
    kept = behind_seconds.str.extract(r"^(\.[0-9]{1,6})").fill_null("")
    return kept + behind_seconds.str.replace(r"^\.[0-9]+", "")


def remedy_for(values: pl.Series, row: int) -> str:
    """What to do about a time with digits beyond microseconds, as the end of its reason; empty for other
    values.
    """
    if not isinstance(values.dtype, pl.String) or not TOO_FINE.search(values[row] or ""):
        return ""
    return ", which has no more than microseconds; `format: iso_truncated` removes further digits"
