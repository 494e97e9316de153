"""Converts Arrow tables to frames, including types that Polars does not read."""

from collections import Counter
from collections.abc import Container, Iterable
from typing import Any, TypeVar

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from ingest_project.reading.formats.arrow.sound_rows import sound
from ingest_project.reading.formats.typed_files import SKIP, Checked, UnsupportedColumn
from ingest_project.reading.formats.unnamed import named_by_place

MAX_DECIMAL_DIGITS = 38
INTERVALS = frozenset(
    getattr(pa.lib, f"Type_INTERVAL_{unit}") for unit in ("MONTHS", "DAY_TIME", "MONTH_DAY_NANO")
)
"""The numbers of these types. `pa.types.is_interval` knows the last one only."""

Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


def polars_reads(schema: pa.Schema) -> bool:
    """Whether Polars reads files of this schema itself; it refuses most others, and reads some of them
    wrongly.

    It panics on decimals of 256 bits, dates in milliseconds become times, booleans of eight bits numbers. A
    distant time in seconds becomes another time, and a slice of arrays of a fixed size is not read.
    """
    return all(_is_read_by_polars(field.type) for field in schema)


def _is_read_by_polars(dtype: Any) -> bool:
    if isinstance(dtype, pa.RunEndEncodedType) or _is_interval(dtype):
        return False
    if _is_list_view(dtype) or pa.types.is_union(dtype) or isinstance(dtype, pa.FixedSizeListType):
        return False
    if pa.types.is_nested(dtype):
        if isinstance(dtype, pa.MapType):
            return _is_read_by_polars(dtype.key_type) and _is_read_by_polars(dtype.item_type)
        return all(_is_read_by_polars(dtype.field(place).type) for place in range(dtype.num_fields))
    if isinstance(dtype, pa.TimestampType):
        return dtype.unit != "s" and not (dtype.tz or "").startswith(("+", "-"))
    if isinstance(dtype, pa.BaseExtensionType) or pa.types.is_date64(dtype):
        return False
    return not pa.types.is_decimal(dtype) or _fits_128_bits(dtype)


def checked_frame(table: pa.Table, passed_over: Container[str] = ()) -> Checked:
    """The table as a frame, and the faults of its rows as `sound` finds them.

    Raises ValueError or pa.ArrowException if it is damaged, UnsupportedColumn for two columns, or two fields
    of a column, of one name, or else as `frame_of` does.

    Columns that are `passed_over` and that Polars does not read are nulls. A column without a name is called
    by its position, as in CSV.

    In a damaged file arrays may point anywhere, and text may be invalid UTF-8. Polars does not check that.
    """
    names = named_by_place(table.column_names)
    table = without_passed_over(table.rename_columns(names), passed_over)
    if (name := _repeated(names)) is not None:
        raise UnsupportedColumn(f"two of its columns have the name {name!r}")
    for field in table.schema:
        _refuse_twins(field.type, field.name)
    table, faults = sound(table, passed_over)
    frame = frame_of(table) if not polars_reads(table.schema) else _frame(_without_metadata(table))
    return Checked(frame, faults)


