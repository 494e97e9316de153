"""What a table says about its rows' origin: enough to recover a lost ledger."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, GreaterThanOrEqual, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.io.pyarrow import ArrowScan
from pyiceberg.table import Table

from ingest_project.iceberg.batch_snapshot import batch_id_of, committed_at
from ingest_project.settings.model import PROVENANCE_COLUMNS

TEXTS = PROVENANCE_COLUMNS[:3]
COLUMNS: dict[str, pa.DataType] = {
    **{name: pa.string() for name in TEXTS},
    "ingested_at": pa.timestamp("us", "UTC"),
    "rows": pa.int64(),
}
GROUPS = pa.schema(COLUMNS)
MERGE_GROUPS = 500_000
"""So many groups are merged at a time, so that memory depends on the distinct sources, not on the rows."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The distinct origins of the rows of one snapshot (None: the table has none).

    `groups` has the columns `_source_uri`, `_source_version`, `_batch_id`, `ingested_at` (the earliest) and
    `rows`. `foreign_rows` are those without an origin, written by others.
    """

    snapshot_id: int | None
    groups: pa.Table = field(repr=False)
    foreign_rows: int


@dataclass(frozen=True, slots=True)
class BatchCommit:
    """The snapshot of a batch, which has not expired. `kind` is from its summary."""

    snapshot_id: int
    committed_at: datetime
    kind: str | None


def sources_of(table: Table) -> Sources:
    """The origins of all rows of the table's current snapshot.

    Reads one data file at a time, only its provenance columns, their texts as dictionaries.
    """
    if table.current_snapshot() is None or not set(PROVENANCE_COLUMNS) <= set(table.schema().column_names):
        rows = 0 if table.current_snapshot() is None else table.scan().count()
        return Sources(table.metadata.current_snapshot_id, GROUPS.empty_table(), rows)
    groups = GROUPS.empty_table()
    waiting: list[pa.Table] = []
    with _quiet_about_dictionaries():
        for portion in _portions(table):
            waiting.append(_grouped(portion))
            if sum(one.num_rows for one in waiting) >= MERGE_GROUPS:
                groups, waiting = _merged([groups, *waiting]), []
    groups = _merged([groups, *waiting])
    complete = pc.and_(pc.is_valid(groups["_source_uri"]), pc.is_valid(groups["_source_version"]))
    foreign = groups.filter(pc.invert(complete))
    return Sources(
        table.metadata.current_snapshot_id, groups.filter(complete), pc.sum(foreign["rows"]).as_py() or 0
    )


def source_portions(table: Table, since: datetime | None) -> Iterator[Mapping[tuple[str, str], int]]:
    """Rows by `(_source_uri, _source_version)`, portion by portion; rows of other writers are left out.

    The same source may come again in a later portion. With `since`, data files whose rows are all older are
    not read; rows of the others may be older.
    """
    if table.current_snapshot() is None or not set(PROVENANCE_COLUMNS) <= set(table.schema().column_names):
        return
    only: BooleanExpression = AlwaysTrue()
    if since is not None:
        only = GreaterThanOrEqual(term=Reference("_ingested_at"), value=literal(since))
    with _quiet_about_dictionaries():
        for portion in _portions(table, only):
            groups = portion.group_by(list(TEXTS[:2])).aggregate([([], "count_all")])
            columns = (groups[name].cast(pa.string()).to_pylist() for name in TEXTS[:2])
            counts = groups["count_all"].to_pylist()
            yield {
                (uri, version): count
                for uri, version, count in zip(*columns, counts, strict=True)
                if uri is not None and version is not None
            }


def batch_commits(table: Table) -> dict[str, BatchCommit]:
    """The snapshots of batches that the table's metadata still lists, by batch id."""
    found: dict[str, BatchCommit] = {}
    for snapshot in table.metadata.snapshots:
        if (batch_id := batch_id_of(snapshot)) is not None and snapshot.summary is not None:
            kind = snapshot.summary.additional_properties.get("ingest.kind")
            found[batch_id] = BatchCommit(snapshot.snapshot_id, committed_at(snapshot), kind)
    return found


def _portions(table: Table, only: BooleanExpression | None = None) -> Iterator[pa.Table]:
    """The provenance of all rows, of those files that may have rows for which `only` is true."""
    projected = table.schema().select(*PROVENANCE_COLUMNS)
    for task in table.scan(row_filter=only or AlwaysTrue()).plan_files():
        scan = ArrowScan(table.metadata, table.io, projected, AlwaysTrue(), dictionary_columns=TEXTS)
        for portion in scan.to_record_batches([task]):
            yield pa.Table.from_batches([portion])


def _grouped(portion: pa.Table) -> pa.Table:
    rows = portion.group_by(list(TEXTS)).aggregate([("_ingested_at", "min"), ([], "count_all")])
    named = rows.select([*TEXTS, "_ingested_at_min", "count_all"]).rename_columns(GROUPS.names)
    return named.cast(GROUPS)


def _merged(groups: list[pa.Table]) -> pa.Table:
    together = pa.concat_tables(groups)
    merged = together.group_by(list(TEXTS)).aggregate([("ingested_at", "min"), ("rows", "sum")])
    return merged.select([*TEXTS, "ingested_at_min", "rows_sum"]).rename_columns(GROUPS.names)


@contextmanager
def _quiet_about_dictionaries() -> Iterator[None]:
    """Suppresses PyIceberg's warnings that dictionaries, which we requested, are not an Iceberg type."""
    logger = logging.getLogger("pyiceberg.io.pyarrow")

    def says_something_else(record: logging.LogRecord) -> bool:
        return "dictionary type" not in record.getMessage()

    logger.addFilter(says_something_else)
    try:
        yield
    finally:
        logger.removeFilter(says_something_else)
