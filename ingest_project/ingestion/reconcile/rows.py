"""Finds rows of a table whose source the ledger does not know, as after the loss of a ledger."""

from ingest_project.iceberg.table import LakeTable
from ingest_project.ingestion.reconcile.result import Example, Finding, OnProgress, Progress, Tally
from ingest_project.ingestion.reconcile.scope import Scope
from ingest_project.ingestion.reconcile.scratch import Scratch
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.reconcile import TableSource
from ingest_project.sources.object_version import bucket_and_key, is_object_uri, object_uri


def find_unknown(
    lake_table: LakeTable,
    ledger: Ledger,
    scope: Scope,
    *,
    seen: Scratch,
    tally: Tally,
    on_progress: OnProgress,
) -> None:
    """Count the sources of the table's rows that the ledger does not know, in the scope's prefix.

    A row does not tell when its object was written, but it was ingested later: `since` leaves out older
    files.
    """
    rows, total = 0, lake_table.row_count()
    for portion in lake_table.source_portions(scope.since):
        rows += sum(portion.values())
        sources = [
            TableSource(*bucket_and_key(uri), version)
            for uri, version in seen.new_sources(portion)
            if is_object_uri(uri) and scope.has_key(bucket_and_key(uri)[1])
        ]
        for one in ledger.unknown_sources(lake_table.name, sources):
            tally.add(Example(Finding.UNKNOWN, object_uri(one.bucket, one.key), one.version))
        on_progress(Progress("rows", rows, total))
