"""A batch's rows in the table: the record that remains after its snapshot has expired."""

from collections import Counter

import pyarrow as pa
from pyiceberg.expressions import EqualTo, Reference
from pyiceberg.expressions.literals import literal
from pyiceberg.table import Table


def has_rows(table: Table, batch_id: str) -> bool:
    """Whether the current snapshot has a row of the batch; as commits are atomic, one row is enough."""
    if table.current_snapshot() is None or "_batch_id" not in table.schema().column_names:
        return False
    found = table.scan(
        row_filter=EqualTo(term=Reference("_batch_id"), value=literal(batch_id)),
        selected_fields=("_batch_id",),
        limit=1,
    )
    return any(portion.num_rows for portion in found.to_arrow_batch_reader())


def rows_by_source(table: Table, batch_id: str, snapshot_id: int | None) -> dict[tuple[str, str], int]:
    """The batch's rows in a snapshot (None: the current one), by `(_source_uri, _source_version)`.

    Reads in portions, only files whose statistics admit the batch, and only their provenance columns.
    """
    rows: Counter[tuple[str, str]] = Counter()
    scan = table.scan(
        row_filter=EqualTo(term=Reference("_batch_id"), value=literal(batch_id)),
        selected_fields=("_source_uri", "_source_version"),
        snapshot_id=snapshot_id,
    )
    for portion in scan.to_arrow_batch_reader():
        sources = pa.Table.from_batches([portion]).group_by(portion.schema.names)
        for source in sources.aggregate([([], "count_all")]).to_pylist():
            rows[source["_source_uri"], source["_source_version"]] += source["count_all"]
    return dict(rows)
