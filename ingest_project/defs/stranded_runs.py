"""Finds runs that Dagster shows as started although their batch was settled long ago: their process died
after that.

Dagster's default launcher never notices a run worker that was killed together with the server that started
it. The outbox handles the runs of open batches; the runs here were killed between settling and their end, or
while another run planned their rebuild anew. `sensors.py` ends them: each would occupy one of
`max_concurrent_runs` for ever.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.defs.jobs import BATCH_TAG
from ingest_project.errors import BatchNotFound
from ingest_project.ledger.model import Batch, BatchKind

if TYPE_CHECKING:
    from ingest_project.ledger.ledger import Ledger
    from ingest_project.ledger.unreported import UnreportedBatch

RANGE_GRACE = timedelta(hours=1)
"""A run that rebuilds a range of partitions lists S3 between two batches, and a large prefix takes long."""

RANGE_TAG = "dagster/asset_partition_range_start"
WORKING = [dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def stranded_runs(
    instance: dg.DagsterInstance,
    ledger: "Ledger",
    *,
    job_name: str,
    open_batches: Collection[str],
    now: datetime,
    grace: timedelta,
) -> Iterator[tuple[dg.DagsterRun, str]]:
    """The job's runs without an open batch that started, and whose batch was settled, more than `grace` ago.

    Each comes with the reason for its end. A run that is still deleting messages by then loses nothing.
    """
    for record in instance.get_run_records(dg.RunsFilter(job_name=job_name, statuses=WORKING)):
        batch_id = record.dagster_run.tags.get(BATCH_TAG)
        if batch_id is None or batch_id in open_batches:
            continue
        started = datetime.fromtimestamp(record.start_time or now.timestamp(), UTC)
        settled_at = _settled_at(ledger, batch_id)
        if now - max(started, settled_at or started) > grace:
            yield (
                record.dagster_run,
                f"batch {batch_id} is settled, but the run did not end: its process died",
            )


def stranded_rebuilds(
    instance: dg.DagsterInstance,
    unreported: Sequence["UnreportedBatch"],
    replaced: Sequence[Batch],
    open_batches: Collection[Batch],
    *,
    now: datetime,
    grace: timedelta,
) -> Iterator[tuple[dg.DagsterRun, str]]:
    """The same for runs of rebuilds. They are found by their batches, because no sensor launched them.

    `unreported` are of committed batches, `replaced` are rebuilds that were planned anew by others.
    """
    settled = [(one.settled_at, one.batch_id, one.run_id) for one in replaced if one.settled_at is not None]
    settled += [
        (one.settled_at, one.batch_id, one.run_id) for one in unreported if one.kind == BatchKind.REBUILD
    ]
    last = {run_id: (batch_id, settled_at) for settled_at, batch_id, run_id in sorted(settled)}
    run_ids = [run_id for run_id in last.keys() - {one.run_id for one in open_batches} if run_id is not None]
    if not run_ids:
        return
    for run in instance.get_runs(dg.RunsFilter(run_ids=run_ids, statuses=WORKING)):  # mostly none
        batch_id, settled_at = last[run.run_id]
        if now - settled_at > (RANGE_GRACE if RANGE_TAG in run.tags else grace):
            yield run, f"rebuild {batch_id} is settled, but the run did not end: its process died"


def _settled_at(ledger: "Ledger", batch_id: str) -> datetime | None:
    try:
        return ledger.batch(batch_id).settled_at
    except BatchNotFound:  # pruned since
        return None
