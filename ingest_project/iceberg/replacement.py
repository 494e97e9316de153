"""Which older rows a commit replaces, and the copy-on-write that takes them out.

An object that is written again under its key, or a partition that is rebuilt, replaces the rows of its objects.
Only data files whose statistics admit such rows are opened, and of those first only the two columns that decide.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import (
    AlwaysTrue,
    And,
    BooleanExpression,
    GreaterThanOrEqual,
    LessThanOrEqual,
    Reference,
)
from pyiceberg.expressions.literals import literal
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, Table
from pyiceberg.types import StringType

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.data_files import write_data_files

_URI, _BATCH = "_source_uri", "_batch_id"


@dataclass(frozen=True, slots=True)
class Replacement:
    """The rows to take out in the same commit: those of these objects and, if given, only those of these batches.

    `Replacement()` replaces nothing; `batch_ids=None` means rows of any batch.
    """

    source_uris: frozenset[str] = frozenset()
    batch_ids: frozenset[str] | None = None

    @property
    def is_empty(self) -> bool:
        return not self.source_uris or self.batch_ids == frozenset()


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Data files to take out of the table, and the files that hold what of them stays. Rows are counted."""

    removed: tuple[DataFile, ...] = field(default=(), repr=False)
    remainders: tuple[DataFile, ...] = field(default=(), repr=False)
    rows_removed: int = 0


def rewrite(table: Table, replacement: Replacement, *, name: str) -> Rewrite:
    """Writes the remainders of all files of the table's current snapshot that hold rows to replace.

    Reads one data file at a time. Rows without provenance (of another writer) are never taken.
    """
    if replacement.is_empty or table.current_snapshot() is None or not _has_provenance(table.schema()):
        return Rewrite()
    removed: list[DataFile] = []
    remainders: list[DataFile] = []
    rows_removed = 0
    for task in _candidates(table, replacement, name):
        provenance = _read(table, task, table.schema().select(_URI, _BATCH))
        replaced = provenance.filter(_matches(provenance, replacement)).num_rows
        if replaced == 0:
            continue
        removed.append(task.file)
        rows_removed += replaced
        if replaced < provenance.num_rows:
            rows = _read(table, task, table.schema())
            kept = rows.filter(pc.invert(_matches(rows, replacement)))
            remainders.extend(write_data_files(table, kept, name=name).data_files)
    return Rewrite(tuple(removed), tuple(remainders), rows_removed)


def _has_provenance(schema: Schema) -> bool:
    return {_URI, _BATCH} <= set(schema.column_names)


def _candidates(table: Table, replacement: Replacement, name: str) -> Iterator[FileScanTask]:
    uris = sorted(replacement.source_uris)
    batches = None if replacement.batch_ids is None else sorted(replacement.batch_ids)
    span = _span(_URI, uris)
    try:
        tasks = table.scan(span if batches is None else And(span, _span(_BATCH, batches))).plan_files()
    except ValueError as error:  # PyIceberg reads no equality deletes
        raise TableMismatch(
            name, f"rows cannot be replaced: {error}; compact the table with the engine that wrote them"
        ) from error
    uri_id, batch_id = (table.schema().find_field(column).field_id for column in (_URI, _BATCH))
    for task in tasks:
        if _may_hold(task.file, uri_id, uris) and (
            batches is None or _may_hold(task.file, batch_id, batches)
        ):
            yield task


def _span(column: str, values: list[str]) -> BooleanExpression:
    # PyIceberg's In gives up on statistics beyond 200 values; the span keeps the manifest's entries out instead, and
    # `_may_hold` looks at each value.
    return And(
        GreaterThanOrEqual(term=Reference(column), value=literal(values[0])),
        LessThanOrEqual(term=Reference(column), value=literal(values[-1])),
    )


def _may_hold(file: DataFile, field_id: int, values: list[str]) -> bool:
    """Whether one of the sorted values lies between the file's bounds; truncated bounds only lie further apart."""
    lower, upper = (file.lower_bounds or {}).get(field_id), (file.upper_bounds or {}).get(field_id)
    if lower is None or upper is None:
        return True
    first = bisect_left(values, from_bytes(StringType(), lower))
    return first < len(values) and values[first] <= from_bytes(StringType(), upper)


def _read(table: Table, task: FileScanTask, projected: Schema) -> pa.Table:
    scan = ArrowScan(table.metadata, table.io, projected, AlwaysTrue())
    return scan.to_table([task])


def _matches(rows: pa.Table, replacement: Replacement) -> pa.BooleanArray:
    """True for each row to replace; false, never null, for all others."""
    matches = pc.is_in(rows[_URI], value_set=pa.array(sorted(replacement.source_uris), rows[_URI].type))
    if replacement.batch_ids is None:
        return matches
    of_batch = pc.is_in(rows[_BATCH], value_set=pa.array(sorted(replacement.batch_ids), rows[_BATCH].type))
    return pc.and_(matches, of_batch)
