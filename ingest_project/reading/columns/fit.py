"""Fits the fields of a file to the columns of its table: the last step before rows are written.

First the declared columns are read from their fields and cast. Then the expressions are computed, each row is
checked, and last it is decided what becomes of the fields that have no column.
"""

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from ingest_project.errors import ColumnRefused
from ingest_project.reading.columns.cast import Cast, cast_column, cast_values, default_of
from ingest_project.reading.columns.expressions import evaluated, readable
from ingest_project.reading.columns.key_columns import KeyRuns, key_values
from ingest_project.reading.columns.misfits import misfits
from ingest_project.reading.columns.missing import lacking
from ingest_project.reading.columns.names import refuse_impossible, refuse_new, refuse_reserved, refuse_taken
from ingest_project.reading.columns.rescue import RescuedValues
from ingest_project.reading.columns.sources import Source, source_of
from ingest_project.reading.row_faults import RowFaults
from ingest_project.reading.target import ComputedColumn, KeyColumn, MappedColumn, Target
from ingest_project.reading.values.json_inference import inferred
from ingest_project.reading.values.rarer_iso_times import remedy_for
from ingest_project.reading.values.text import nothing_as_null
from ingest_project.reading.values.types import UnusableName, is_empty, storable, typed_part

RENAME_FIELD = (
    "rename it in the file, or set schema_evolution: rescue, which keeps such values in _rescued_data"
)
WITH_EMPTY_VALUE = frozenset({"string", "binary"})
"""Types that have an empty value."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`frame` has the table's columns in order, then new ones, for all rows.

    Rows with a fault must not be written.
    """

    frame: pl.DataFrame
    faults: RowFaults


def fit(
    frame: pl.DataFrame,
    target: Target,
    *,
    uri: str,
    nothing_is_null: bool = False,
    keys: KeyRuns = (),
    faults: RowFaults | None = None,
    json_texts: Container[str] = (),
) -> Fitted:
    """The rows with exactly the target's columns, in order and of their types, then new columns.

    A column whose field the frame lacks is null, or its default. A new column, or a part of one, that holds
    nothing but nulls, empty lists and empty objects has no type yet and is left out. Raises ColumnRefused if
    a new column is not allowed or not possible, or if a field's type can never be cast to that of its column.
    With `nothing_is_null` an empty text is null
    unless the column's type has an empty value, as in CSV. `keys` are those of the rows' objects, `faults`
    are the faults of rows that are already known. `json_texts` are those of Parsed.
    """
    fitting = _Fitting(frame, target, uri, nothing_is_null=nothing_is_null, json_texts=json_texts)
    if faults is not None:
        fitting.faults.extend(faults)
    for column in target.columns():
        fitting.read(column)
    for key_column in target.mapping.from_key:
        fitting.read_key(key_column, keys)
    for computed in target.mapping.computed:
        fitting.compute(computed)
    fitting.check()
    fitting.add_new()
    return fitting.result()


