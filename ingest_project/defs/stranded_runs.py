"""Runs that Dagster takes for working although their batch was settled long ago: their process died in its last moments.

Dagster's default launcher never notices a run worker that was killed together with the server that started it. The
outbox looks after the runs of open batches; what is left are those that were killed between settling and their end.
Each would hold one of `max_concurrent_runs` for ever.
"""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.defs.jobs import BATCH_TAG
from ingest_project.errors import BatchNotFound

if TYPE_CHECKING:
    from ingest_project.batches.ledger import Ledger

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
    """The job's runs that work on no open batch, and have had `grace` since they began and since theirs was settled.

    With each the reason to give for its end. A run that is still deleting messages by then loses nothing by it.
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
                f"batch {batch_id} is settled, and the run never came to its end: its process died",
            )


def _settled_at(ledger: "Ledger", batch_id: str) -> datetime | None:
    try:
        return ledger.batch(batch_id).settled_at
    except BatchNotFound:  # forgotten since
        return None
