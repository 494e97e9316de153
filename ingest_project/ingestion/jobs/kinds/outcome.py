"""What a run of a job has come to, and how it says how far it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingest_project.ingestion.process import BatchResult

Report = Callable[[Mapping[str, Any]], None]
"""Takes the progress of a job, with the keys of `progress`. What it raises ends the job's run."""

OnBatch = Callable[["BatchResult"], None]
"""Takes the result of each batch that a job has processed itself, as soon as it is committed."""


@dataclass(frozen=True, slots=True)
class ResultFile:
    """A file of a job's result. `sha256` is in hex."""

    uri: str
    rows: int
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """What a run has done for its job.

    `result` is small and can be JSON. If the job `waits`, the run has recorded work in the ledger that the
    job has ended only with: call `ledger.jobs.wait_for(job_id)`, and follow `ledger.jobs.work(job_id)`.
    """

    result: dict[str, Any]
    waits: bool = False
    files: tuple[ResultFile, ...] = field(default=(), repr=False)
    snapshot_id: int | None = None


def progress(
    *,
    objects_done: int | None = None,
    objects_total: int | None = None,
    rows: int | None = None,
    bytes_done: int | None = None,
    bytes_total: int | None = None,
) -> dict[str, int | None]:
    """The progress of a job as the API shows it; None is unknown."""
    return {
        "objects_done": objects_done, "objects_total": objects_total, "rows": rows,
        "bytes_done": bytes_done, "bytes_total": bytes_total,
    }  # fmt: skip


def ignore_batch(_result: "BatchResult") -> None:
    """For callers that do not log batches."""