@dataclass(slots=True)
class _Fitting:
    frame: pl.DataFrame
    target: Target
    uri: str
    nothing_is_null: bool
    json_texts: Container[str]
    rescued: RescuedValues = field(default_factory=RescuedValues)
    faults: RowFaults = field(default_factory=RowFaults)
    columns: dict[str, pl.Series] = field(default_factory=dict)
    new: dict[str, pl.Series] = field(default_factory=dict)
    fields: dict[str, pl.Series] = field(init=False)
    """The frame's columns by name: Polars makes the list of its names anew each time."""

    def __post_init__(self) -> None:
        self.fields = {one.name: one for one in self.frame.iter_columns()}

    def read(self, column: MappedColumn) -> None:
        """Takes a column from its field; values that do not fit are faults, or are rescued."""
        source = source_of(self.fields, column, self.json_texts)
        if source is None:
            self.columns[column.name] = self._filled(cast_values(self._nulls(), column.type).values, column)
            return
        if (
            self.nothing_is_null
            and column.type not in WITH_EMPTY_VALUE
            and source.values.dtype == pl.String()
        ):
            source = Source(nothing_as_null(source.values))
        try:
            cast = cast_column(source, column, evolution=self.target.evolution)
        except UnusableName as error:
            raise ColumnRefused(self.uri, f"{error}; {RENAME_FIELD}") from error
        self._take(column, source, cast)

    def read_key(self, column: KeyColumn, keys: KeyRuns) -> None:
        """Takes a column from the keys of the rows' objects."""
        mapped = column.as_mapped()
        source = Source(key_values(keys, column))
        self._take(mapped, source, cast_column(source, mapped, evolution=self.target.evolution))

    def compute(self, column: ComputedColumn) -> None:
        """Computes a column from the columns that were read."""
        values, failed = evaluated(self._readable(), column.sql, column.name)
        self.faults.add(failed, column.name, lambda _: f"its sql cannot be computed: {column.sql}")
        cast = cast_values(values, column.type)
        self._note_lost(column.name, column.type, Source(values), cast)
        self.columns[column.name] = self._filled(cast.values, column)

    def check(self) -> None:
        """Finds the rows that lack a required value or do not meet an expectation."""
        for name in self.target.mapping.required:
            self.faults.add(
                self.columns[name].is_null(), name, lambda _: "is null, and the column is required"
            )
        for column, *steps in sorted(self.target.required):
            if column in self.columns:
                self._note_missing(column, steps)
        for name, sql in self.target.mapping.expectations.items():
            meets, failed = evaluated(self._readable(), sql, name)
            holds = meets.cast(pl.Boolean) if meets.dtype == pl.Null() else meets
            self._note_unmet(
                f"expectation {name!r} does not hold: {sql}", failed | holds.not_().fill_null(value=False)
            )

    def add_new(self) -> None:
        """Decides on the fields that have no column."""
        consumed = self._consumed()
        found = {name: values for name, values in self.fields.items() if name not in consumed}
        if self.target.rescues:
            for name, values in found.items():
                self.rescued.add(name, values, values.is_not_null(), is_json=name in self.json_texts)
            return
        new = {name: one for name, one in self._typed(found).items() if not is_empty(one.dtype)}
        refuse_reserved(new, self.uri)
        refuse_taken(self.target.taken & new.keys(), self.uri)
        if self.target.evolution == "fail" and self.target.types is not None:
            refuse_new(new, self.uri)
        refuse_impossible({name: one.dtype for name, one in new.items()}, self._names(), self.uri)
        for name, values in new.items():
            if (wanted := typed_part(storable(values.dtype))) is None:
                continue
            cast = cast_values(values, str(wanted))
            self._note_lost(name, cast.type, Source(values), cast)
            self.new[name] = cast.values.alias(name)

    def _typed(self, found: Mapping[str, pl.Series]) -> dict[str, pl.Series]:
        """The values of these fields in the types that JSON texts turn out to have."""
        try:
            return {
                name: inferred(values) if name in self.json_texts else values
                for name, values in found.items()
            }
        except UnusableName as error:
            raise ColumnRefused(self.uri, f"{error}; {RENAME_FIELD}") from error

    def result(self) -> Fitted:
        """All rows with the columns that are written, and their faults."""
        height = self.frame.height
        order = self.target.types if self.target.types is not None else [*self._written()]
        columns = [self.columns[name].alias(name) for name in order if name in self.columns]
        columns += self.new.values()
        if self.target.evolution == "rescue":
            columns.append(self.rescued.column(height))
        return Fitted(pl.DataFrame(columns) if columns else pl.DataFrame(height=height), self.faults)

    def _take(self, column: MappedColumn, source: Source, cast: Cast | None) -> None:
        values = source.values
        if cast is None and not self.target.rescues:
            raise ColumnRefused(
                self.uri,
                f"column {values.name!r} holds {values.dtype}, which cannot be cast to {column.type}",
            )
        if cast is None:
            cast = Cast(cast_values(self._nulls(), column.type).values, values.is_not_null(), column.type)
        if self.target.rescues:
            self.rescued.add(column.source, values, cast.lost, is_json=source.is_json)
        else:
            self._note_lost(column.name, cast.type, source, cast)
        self.columns[column.name] = self._filled(cast.values, column)

    def _note_lost(self, name: str, type_name: str, source: Source, cast: Cast) -> None:
        if isinstance(cast.values.dtype, pl.Struct) and cast.lost.any():
            lost = Source(source.values.filter(cast.lost), is_json=source.is_json)
            found = dict(zip(cast.lost.arg_true().to_list(), misfits(lost, type_name, name), strict=True))
            self.faults.add(cast.lost, name, lambda row: str(found[row]))
            return
        self.faults.add(
            cast.lost,
            name,
            lambda row: (
                f"{source.example_at(row)} is not a valid {type_name}{remedy_for(source.values, row)}"
            ),
        )

    def _note_missing(self, column: str, steps: Sequence[str]) -> None:
        what = f"{'.'.join([column, *steps])} is null" if steps else "is null"
        rows = lacking(self.columns[column], steps)
        self.faults.add(rows, column, lambda _: f"{what}, and the table requires it")

    def _note_unmet(self, reason: str, rows: pl.Series) -> None:
        self.faults.add(rows, None, lambda _: reason)

    def _filled(self, values: pl.Series, column: MappedColumn | ComputedColumn) -> pl.Series:
        if column.default is None or not values.null_count():
            return values
        return values.fill_null(default_of(column.type, column.default)[0])

    def _readable(self) -> pl.DataFrame:
        return readable(pl.DataFrame([values.alias(name) for name, values in self.columns.items()]))

    def _nulls(self) -> pl.Series:
        return pl.repeat(None, self.frame.height, eager=True)

    def _written(self) -> list[str]:
        return [name for name in self.columns if name not in self.target.mapping.dropped]

    def _consumed(self) -> set[str]:
        """The fields that are columns of the table, or are ignored."""
        read = {one.source for one in self.target.columns()} & self.fields.keys()
        return read | self.target.mapping.ignored

    def _names(self) -> Collection[str]:
        """The names that a new column must not have: the table's columns and the declared ones."""
        return {*(self.target.types or {}), *self.columns}
