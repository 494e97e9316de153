"""The kind `ingest`: claims what S3 holds and the table lacks, and has the job wait for its rows.

The claims are those of a reconciliation: the queue's sensor plans them, and runs ingest them. Each claim is
recorded as work of the job in its own transaction, so that a crash loses neither.

A reconciliation leaves out what is younger than its grace, because its event may still be on its way. Here
there is no grace: who asks means what S3 holds now, and an event that comes later finds its write known and
brings no second rows. S3's clock may be ahead of ours, so that `NO_GRACE` is less than nothing.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from ingest_project.errors import JobFailed, ObjectMissing, UnroutableObject
from ingest_project.ingestion.jobs.inputs import IngestInput
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.jobs.kinds.outcome import JobOutcome, Report, progress
from ingest_project.ingestion.reconcile.reconcile import Wanted
from ingest_project.ingestion.reconcile.result import Finding, Progress, Reconciled
from ingest_project.ingestion.reconcile.scope import scope_of
from ingest_project.ledger.job_model import JobRecord
from ingest_project.ledger.listed_write import UNKNOWN, ListedWrite, Standing
from ingest_project.settings.clocks import AWS_CLOCK_SKEW, utc_now
from ingest_project.settings.job_settings import JobsSettings
from ingest_project.settings.model import TableSettings
from ingest_project.sources.object_version import UNKNOWN_TIME, UNVERSIONED, ObjectVersion, bucket_and_key
from ingest_project.sources.s3.markers import is_marker

NO_GRACE: Final = -AWS_CLOCK_SKEW
HEADS_AT_ONCE = 16
SHOWN = 20
"""How many objects a result names; it counts all of them."""


def ingest(kinds: JobKinds, job: JobRecord, asked: IngestInput, report: Report) -> JobOutcome:
    """Claim objects of the table for the job, which waits until they are settled.

    It also waits for what was under way already, so that the table has all of it when the job is completed.
    Memory does not grow with the number of objects. A second call claims what the first one has left.
    """
    table = kinds.settings.table(asked.table)
    if asked.objects is not None:
        return _named(kinds, job, table, asked.objects, report)
    return _scope(kinds, job, table, asked, report)


def _scope(
    kinds: JobKinds, job: JobRecord, table: TableSettings, asked: IngestInput, report: Report
) -> JobOutcome:
    scope = scope_of(table, prefix=asked.prefix, since=asked.since, until=asked.until, grace=NO_GRACE)
    listing = None if asked.inventory is None else kinds.inventory(asked.inventory, table)
    # The run waits for the sensor as long as it takes some; a run that takes too long is ended elsewhere.
    patience = (kinds.settings.jobs or JobsSettings()).longest_run(job.kind) / 2
    wanted = Wanted(scope, listing, enqueue=True, patience=patience, for_job=job.job_id)
    result = kinds.reconcile.run(table, kinds.settings.queue(table.queue), wanted, _reporting(report))
    if result.found.get(Finding.UNKNOWN, 0) or result.left:
        raise JobFailed(f"{table.name}: {result.left:,} objects were not claimed: {result.why_left}")
    return JobOutcome(_result_of(result), waits=True)


def _result_of(result: Reconciled) -> dict[str, Any]:
    return {
        "table": result.table, "source": result.source, "prefix": result.prefix, "listed": result.listed,
        "claimed": result.enqueued, "known": dict(result.known),
    }  # fmt: skip


def _reporting(report: Report) -> Callable[[Progress], None]:
    def on_progress(told: Progress) -> None:
        report(progress(objects_done=0, objects_total=told.total if told.step == "enqueue" else None))

    return on_progress


@dataclass(frozen=True, slots=True)
class _Looked:
    """What S3 holds of a named object; `why_not` says why it is not to be ingested."""

    uri: str
    write: ListedWrite | None = None
    is_missing: bool = False
    why_not: str | None = None


def _named(
    kinds: JobKinds, job: JobRecord, table: TableSettings, uris: Sequence[str], report: Report
) -> JobOutcome:
    _refuse_lost_ledger(kinds, table)
    wanted = list(dict.fromkeys(uris))
    report(progress(objects_done=0, objects_total=len(wanted)))
    with ThreadPoolExecutor(HEADS_AT_ONCE, thread_name_prefix="ingest") as pool:
        looked = list(pool.map(lambda uri: _look(kinds, table, uri), wanted))
    writes = [one.write for one in looked if one.write is not None]
    others = [one for one in looked if one.write is None]
    if not writes:
        raise JobFailed(f"none of the {len(wanted):,} objects is to be ingested; first: {_why(others[0])}")
    found = dict(zip(writes, kinds.ledger.standings(table.on_overwrite, writes), strict=True))
    claimed = kinds.ledger.claim_listed(table.queue, table.on_overwrite, writes, for_job=job.job_id)
    if failed := [write for write, standing in found.items() if standing is Standing.FAILED]:
        raise JobFailed(
            f"{len(failed):,} of the {len(wanted):,} objects have failed before, the others are ingested; "
            f"first: {failed[0].routed.object.uri}; see `ingest history`, then `ingest retry`"
        )
    known = [standing.value for standing in found.values() if standing not in UNKNOWN]
    result = {
        "table": table.name, "listed": len(writes), "claimed": claimed,
        "known": {one: known.count(one) for one in sorted(set(known))},
        "missing": sum(one.is_missing for one in others),
        "passed_over": sum(not one.is_missing for one in others),
        "examples": [{"uri": one.uri, "reason": _why(one)} for one in others[:SHOWN]],
    }  # fmt: skip
    return JobOutcome(result, waits=True)


def _look(kinds: JobKinds, table: TableSettings, uri: str) -> _Looked:
    bucket, key = bucket_and_key(uri)
    at = utc_now()
    try:
        head = kinds.store.head(ObjectVersion(bucket, key, 0, UNKNOWN_TIME), pinned=False)
    except ObjectMissing:
        return _Looked(uri, is_missing=True)
    version = None if head.version_id == UNVERSIONED else head.version_id
    item = ObjectVersion(bucket, key, head.size_bytes, head.last_modified, version_id=version, etag=head.etag)
    try:
        routed = kinds.router.route(table.queue, item)
    except UnroutableObject as error:
        return _Looked(uri, why_not=error.reason)
    if routed.passed_over is not None:
        return _Looked(uri, why_not=routed.passed_over)
    if is_marker(key, head.size_bytes):
        return _Looked(uri, why_not="it is a marker without rows")
    return _Looked(uri, ListedWrite(routed, at))


def _why(one: _Looked) -> str:
    return f"S3 holds no {one.uri}" if one.is_missing else f"{one.uri}: {one.why_not}"


def _refuse_lost_ledger(kinds: JobKinds, table: TableSettings) -> None:
    """A ledger that has lost what is in the table would let it be ingested a second time."""
    if kinds.ledger.has_rows(table.name):
        return
    found = kinds.lake.find(table.name)
    if found is not None and found.row_count():
        reason = "the table has rows that the ledger does not know; run `ingest ledger recover` first"
        raise JobFailed(f"{table.name}: {reason}")
