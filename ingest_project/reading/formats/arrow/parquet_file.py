"""Opens Parquet files so that their values are read exactly, and reads their rows in batches."""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet as pq

from ingest_project.reading.formats.arrow.map_keys import NULL_KEY, has_such_maps, keys_are_null, with_maps
from ingest_project.reading.formats.arrow.parquet_footer import opened
from ingest_project.reading.formats.arrow.rows_of_values import Mask, Values, rows_with, without_rows
from ingest_project.reading.formats.arrow.sound_rows import NOTED, Notes, note_rows
from ingest_project.reading.formats.typed_files import SKIP, UnsupportedColumn
from ingest_project.reading.limits import LIMITS

TIMES = "INT96"
"""The old type of times: a day and the nanoseconds of it. Spark, Hive and Impala write it."""
NANOSECONDS = 1000
"""In a microsecond."""
MICROSECONDS = 1_000_000
"""In a second."""
OUT_OF_RANGE = "is out of range for a timestamp"
TOO_FINE = "has nanoseconds, and other times of the file are out of their range"


VARIANT = re.compile(
    r"^ {2,}(?:required|optional|repeated) group field_id=-?\d+ (.*) \(Variant\(\d+\)\) \{$", re.MULTILINE
)
"""A group of this type in a printed schema, and its name; PyArrow tells it nowhere else."""


@dataclass(frozen=True, slots=True)
class DistantTimes:
    """The same file with its INT96 times in nanoseconds, microseconds and seconds; `columns` have them."""

    fine: pq.ParquetFile
    coarse: pq.ParquetFile
    seconds: pq.ParquetFile
    columns: list[str]


@dataclass(frozen=True, slots=True)
class OpenParquet:
    """A file to be read. `distant` is None unless times must be read in several units to be told apart."""

    file: pq.ParquetFile
    distant: DistantTimes | None = None

    @property
    def is_plain(self) -> bool:
        """Whether PyArrow alone reads the file; otherwise it must be read in batches."""
        return self.distant is None and not has_such_maps(self.file.schema_arrow)

    @property
    def schema(self) -> pa.Schema:
        """The schema of the batches, with a column NOTED unless the file is plain."""
        schema = self.file.schema_arrow
        if self.is_plain:
            return schema
        fields = [field.with_type(with_maps(field.type)) for field in schema]
        return pa.schema([*fields, pa.field(NOTED, pa.string())])

    def batches(self, *, rows: int = LIMITS.step.batch_rows) -> Iterator[pa.RecordBatch]:
        """All rows in batches of at most `rows`, each from one row group.

        In a row with a time that no timestamp can hold, or a map with a null as key, that column is null, and
        NOTED says why.
        """
        found = _batches(self.file, rows)
        if self.is_plain:
            yield from found
            return
        distant = None if self.distant is None else _InStep(self.distant, rows)
        for batch in found:
            yield _noted(batch, distant, self.schema)


def open_parquet(source: pa.NativeFile | IO[bytes], **options: Any) -> OpenParquet:
    """The file. The checksums of its pages, if it has any, are verified when they are read.

    INT96 times are in nanoseconds if all of them are within 1677 to 2262; beyond, PyArrow returns other times
    without an error. Otherwise they are in microseconds, and times that these cannot hold are noted. To find
    that out, the columns of this type are read twice.
    """
    open_file = partial(opened, source, page_checksum_verification=True, **options)
    file = open_file()
    if not (columns := _columns_of_times(file)):
        return OpenParquet(file)
    coarse = open_file(coerce_int96_timestamp_unit="us")
    rows = LIMITS.step.batch_rows
    for some in zip(_batches(file, rows, columns), _batches(coarse, rows, columns), strict=True):
        if any(rows_with(pair, pair[1].type, _wrapped).any() for pair in _columns(*some)):
            seconds = open_file(coerce_int96_timestamp_unit="s")
            return OpenParquet(coarse, DistantTimes(file, coarse, seconds, columns))
    return OpenParquet(file)


def refuse_variants(file: pq.ParquetFile, passed_over: Container[str]) -> None:
    """Raises UnsupportedColumn if a file has a `VARIANT` that is not passed over.

    It is a value of any type in an encoding of Parquet's own, which PyArrow gives as bytes.
    """
    for name in VARIANT.findall(str(file.schema)):
        if name not in passed_over:
            raise UnsupportedColumn(f"column {name!r} is a VARIANT, which is not supported; {SKIP}")


