"""Makes columns of marked cells: text for columns that the table has, else the type that all values of a
column share.

Text is cast to a column's type by the code that casts the fields of CSV. An error cell (`#N/A`), and a
formula that was never computed, are bad values of their column, whatever its type.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from polars.exceptions import PolarsError

from ingest_project.errors import ObjectUnreadable
from ingest_project.reading.format_options import ExcelLayout
from ingest_project.reading.formats.csv.inference import typed_from_text
from ingest_project.reading.formats.excel.cells import (
    CLOCK,
    DAY,
    ERROR,
    FAULTY,
    MALFORMED,
    MIDNIGHT,
    MOMENT,
    NOT_COMPUTED,
    NUMBER,
    TEXT,
    TIMES,
    TRUTH,
)
from ingest_project.reading.formats.excel.pieces import BEYOND, ROW
from ingest_project.reading.formats.respelled import respelled
from ingest_project.reading.parsed import Parsed
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.target import MappedColumn, Target
from ingest_project.reading.values.example import example_of
from ingest_project.reading.values.text import nothing_as_null
from ingest_project.reading.values.time_formats import parse_times, polars_format
from ingest_project.reading.values.types import dtype_of
from ingest_project.settings.time_formats import EPOCHS, ISO_FORMS

KEEPS_NOTHING = frozenset({"string", "binary"})
"""Types of which the empty text is a value."""
ELSEWHERE = "excel: {sheet, skip_rows} say where the table begins"


def columns_of(marked: pl.DataFrame, target: Target, layout: ExcelLayout, uri: str) -> Parsed:
    """The rows of marked cells as columns, with the faults that are known by now.

    Raises ObjectUnreadable if the header names none of the table's columns.
    """
    names = [name for name in marked.columns if name not in {ROW, BEYOND}]
    if layout.names is None:
        _refuse_foreign(names, target, uri)
    frame, faults = respelled(marked.drop(ROW, BEYOND), target.spelling, uri=uri)
    typing = _Typing(target, layout.null_values, faults)
    columns = [typing.column(frame[name]) for name in frame.columns]
    beyond = marked[BEYOND]
    faults.add(
        beyond.is_not_null(), None, lambda row: f"its cell {beyond[row]} stands right of the last column"
    )
    return Parsed(
        pl.DataFrame(columns) if columns else pl.DataFrame(height=marked.height),
        (marked.height,),
        faults,
        pl.DataFrame([marked[name].str.slice(1) for name in names]),
        marked[ROW],
    )


def _refuse_foreign(names: Sequence[str], target: Target, uri: str) -> None:
    fields = target.text_fields()
    spelled = {target.spelling.of(name) for name in names} if target.spelling is not None else set(names)
    if names and fields and not spelled & fields:
        shown = ", ".join(map(example_of, names[:3]))
        raise ObjectUnreadable(uri, f"its header names none of the table's columns: {shown}; {ELSEWHERE}")


@dataclass(frozen=True, slots=True)
class _Typing:
    target: Target
    null_values: Sequence[str]
    faults: RowFaults

    def column(self, marked: pl.Series) -> pl.Series:
        """The values of a column, null where a fault is added."""
        name = marked.name
        if name in self.target.passed_over or not marked.len():
            return pl.Series(name, [None]).new_from_index(0, len(marked))
        cells = _Cells(marked, self.null_values)
        columns = [one for one in self.target.columns() if one.source == name]
        wanted = {one.type for one in columns}
        is_rescued = self.target.rescues and not wanted & KEEPS_NOTHING
        self._note_faults(cells, is_rescued=is_rescued)
        text = cells.text if is_rescued else cells.sound
        if not columns:
            return text if is_rescued and cells.has_errors else cells.inferred()
        if len(wanted) == 1:
            text = cells.for_column(columns[0], text)
        return text if wanted & KEEPS_NOTHING else nothing_as_null(text)

    def _note_faults(self, cells: "_Cells", *, is_rescued: bool) -> None:
        name, text = cells.text.name, cells.text
        if cells.has_errors and not is_rescued:
            self.faults.add(cells.are(ERROR), name, lambda row: f"its cell is {text[row]}")
        if NOT_COMPUTED in cells.kinds:
            reason = "its cell has a formula without a value; open the workbook in Excel and save it"
            self.faults.add(cells.are(NOT_COMPUTED), name, lambda _: reason)
        self.faults.add(cells.are(MALFORMED), name, lambda row: text[row])


class _Cells:
    """The cells of a column: the kind of each, and its text."""

    def __init__(self, marked: pl.Series, null_values: Sequence[str]) -> None:
        kind, text = marked.str.slice(0, 1), marked.str.slice(1)
        if null_values:
            is_null = text.is_in(null_values) & kind.is_in([TEXT, ERROR])
            kind, text = _null_where(kind, is_null), _null_where(text, is_null)
        self._kind = kind
        self.text = text
        self.kinds = frozenset(kind.drop_nulls().unique().to_list())

    @property
    def has_errors(self) -> bool:
        return ERROR in self.kinds

    @property
    def sound(self) -> pl.Series:
        """The texts, null where a cell is not a value."""
        if not self.kinds & {*FAULTY}:
            return self.text
        return _null_where(self.text, self._kind.is_in(FAULTY))

    def are(self, *kinds: str) -> pl.Series:
        """Where cells are of these kinds."""
        return self._kind.is_in(kinds).fill_null(value=False)

    def inferred(self) -> pl.Series:
        """The values by the type that all of them share, as text if there is none."""
        text = self.sound
        known = nothing_as_null(text)
        kinds = self.kinds - {*FAULTY} - ({TEXT} if not self._has_text() else set())
        if kinds <= {NUMBER}:
            return typed_from_text(known)
        if kinds == {TRUTH}:
            return known == "true"
        if kinds == {DAY}:
            return known.str.to_date("%Y-%m-%d")
        if kinds <= {DAY, MOMENT}:
            return self._moments(known)
        if kinds == {CLOCK}:
            return known.str.to_time("%H:%M:%S%.f")
        return text

    def for_column(self, column: MappedColumn, text: pl.Series) -> pl.Series:
        """The texts, dates and times among them as the column's type and formats read them."""
        if not self.kinds & {*TIMES}:
            return text
        return pl.select(pl.coalesce(*self._times(column), text)).to_series().alias(text.name)

    def _has_text(self) -> bool:
        return bool((self.are(TEXT) & (self.text != "")).any())

    def _moments(self, text: pl.Series) -> pl.Series:
        """Dates are midnights among times."""
        behind = pl.select(
            pl.when(text.str.len_bytes() == len("2026-11-20")).then(text + MIDNIGHT).otherwise(text)
        )
        return behind.to_series().alias(text.name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us")

    def _times(self, column: MappedColumn) -> Iterator[pl.Series]:
        """The dates and times in each way in which the column may read them, null where it reads none of
        them.
        """
        times = _null_where(self.text, ~self.are(*TIMES))
        if all(form in ISO_FORMS for form in column.formats):
            if column.type == "date":
                yield times.str.strip_suffix(MIDNIGHT)
            elif column.type.startswith("timestamp"):
                is_day = self.are(DAY)
                yield pl.select(pl.when(is_day).then(times + MIDNIGHT).otherwise(times)).to_series()
            return
        naive = dtype_of("timestamp" if column.type == "timestamptz" else column.type)
        values = _as_times(times, naive)
        for form in column.formats:
            if form in ISO_FORMS or form in EPOCHS:
                continue
            written = _written(values, form)
            yield _null_where(written, parse_times(written, naive, (form,), None).ne_missing(values))


def _as_times(times: pl.Series, naive: pl.DataType) -> pl.Series:
    """The values that ISO texts have as this type, null where it has no such value."""
    if naive == pl.Date():
        return parse_times(times.str.strip_suffix(MIDNIGHT), naive, ("iso",), None)
    if naive == pl.Time():
        return parse_times(times, naive, ("iso",), None)
    is_day = times.str.len_bytes() == len("2026-11-20")
    behind = pl.select(pl.when(is_day).then(times + MIDNIGHT).otherwise(times)).to_series()
    return parse_times(behind.alias(times.name), naive, ("iso",), None)


def _written(values: pl.Series, form: str) -> pl.Series:
    """The values in a format; null if it has a part, an offset for example, that they do not have."""
    try:
        return values.dt.to_string(polars_format(form))
    except PolarsError:
        return pl.Series(values.name, [None], dtype=pl.String).new_from_index(0, len(values))


def _null_where(values: pl.Series, unwanted: pl.Series) -> pl.Series:
    kept = pl.when(unwanted.fill_null(value=False)).then(None).otherwise(values)
    return pl.select(kept).to_series().alias(values.name)