def _repeated(names: Iterable[str]) -> str | None:
    """The first name that is there twice: Polars refuses such columns, or panics."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


def _refuse_twins(dtype: Any, path: str) -> None:
    """Raises UnsupportedColumn for two fields of a struct that have the same name."""
    children = [dtype.field(place) for place in range(dtype.num_fields)] if pa.types.is_nested(dtype) else []
    if isinstance(dtype, pa.StructType) and (name := _repeated(child.name for child in children)) is not None:
        raise UnsupportedColumn(f"two fields of {path!r} have the name {name!r}")
    for child in children:
        _refuse_twins(child.type, f"{path}.{child.name}")


def without_passed_over(rows: Rows, passed_over: Container[str]) -> Rows:
    """The rows with nulls in the columns that are `passed_over` and that Polars does not read."""
    for place, field in enumerate(rows.schema):
        if _is_skipped(field, passed_over):
            rows = rows.set_column(place, field.name, pa.nulls(rows.num_rows))
    return rows


def known_schema(schema: pa.Schema, passed_over: Container[str]) -> pa.Schema:
    """The schema of rows `without_passed_over`.

    Raises UnsupportedColumn for a type that a table cannot have.
    """
    for place, field in enumerate(schema):
        if _is_skipped(field, passed_over):
            schema = schema.set(place, pa.field(field.name, pa.null()))
            continue
        try:
            _known_type(_decoded(field.type), as_text=True)
        except pa.ArrowNotImplementedError as error:
            raise UnsupportedColumn(_not_supported(field.name, field.type)) from error
    return schema


def _is_skipped(field: Any, passed_over: Container[str]) -> bool:
    return field.name in passed_over and not _is_read_by_polars(field.type)


def _not_supported(name: str, dtype: Any) -> str:
    return f"column {name!r} is {dtype}, which is not supported; {SKIP}"


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def _without_metadata(table: pa.Table) -> pa.Table:
    """The same rows without metadata, which are bytes: Polars panics if they are not text."""
    fields = [field.remove_metadata() for field in table.schema]
    return pa.Table.from_arrays(table.columns, schema=pa.schema(fields)) if fields else table


def frame_of(table: pa.Table) -> pl.DataFrame:
    """The same columns, with times of any zone in UTC, and decimals of more than 38 digits as text if they
    need it.

    Raises UnsupportedColumn for a type that a table cannot have, such as an interval or a union, and
    ValueError, naming the column, for times that are out of range.
    """
    columns = [_known(name, column) for name, column in zip(table.column_names, table.columns, strict=True)]
    # Not as one series each: Polars would make text of each dictionary with several chunks.
    return _frame(pa.table(columns, names=table.column_names))


def _decoded(dtype: Any) -> Any:
    return dtype.value_type if isinstance(dtype, pa.RunEndEncodedType) else dtype


def _known(name: str, column: Any) -> Any:
    if isinstance(column.type, pa.RunEndEncodedType):
        decode = pc.run_end_decode  # type: ignore[attr-defined]
        column = pa.chunked_array([decode(chunk) for chunk in column.chunks], column.type.value_type)
    for as_text in (False, True):  # the values tell whether decimals are too long for numbers
        try:
            wanted = _known_type(column.type, as_text=as_text)
            return column if wanted == column.type else column.cast(wanted)
        except pa.ArrowInvalid as error:
            reason = f"column {name!r} has a value that a column cannot hold: {error}"
        except pa.ArrowNotImplementedError as error:
            raise UnsupportedColumn(_not_supported(name, column.type)) from error
    raise ValueError(reason)


def _known_type(dtype: Any, *, as_text: bool) -> Any:
    """The type to cast to; parts that Polars reads keep their type."""
    if isinstance(dtype, pa.StructType):
        return pa.struct(
            [field.with_type(_known_type(field.type, as_text=as_text)) for field in dtype.fields]
        )
    if isinstance(dtype, pa.MapType):
        key = _known_type(dtype.key_type, as_text=as_text)
        return pa.map_(key, _known_type(dtype.item_type, as_text=as_text))
    if isinstance(dtype, pa.ListType | pa.LargeListType | pa.FixedSizeListType):
        inner = _known_type(dtype.value_type, as_text=as_text)
        is_kept = inner == dtype.value_type and not isinstance(dtype, pa.FixedSizeListType)
        return dtype if is_kept else pa.large_list(inner)
    if isinstance(dtype, pa.TimestampType):
        unit = "ms" if dtype.unit == "s" else dtype.unit
        return pa.timestamp(unit, "UTC" if dtype.tz is not None else None)
    if isinstance(dtype, pa.BaseExtensionType) or pa.types.is_date64(dtype) or pa.types.is_decimal(dtype):
        return _known_value(dtype, as_text=as_text)
    if pa.types.is_union(dtype) or _is_interval(dtype) or _is_list_view(dtype):
        raise pa.ArrowNotImplementedError(str(dtype))
    return dtype


def _known_value(dtype: Any, *, as_text: bool) -> Any:
    if pa.types.is_decimal(dtype):
        return _decimal(dtype, as_text=as_text)
    if isinstance(dtype, pa.Bool8Type):
        return pa.bool_()
    if isinstance(dtype, pa.BaseExtensionType):  # such as uuid and JSON
        return _known_type(dtype.storage_type, as_text=as_text)
    return pa.date32()  # date64 has the milliseconds of a day's start; others are invalid


def _is_interval(dtype: Any) -> bool:
    return dtype.id in INTERVALS


def _is_list_view(dtype: Any) -> bool:
    # PyArrow 26 casts [[1]] to [[]].
    return isinstance(dtype, pa.ListViewType | pa.LargeListViewType)


def _decimal(dtype: Any, *, as_text: bool) -> Any:
    if _fits_128_bits(dtype):
        return dtype
    if dtype.scale >= 0 and dtype.precision <= MAX_DECIMAL_DIGITS:
        return pa.decimal128(dtype.precision, dtype.scale)
    if as_text or dtype.scale > MAX_DECIMAL_DIGITS:
        return pa.large_string()
    return pa.decimal128(MAX_DECIMAL_DIGITS, max(dtype.scale, 0))


def _fits_128_bits(dtype: Any) -> bool:
    return dtype.scale >= 0 and dtype.precision <= MAX_DECIMAL_DIGITS and not pa.types.is_decimal256(dtype)