def _batches(file: pq.ParquetFile, rows: int, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one row group after another, because each has its own dictionaries, and PyArrow refuses to
    combine those within structs and lists.
    """
    for group in range(file.num_row_groups):
        yield from file.iter_batches(batch_size=rows, row_groups=[group], columns=columns)


def _columns(*batches: pa.RecordBatch) -> Iterator[tuple[Values, ...]]:
    """Each column of the first batch, and the same of the others."""
    return zip(*(batch.columns for batch in batches), strict=True)


def _columns_of_times(file: pq.ParquetFile) -> list[str]:
    schema = file.schema
    columns = (schema.column(place) for place in range(len(schema.names)))
    return [column.path for column in columns if column.physical_type == TIMES]


def _noted(batch: pa.RecordBatch, distant: "_InStep | None", schema: pa.Schema) -> pa.RecordBatch:
    notes = Notes()
    columns = batch.columns
    if distant is not None and batch.num_rows:
        for name, fine, coarse, seconds in distant.next(batch.num_rows):
            beyond = rows_with([fine, coarse, seconds], coarse.type, _out_of_range)
            finer = rows_with([fine, coarse, seconds], coarse.type, _too_fine)
            note_rows(notes, name, beyond, seconds, OUT_OF_RANGE)
            note_rows(notes, name, finer & ~beyond, fine, TOO_FINE)
            if (beyond | finer).any():
                place = schema.get_field_index(name)
                columns[place] = without_rows(columns[place], beyond | finer)
    for place, values in enumerate(columns):
        wanted = schema.field(place)
        if wanted.type != values.type:
            null_keys = rows_with([values], values.type, keys_are_null)
            note_rows(notes, wanted.name, null_keys, values, NULL_KEY)
            columns[place] = without_rows(values, null_keys).view(wanted.type)
    return pa.RecordBatch.from_arrays([*columns, notes.as_column(batch.num_rows)], schema=schema)


class _InStep:
    """Reads the columns of times in all units, as many rows as are asked for: batches may have others."""

    def __init__(self, distant: DistantTimes, rows: int) -> None:
        files = (distant.fine, distant.coarse, distant.seconds)
        self._batches = [_batches(file, rows, distant.columns) for file in files]
        self._held: list[pa.Table | None] = [None] * len(files)

    def next(self, rows: int) -> Iterator[tuple[str, Values, Values, Values]]:
        """The next rows of each column, with its name."""
        tables = [self._take(place, rows) for place in range(len(self._held))]
        for name in tables[0].column_names:
            fine, coarse, seconds = (table.column(name).combine_chunks() for table in tables)
            yield name, fine, coarse, seconds

    def _take(self, place: int, rows: int) -> pa.Table:
        held = self._held[place]
        while held is None or held.num_rows < rows:
            more = pa.Table.from_batches([next(self._batches[place])])
            held = more if held is None else pa.concat_tables([held, more])
        self._held[place] = held.slice(rows)
        return held.slice(0, rows)


def _in_units(arrays: Sequence[Values]) -> list[Any] | None:
    """The numbers of INT96 times in the units of the arrays, 0 for nulls; None for other values."""
    kinds = [one.type for one in arrays]
    if not isinstance(kinds[0], pa.TimestampType) or kinds[0].unit == kinds[1].unit:
        return None
    return [one.view(pa.int64()).fill_null(0).to_numpy() for one in arrays]


def _wrapped(arrays: Sequence[Values], _dtype: Any) -> Mask | None:
    if (found := _in_units(arrays)) is None:
        return None
    return np.asarray(found[0] // NANOSECONDS != found[1])


def _out_of_range(arrays: Sequence[Values], _dtype: Any) -> Mask | None:
    if (found := _in_units(arrays)) is None:
        return None
    return np.asarray(found[1] // MICROSECONDS != found[2])


def _too_fine(arrays: Sequence[Values], _dtype: Any) -> Mask | None:
    if (found := _in_units(arrays)) is None:
        return None
    fine, coarse, _ = found
    return np.asarray((fine // NANOSECONDS == coarse) & (fine % NANOSECONDS != 0))
