"""Fits the fields that a file has to the columns that its table has: the last step before rows may be written.

First the declared columns are read from their fields and cast, then the expressions computed, then it is asked whether
every row may come in, and last what becomes of fields that have no column.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

import polars as pl

from ingest_project.errors import ColumnRefused, SchemaMismatch
from ingest_project.objects.columns.cast import Cast, cast_column, cast_values, default_of
from ingest_project.objects.columns.expressions import evaluated, readable
from ingest_project.objects.columns.mapping import ComputedColumn, MappedColumn, Target
from ingest_project.objects.columns.names import refuse_impossible, refuse_new, refuse_reserved, refuse_taken
from ingest_project.objects.columns.rescue import Rescued, RescuedValues
from ingest_project.objects.columns.sources import source_of
from ingest_project.objects.csv.inference import nothing_as_null
from ingest_project.objects.example import example_at
from ingest_project.objects.row_faults import RowFault, RowFaults
from ingest_project.objects.values.types import is_empty, storable, typed_part

SPELLED_BY_NOTHING = frozenset({"string", "binary"})
"""Types that have a value of no length."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """`frame` has the table's columns in order, then new ones, for all rows; those with a fault are not to be written."""

    frame: pl.DataFrame
    faults: RowFaults

    def sound_rows(self, uri: str) -> pl.DataFrame:
        """All rows; raises SchemaMismatch if one has a fault."""
        if (first := self.faults.first()) is not None:
            row, fault = first
            raise SchemaMismatch(uri, _in_row(row, fault))
        return self.frame


def fit(
    frame: pl.DataFrame,
    target: Target,
    *,
    uri: str,
    rescued: Rescued | None = None,
    nothing_is_null: bool = False,
) -> Fitted:
    """The rows with exactly the target's columns, in order and of their types, then those that are new.

    A column whose field the frame lacks is null, or its default. A new column, or a part of one, of nothing but nulls or
    empty lists and objects has no type yet and is left out. Raises ColumnRefused if a new column is not allowed or cannot be one, or if no
    value of a field could ever be of its column's type. `rescued` is what a reader has set aside of the rows already.
    With `nothing_is_null` an empty text is null wherever it is no value of the column's type, as in CSV.
    """
    fitting = _Fitting(frame, target, uri, RescuedValues(rescued), nothing_is_null=nothing_is_null)
    for column in target.columns():
        fitting.read(column)
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
    rescued: RescuedValues
    nothing_is_null: bool
    faults: RowFaults = field(default_factory=RowFaults)
    columns: dict[str, pl.Series] = field(default_factory=dict)
    new: dict[str, pl.Series] = field(default_factory=dict)

    def read(self, column: MappedColumn) -> None:
        """Takes a column from its field; values that do not fit are faults, or rescued."""
        source = source_of(self.frame, column)
        if source is None:
            self.columns[column.name] = self._filled(cast_values(self._nulls(), column.type).values, column)
            return
        if self.nothing_is_null and column.type not in SPELLED_BY_NOTHING and source.dtype == pl.String():
            source = nothing_as_null(source)
        self._take(column, source, cast_column(source, column, evolution=self.target.evolution))

    def compute(self, column: ComputedColumn) -> None:
        """Computes a column from those that were read."""
        values, failed = evaluated(self._readable(), column.sql, column.name)
        self.faults.add(failed, column.name, lambda _: f"its sql cannot be computed: {column.sql}")
        cast = cast_values(values, column.type)
        self._note_lost(column.name, column.type, values, cast)
        self.columns[column.name] = self._filled(cast.values, column)

    def check(self) -> None:
        """Finds the rows that lack a required value or do not meet an expectation."""
        for name in self.target.mapping.required:
            self.faults.add(
                self.columns[name].is_null(), name, lambda _: "is null, and the column is required"
            )
        for name, sql in self.target.mapping.expectations.items():
            meets, failed = evaluated(self._readable(), sql, name)
            holds = meets.cast(pl.Boolean) if meets.dtype == pl.Null() else meets
            self._note_unmet(
                f"expectation {name!r} does not hold: {sql}", failed | holds.not_().fill_null(value=False)
            )

    def add_new(self) -> None:
        """Decides on the fields that have no column."""
        # Polars makes a schema, and the list of names, anew each time: with 10,000 columns that counts.
        schema, consumed = self.frame.schema, self._consumed()
        new = [name for name, dtype in schema.items() if name not in consumed and not is_empty(dtype)]
        if self.target.rescues:
            for name in new:
                self.rescued.add(name, self.frame[name], self.frame[name].is_not_null())
            return
        refuse_reserved(new, self.uri)
        refuse_taken(self.target.taken & set(new), self.uri)
        if self.target.evolution == "fail" and self.target.types is not None:
            refuse_new(new, self.uri)
        refuse_impossible({name: schema[name] for name in new}, self._names(), self.uri)
        for name in new:
            if (wanted := typed_part(storable(schema[name]))) is None:
                continue
            cast = cast_values(self.frame[name], str(wanted))
            self._note_lost(name, cast.type, self.frame[name], cast)
            self.new[name] = cast.values.alias(name)

    def result(self) -> Fitted:
        """All rows with the columns that are written."""
        height = self.frame.height
        order = self.target.types if self.target.types is not None else [*self._written()]
        columns = [self.columns[name].alias(name) for name in order if name in self.columns]
        columns += self.new.values()
        if self.target.evolution == "rescue":
            columns.append(self.rescued.column(height))
        return Fitted(pl.DataFrame(columns) if columns else pl.DataFrame(height=height), self.faults)

    def _take(self, column: MappedColumn, source: pl.Series, cast: Cast | None) -> None:
        if cast is None and not self.target.rescues:
            raise ColumnRefused(
                self.uri, f"column {source.name!r} holds {source.dtype}, which is no {column.type}"
            )
        if cast is None:
            cast = Cast(cast_values(self._nulls(), column.type).values, source.is_not_null(), column.type)
        if self.target.rescues:
            self.rescued.add(column.source, source, cast.lost)
        else:
            self._note_lost(column.name, cast.type, source, cast)
        self.columns[column.name] = self._filled(cast.values, column)

    def _note_lost(self, name: str, type_name: str, values: pl.Series, cast: Cast) -> None:
        self.faults.add(cast.lost, name, lambda row: f"{example_at(values, row)} is no {type_name}")

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
        """The fields that are columns of the table, or are to be passed over."""
        read = {one.source for one in self.target.columns()} & set(self.frame.columns)
        return read | self.target.mapping.ignored

    def _names(self) -> Collection[str]:
        """What a new column must not be called: the table's columns, and the declared ones."""
        return {*(self.target.types or {}), *self.columns}


def _in_row(row: int, fault: RowFault) -> str:
    if fault.column is None:
        return f"row {row + 1}: {fault.reason}"
    return f"column {fault.column!r}, row {row + 1}: {fault.reason}"
