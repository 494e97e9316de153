"""Checks that the defaults and expressions of the settings give values of the right types.

The grammar of the settings cannot tell that. The check needs Polars, so it is made once, and only if there
are any.
"""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Final

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.reading.columns.cast import cast_values, default_of
from ingest_project.reading.columns.expressions import readable
from ingest_project.reading.target import (
    ColumnMapping,
    ComputedColumn,
    KeyColumn,
    MappedColumn,
    column_mapping,
)
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.settings.wording import clipped

SAMPLES: Final[Mapping[type[pl.DataType], object]] = {
    pl.Boolean: True,
    pl.String: "1",
    pl.Binary: b"1",
    pl.Decimal: Decimal(1),
    pl.Date: date(2026, 1, 1),
    pl.Time: time(1),
    pl.Datetime: datetime(2026, 1, 1),  # noqa: DTZ001 - Polars adds the zone of the column
}


def mapping_faults(settings: Settings) -> Iterator[str]:
    """A line for each default or expression that can never give its column a value."""
    for table in settings.tables:
        for place, fault in _faults(table):
            yield f"table {table.name}: {place}: {fault}"


def _faults(table: TableSettings) -> Iterator[tuple[str, str]]:
    mapping = column_mapping(table)
    columns: list[MappedColumn | KeyColumn | ComputedColumn] = [
        *mapping.mapped,
        *mapping.from_key,
        *mapping.computed,
    ]
    for column in columns:
        if column.default is not None and default_of(column.type, column.default).null_count():
            yield (
                f"columns.{column.name}.default",
                f"is not a valid {column.type}; write a value of that type",
            )
    empty = readable(_frame(mapping))
    for computed in mapping.computed:
        yield from _sql_faults(empty, f"columns.{computed.name}.sql", computed.sql, computed.type)
    computed_too = empty.with_columns(
        pl.lit(None, dtype_of(one.type)).alias(one.name) for one in mapping.computed
    )
    for name, sql in mapping.expectations.items():
        yield from _sql_faults(computed_too, f"expectations.{name}", sql, "boolean")


def _frame(mapping: ColumnMapping) -> pl.DataFrame:
    """No rows, with the columns from which expressions are computed."""
    read: list[MappedColumn | KeyColumn] = [*mapping.mapped, *mapping.from_key]
    return pl.DataFrame(schema={one.name: dtype_of(one.type) for one in read})


def _sql_faults(frame: pl.DataFrame, place: str, sql: str, type_name: str) -> Iterator[tuple[str, str]]:
    try:
        found = frame.lazy().select(pl.sql_expr(sql)).collect_schema().dtypes()[0]
    except PolarsError as error:
        yield place, f"cannot be computed from these columns: {clipped(str(error).splitlines()[0], 200)}"
        return
    if type_name == "boolean" and not isinstance(found, pl.Boolean | pl.Null):
        yield place, f"gives {found}, and must be true or false; write a comparison"
    elif _never_fits(found, type_name):
        yield place, f"gives {found}, not {type_name}; write CAST(... AS ...), or another type"


def _never_fits(found: pl.DataType, type_name: str) -> bool:
    """Whether a value of the type found is never valid for the column's type; an ordinary value tells."""
    sample = SAMPLES.get(type(found), 1 if found.is_numeric() else None)
    if sample is None:
        return False
    values = pl.Series([sample]).cast(found) if found.is_numeric() else pl.Series([sample], dtype=found)
    dtype = dtype_of(type_name)
    if (
        isinstance(found, pl.String)
        and not isinstance(dtype, pl.String | pl.Boolean)
        and not dtype.is_numeric()
    ):
        return False  # each text may be a time or not
    return bool(cast_values(values, type_name).lost.all())
