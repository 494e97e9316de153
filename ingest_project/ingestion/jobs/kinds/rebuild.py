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
class _Rebuilt:
    """What is done so far. `errors` are those that stopped a partition, `failures` those of objects."""

    partitions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    errors: list[tuple[str, IngestError]] = field(default_factory=list)
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
    table = kinds.settings.table(asked.table)
    keys: list[str | None] = [None] if asked.partitions is None else [*dict.fromkeys(asked.partitions)]
    rebuilt = _Rebuilt()
    for key in keys:
        result = _rebuild(kinds, job, table, key, run_id, rebuilt)
        if result is not None:
            _add(rebuilt, key, result)
            on_batch(result)
        report(progress(objects_done=rebuilt.objects, rows=rebuilt.rows, bytes_done=rebuilt.size_bytes))
    _raise_errors(table, rebuilt, len(keys))
    return JobOutcome(
        {"table": table.name, "rows": rebuilt.rows, "partitions": rebuilt.partitions}, waits=rebuilt.waits
    )


def _rebuild(
    kinds: JobKinds, job: JobRecord, table: TableSettings, key: str | None, run_id: str, rebuilt: _Rebuilt
) -> BatchResult | None:
    try:
        return kinds.rebuild.run(table, key, queue=kinds.queue(table.queue), run_id=run_id)
    except BatchSuperseded as error:
        kinds.ledger.jobs.add_work(job.job_id, batch_ids=[error.batch_id])
        rebuilt.waits = True
    except IngestError as error:
        rebuilt.errors.append((_name(table, key), error))
    return None


def _add(rebuilt: _Rebuilt, key: str | None, result: BatchResult) -> None:
    (partition,) = result.partitions
    rebuilt.rows += result.rows
    rebuilt.objects += partition.objects
    rebuilt.size_bytes += partition.size_bytes
    rebuilt.failures += [f"{one.error_class}: {one.reason}" for one in result.failures]
    rebuilt.partitions[key or ""] = {
        "rows": result.rows, "objects": partition.objects, "failed": len(result.failures),
        "bad_rows": result.rejected_rows, "batch_id": result.batch_id,
    }  # fmt: skip


def _raise_errors(table: TableSettings, rebuilt: _Rebuilt, asked: int) -> None:
    for _, error in rebuilt.errors:
        if error.transient:
            raise error
    reasons = [f"{name}: {error}" for name, error in rebuilt.errors] + rebuilt.failures
    if not reasons:
        return
    more = f"; and {len(reasons) - SHOWN:,} more" if len(reasons) > SHOWN else ""
    done = asked - len(rebuilt.errors)
    raise JobFailed(
        f"{done:,} of {asked:,} partitions of {table.name} were rebuilt, and {len(rebuilt.failures):,} of their "
        f"objects could not be read; the table keeps what it had of them: {'; '.join(reasons[:SHOWN])}{more}"
    )


def _name(table: TableSettings, key: str | None) -> str:
    return table.name if key is None else f"partition {key}"
