"""The kind `export`: writes rows of a snapshot of a table to files below the results of jobs."""

import logging
import re
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest_project.errors import JobFailed, JobRefused, ObjectError
from ingest_project.iceberg.row_filters import RowFilter
from ingest_project.iceberg.snapshot_rows import RowQuery, SnapshotRows
from ingest_project.ingestion.jobs.inputs import ExportInput
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.export_files import ExportFiles, portions
from ingest_project.ingestion.jobs.kinds.manifest import job_folder
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, Report, ResultFile, progress
from ingest_project.ledger.job_model import JobRecord
from ingest_project.sources.jobs.request import digest_of
from ingest_project.sources.s3.result_files import ResultFiles

log = logging.getLogger(__name__)

ATTEMPT = "attempt-"


def export(kinds: JobKinds, job: JobRecord, asked: ExportInput, *, run_id: str, report: Report) -> JobOutcome:
    """Write the rows that are asked for, in files of at most about 128 MB; memory and disk are bounded.

    All rows are of one snapshot. Each attempt has a folder of its own, and each run its own names in it; the
    folders of earlier attempts are removed at the end. Raises JobFailed and JobRefused, which names the
    field, and CatalogUnavailable or ObjectError.
    """
    results = kinds.settings.jobs.results if kinds.settings.jobs is not None else None
    if results is None:
        raise JobFailed("the settings have no place for results; add `jobs.results`")
    folder = job_folder(results, job.job_id)
    rows = _rows(kinds, asked)
    prefix = f"{folder}{ATTEMPT}{job.attempts}/part-{digest_of(run_id)[:8]}-"
    files = _write(kinds, asked, rows, prefix, report)
    _remove_earlier(kinds.result_files, folder, job.attempts)
    result = {
        "table": asked.table, "format": asked.format, "rows": sum(one.rows for one in files),
        "bytes": sum(one.size_bytes for one in files), "files": len(files),
        "snapshot_id": None if rows.snapshot_id is None else str(rows.snapshot_id),
    }  # fmt: skip
    return JobOutcome(result, files=files, snapshot_id=rows.snapshot_id)


def _rows(kinds: JobKinds, asked: ExportInput) -> SnapshotRows:
    table = kinds.lake.find(asked.table)
    if table is None:
        raise JobRefused("input.table", "the catalog does not have it yet: nothing was ingested into it")
    query = RowQuery(
        columns=None if asked.columns is None else tuple(asked.columns),
        filters=tuple(RowFilter(one.column, one.op, one.value) for one in asked.filters),
        snapshot_id=asked.snapshot_id,
    )
    try:
        return table.rows(query)
    except JobRefused as error:
        raise JobRefused(f"input.{error.field}", error.reason) from None


def _write(
    kinds: JobKinds, asked: ExportInput, rows: SnapshotRows, prefix: str, report: Report
) -> tuple[ResultFile, ...]:
    written = 0
    with (
        TemporaryDirectory(prefix="ingest-export-") as folder,
        ExportFiles(kinds.result_files, prefix, asked.format, rows.schema, Path(folder)) as files,
    ):
        for portion in portions(rows.batches, asked.max_rows):
            files.write(portion)
            written += portion.num_rows
            report(progress(rows=written, bytes_done=sum(one.size_bytes for one in files.sent)))
        return files.finish()


def _remove_earlier(store: ResultFiles, folder: str, attempt: int) -> None:
    """Delete what earlier attempts have left; never what a later one has, if this is a run that was replaced.

    The files are no part of the result, so that an error is only logged.
    """
    try:
        store.delete([one for one in store.below(f"{folder}{ATTEMPT}") if _attempt(one, folder) < attempt])
    except ObjectError as error:
        log.warning("files of earlier attempts below %s stay: %s", folder, error)


def _attempt(uri: str, folder: str) -> int | float:
    found = re.match(r"(\d{1,9})/", uri.removeprefix(f"{folder}{ATTEMPT}"))
    return float("inf") if found is None else int(found[1])
