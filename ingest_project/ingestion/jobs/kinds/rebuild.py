"""The kind `rebuild`: replaces partitions of a table by what S3 holds, each as a batch of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest_project.errors import BatchSuperseded, IngestError, JobFailed
from ingest_project.ingestion.jobs.inputs import RebuildInput
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, OnBatch, Report, progress
from ingest_project.ingestion.process import BatchResult
from ingest_project.ledger.job_model import JobRecord
from ingest_project.settings.model import TableSettings

SHOWN = 20
"""How many reasons a message has."""


@dataclass(slots=True)
class _Rebuilds:
    """The rebuilds of one job. `errors` are those that stopped a partition, `failures` those of objects."""

    table: TableSettings
    run_id: str
    partitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    errors: list[tuple[str | None, IngestError]] = field(default_factory=list)
    waits: bool = False
    rows: int = 0
    objects: int = 0
    size_bytes: int = 0


def rebuild(
    kinds: JobKinds, job: JobRecord, asked: RebuildInput, *, run_id: str, report: Report, on_batch: OnBatch
) -> JobOutcome:
    """Rebuild each partition, whatever becomes of the others. A second call rebuilds all of them again.

    If another run has taken over a partition's batch, the job waits for it. Raises JobFailed, with reasons,
    if an object could not be read or a partition not be rebuilt: the rows of the others are in the table.
    """
    keys: list[str | None] = [None] if asked.partitions is None else [*dict.fromkeys(asked.partitions)]
    rebuilds = _Rebuilds(kinds.settings.table(asked.table), run_id)
    for key in keys:
        result = _run(kinds, job, rebuilds, key)
        if result is not None:
            _add(rebuilds, key, result)
            on_batch(result)
        report(progress(objects_done=rebuilds.objects, rows=rebuilds.rows, bytes_done=rebuilds.size_bytes))
    _raise_errors(rebuilds, len(keys))
    told = {"table": asked.table, "rows": rebuilds.rows, "partitions": rebuilds.partitions}
    return JobOutcome(told, waits=rebuilds.waits)


def _run(kinds: JobKinds, job: JobRecord, rebuilds: _Rebuilds, key: str | None) -> BatchResult | None:
    table = rebuilds.table
    try:
        return kinds.rebuild.run(table, key, queue=kinds.queue(table.queue), run_id=rebuilds.run_id)
    except BatchSuperseded as error:
        kinds.ledger.jobs.add_work(job.job_id, batch_ids=[error.batch_id])
        rebuilds.waits = True
    except IngestError as error:
        rebuilds.errors.append((key, error))
    return None


def _add(rebuilds: _Rebuilds, key: str | None, result: BatchResult) -> None:
    (partition,) = result.partitions
    rebuilds.rows += result.rows
    rebuilds.objects += partition.objects
    rebuilds.size_bytes += partition.size_bytes
    rebuilds.failures += [f"{one.error_class}: {one.reason}" for one in result.failures]
    rebuilds.partitions[key or ""] = {
        "rows": result.rows, "objects": partition.objects, "failed": len(result.failures),
        "bad_rows": result.rejected_rows, "batch_id": result.batch_id,
    }  # fmt: skip


def _raise_errors(rebuilds: _Rebuilds, asked: int) -> None:
    for _, error in rebuilds.errors:
        if error.transient:
            raise error
    reasons = [str(error) if key is None else f"partition {key}: {error}" for key, error in rebuilds.errors]
    reasons += rebuilds.failures
    if not reasons:
        return
    more = f"; and {len(reasons) - SHOWN:,} more" if len(reasons) > SHOWN else ""
    raise JobFailed(
        f"{asked - len(rebuilds.errors):,} of {asked:,} partitions of {rebuilds.table.name} were rebuilt; "
        f"{len(rebuilds.failures):,} objects could not be read, whose rows stay as they were: "
        f"{'; '.join(reasons[:SHOWN])}{more}"
    )
