"""Which older rows a commit replaces, and the copy-on-write that takes them out.

A new write of a key replaces the rows of earlier ones, and a rebuild those of its partition's objects. Only
data files whose statistics admit such rows are opened, and only their provenance columns are read first.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

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
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, Table
from pyiceberg.types import StringType

from ingest_project.errors import TableMismatch
from ingest_project.iceberg.data_files import DataFiles
from ingest_project.iceberg.file_rows import file_rows, in_portions
from ingest_project.iceberg.fitted_rows import fit_rows
from ingest_project.settings.model import PROVENANCE_COLUMNS

_URI, _VERSION, _BATCH = PROVENANCE_COLUMNS[:3]
PORTION_BYTES = 32 * 1024**2
"""How many bytes of a data file's rows are filtered and written again at once."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The rows to take out in the same commit: those of these objects and, if given, of these batches.

    `Replacement()` replaces nothing; `batch_ids=None` means rows of any batch except `except_batch`.
    `writes`, each a URI, a version and a batch, name more rows.
    """

    source_uris: frozenset[str] = frozenset()
    batch_ids: frozenset[str] | None = None
    writes: frozenset[tuple[str, str, str]] = frozenset()
    except_batch: str | None = None

    @property
    def is_empty(self) -> bool:
        return not self.writes and (not self.source_uris or self.batch_ids == frozenset())

    @property
    def all_uris(self) -> list[str]:
        """The objects of all rows to take out, sorted."""
        by_product = frozenset() if self.batch_ids == frozenset() else self.source_uris
        return sorted(by_product | {uri for uri, _, _ in self.writes})

    @property
    def all_batches(self) -> list[str] | None:
        """The batches of all rows to take out, sorted; None if they may be of any batch."""
        if self.source_uris and self.batch_ids is None:
            return None
        return sorted((self.batch_ids or frozenset()) | {batch for _, _, batch in self.writes})


@dataclass(frozen=True, slots=True)
class Rewrite:
    """Data files to take out of the table, and the files with their remaining rows."""

    removed: tuple[DataFile, ...] = field(default=(), repr=False)
    remainders: tuple[DataFile, ...] = field(default=(), repr=False)
    rows_removed: int = 0


def rewrite(table: Table, replacement: Replacement, *, name: str) -> Rewrite:
    """Writes the remainders of all files of the table's current snapshot that have rows to replace.

    However large a file is, only portions of its rows are held. Rows without provenance (of another writer)
    are never taken out.
    """
    if replacement.is_empty or table.current_snapshot() is None or not _has_provenance(table.schema()):
        return Rewrite()
    remainders = DataFiles(table.io, name=name)
    try:
        return _rewritten(table, replacement, remainders, name)
    except BaseException:
        remainders.discard()
        raise


def _rewritten(table: Table, replacement: Replacement, remainders: DataFiles, name: str) -> Rewrite:
    removed: list[DataFile] = []
    rows_removed = 0
    provenance = table.schema().select(_URI, _VERSION, _BATCH)
    for task in _candidates(table, replacement, name):
        rows = replaced = 0
        for some in _portions(table, task, provenance):
            rows += some.num_rows
            replaced += some.filter(_matches(some, replacement)).num_rows
        if replaced == 0:
            continue
        removed.append(task.file)
        rows_removed += replaced
        if replaced < rows:
            for some in _portions(table, task, table.schema()):
                kept = some.filter(pc.invert(_matches(some, replacement)))
                remainders.add(fit_rows(table.metadata, kept, name=name))
    written = remainders.close()
    return Rewrite(tuple(removed), () if written is None else written.data_files, rows_removed)


def _portions(table: Table, task: FileScanTask, projected: Schema) -> Iterator[pa.Table]:
    """The rows of a data file, in portions of about `PORTION_BYTES`."""
    return in_portions(file_rows(table, task, projected, AlwaysTrue()), PORTION_BYTES)


def _has_provenance(schema: Schema) -> bool:
    return {_URI, _VERSION, _BATCH} <= set(schema.column_names)


def _candidates(table: Table, replacement: Replacement, name: str) -> Iterator[FileScanTask]:
    uris, batches = replacement.all_uris, replacement.all_batches
    span = _span(_URI, uris)
    try:
        tasks = table.scan(span if batches is None else And(span, _span(_BATCH, batches))).plan_files()
    except ValueError as error:  # PyIceberg cannot read equality deletes
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
    # PyIceberg's In ignores statistics if it has more than 200 values. The span excludes manifest entries
    # instead, and `_may_hold` checks each value.
    return And(
        GreaterThanOrEqual(term=Reference(column), value=literal(values[0])),
        LessThanOrEqual(term=Reference(column), value=literal(values[-1])),
    )


def _may_hold(file: DataFile, field_id: int, values: list[str]) -> bool:
    """Whether one of the sorted values is between the file's bounds; truncated bounds are only wider."""
    lower, upper = (file.lower_bounds or {}).get(field_id), (file.upper_bounds or {}).get(field_id)
    if lower is None or upper is None:
        return True
    first = bisect_left(values, from_bytes(StringType(), lower))
    return first < len(values) and values[first] <= from_bytes(StringType(), upper)


def _matches(rows: pa.Table, replacement: Replacement) -> pa.BooleanArray:
    """True for each row to replace; false, never null, for all others."""
    matches = _is_in(rows[_URI], replacement.source_uris)
    if replacement.batch_ids is not None:
        matches = pc.and_(matches, _is_in(rows[_BATCH], replacement.batch_ids))
    if replacement.except_batch is not None:
        matches = pc.and_(matches, pc.invert(_is_in(rows[_BATCH], {replacement.except_batch})))
    if not replacement.writes:
        return matches
    return pc.or_(matches, _is_in(_writes(rows), map(_write, replacement.writes)))


def _writes(rows: pa.Table) -> Any:
    """The write of each row as one text, with a length: keys and versions may have any character."""
    length = pc.utf8_length(rows[_VERSION]).cast(rows[_URI].type)
    parts = (rows[_BATCH], length, rows[_VERSION], rows[_URI])
    return pc.binary_join_element_wise(*parts, pa.scalar("\n", rows[_URI].type), null_handling="replace")


def _write(of: tuple[str, str, str]) -> str:
    uri, version, batch = of
    return f"{batch}\n{len(version)}\n{version}\n{uri}"


def _is_in(values: "pa.ChunkedArray[Any]", wanted: Iterable[str]) -> pa.BooleanArray:
    return pc.is_in(values, value_set=pa.array(sorted(wanted), values.type))
