"""The kind `replay`: reads objects again, because of their rows in quarantine, and waits for them."""

from ingest_project.ingestion.jobs.inputs import ReplayInput
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, Report, progress
from ingest_project.ledger.job_model import JobRecord


def replay(kinds: JobKinds, job: JobRecord, asked: ReplayInput, report: Report) -> JobOutcome:
    """Plan batches of what is asked for, as work of the job, which waits for them; there may be nothing.

    A second call leaves alone what the first one has planned. Objects that other work has are counted as
    `busy`: they are ingested anew anyway, or their replay is under way.
    """
    busy = None
    while True:
        planned = kinds.replay(
            asked.table, uris=tuple(asked.objects or ()), whole=asked.whole_table, for_job=job.job_id
        )
        busy = planned.busy if busy is None else busy
        total = kinds.ledger.jobs.work(job.job_id).total
        report(progress(objects_done=0, objects_total=total))
        if not planned.more:
            return JobOutcome({"table": asked.table, "objects": total, "busy": busy}, waits=True)
