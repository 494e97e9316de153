"""What has become of the work that a job waits for, after its run has ended."""

from ingest_project.ingestion.jobs.kinds.outcome import progress
from ingest_project.ledger.job_model import JobWork


def outcome_of_work(work: JobWork) -> tuple[dict[str, int | None], str | None]:
    """The progress of a job by its work, and why the job has failed; None if it has not, or not yet.

    A job fails only once all of its work is over: what can be ingested is in the table by then.
    """
    told = progress(
        objects_done=work.done + work.failed, objects_total=work.total, rows=work.rows,
        bytes_done=work.size_bytes, bytes_total=work.total_bytes,
    )  # fmt: skip
    if not work.is_over or not work.failed:
        return told, None
    first = f"; first: {work.reason}" if work.reason else ""
    return told, f"{work.failed:,} of {work.total:,} objects failed, the others are in the table{first}"
