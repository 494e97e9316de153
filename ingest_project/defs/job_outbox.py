"""Looks after one open job: starts its run, follows it, tries it again, ends it.

A job is a batch of one object version, so `outbox.py` decides whether its run lives. What is different: the
run need not be ours. The ledger learns from Dagster's status, here, how a run went, and a tick keeps the
lease for runs that do not know of one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.failure_cause import cause_of_run
from ingest_project.defs.job_inputs import run_config
from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, TABLE_TAG
from ingest_project.defs.outbox import Need, judge
from ingest_project.ledger.model import Batch, BatchOutcome, FailedObject
from ingest_project.services import Services
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.job_settings import JobsSettings, job_table

if TYPE_CHECKING:
    from ingest_project.ledger.job_model import JobRecord

JOB_TAG = "ingest/job_id"
REQUEST_TAG = "ingest/request_id"
RESULT_KEY = "job_result"
"""The key of an op's output metadata whose value is the result of its job."""
LONGEST_RESULT = 65_536


@dataclass(frozen=True, slots=True)
class JobOutbox:
    """The jobs of one tick. `job_names` are the Dagster jobs of the kinds."""

    context: dg.SensorEvaluationContext
    services: Services
    settings: JobsSettings
    job_names: Mapping[str, str]

    def look_after(self, batch: Batch, runs: Sequence[dg.RunRecord]) -> dg.RunRequest | None:
        """What the job needs now: a run, which is requested; or its end, which is recorded."""
        job = self.services.ledger.jobs.job_of_batch(batch.batch_id)
        if job is None or job.kind not in self.job_names:
            self.context.log.warning(f"batch {batch.batch_id} waits: `jobs` has no kind {batch.table}")
            return None
        if job.cancel_requested_at is not None:
            self._cancel(batch, job, runs)
            return None
        done = next((one for one in runs if one.dagster_run.status is dg.DagsterRunStatus.SUCCESS), None)
        if done is not None:
            self._finish(batch, job, done.dagster_run)
            return None
        return self._go_on(self._followed(batch, job, runs), job, runs)

    def _followed(self, batch: Batch, job: "JobRecord", runs: Sequence[dg.RunRecord]) -> Batch:
        """The batch after the ledger knows which run has begun the job, as far as Dagster knows it.

        The runs of the built-in kinds begin their batch and keep its lease themselves.
        """
        if job.kind not in self.settings.kinds:
            return batch
        ledger = self.services.ledger
        for record in runs:
            run = record.dagster_run
            if run.tags.get(ATTEMPT_TAG) != str(batch.attempt) or record.start_time is None:
                continue
            if batch.run_id != run.run_id:
                ledger.start(batch.batch_id, run_id=run.run_id)
            elif not run.is_finished:
                ledger.heartbeat(batch.batch_id, run_id=run.run_id)
        return ledger.batch(batch.batch_id)

    def _go_on(self, batch: Batch, job: "JobRecord", runs: Sequence[dg.RunRecord]) -> dg.RunRequest | None:
        now = datetime.now(UTC)
        lease = timedelta(seconds=self.services.settings.ledger.lease_seconds)
        for one in runs:
            if (too_long := self._too_long(one, job, now)) is not None:
                self._end(one.dagster_run, too_long)
                return None  # the next tick sees that it has ended
        decision = judge(batch, runs, now, lease)
        self.context.log.info(
            f"job {job.job_id} ({job.kind}), request {job.request_id}, batch {batch.batch_id}: "
            f"{decision.reason}"
        )
        if decision.dead_run is not None:
            self.context.instance.report_run_failed(decision.dead_run, message=decision.reason)
        if decision.need is Need.ATTEMPT:
            self.services.ledger.next_attempt(
                batch.batch_id, attempt=batch.attempt, error=self._why(batch, runs, decision.reason),
                lost_attempts=self.settings.attempts_of(job.kind) - sum(map(self._never_started, runs)),
            )  # fmt: skip
        return self._request(batch, job) if decision.need is Need.RUN else None

    def _why(self, batch: Batch, runs: Sequence[dg.RunRecord], reason: str) -> str:
        """Why the attempt failed: what its run said, if it ended by itself."""
        for one in runs:
            run = one.dagster_run
            if run.tags.get(ATTEMPT_TAG) != str(batch.attempt):
                continue
            if self._never_started(one):
                return f"its run {run.run_id} did not start within {self.settings.longest_start}"
            if run.is_failure:
                return f"its run failed: {cause_of_run(self.context.instance, run.run_id)[1]}"
        return reason

    def _too_long(self, record: dg.RunRecord, job: "JobRecord", now: datetime) -> str | None:
        """Why this run has to be ended: it has not started in time, or takes too long."""
        if record.dagster_run.is_finished:
            return None
        if record.start_time is None:
            longest = self.settings.longest_start
            text = f"it did not start within {longest}, the `start_timeout` of the jobs"
            return text if now - _launched_at(record) > longest else None
        if record.dagster_run.status is not dg.DagsterRunStatus.STARTED:
            return None
        longest = self.settings.longest_run(job.kind)
        text = f"it took longer than {longest}, the `timeout` of {job.kind}"
        return text if now - datetime.fromtimestamp(record.start_time, UTC) > longest else None

    def _never_started(self, record: dg.RunRecord) -> bool:
        """Whether the run was ended because it had not started in time.

        The ledger does not know of such runs, because none of them began the job; Dagster's records count
        them. Runs that Dagster has given up before that do not count: they say nothing about the job.
        """
        if record.start_time is not None or record.end_time is None:
            return False
        return (
            datetime.fromtimestamp(record.end_time, UTC) - _launched_at(record) > self.settings.longest_start
        )

    def _request(self, batch: Batch, job: "JobRecord") -> dg.RunRequest:
        own = self.settings.kinds.get(job.kind)
        config: Any = {"ops": {"run_job": {"config": {"batch_id": batch.batch_id}}}}
        return dg.RunRequest(
            run_key=batch.run_key,
            job_name=self.job_names[job.kind],
            run_config=config if own is None else run_config(own, job.input),
            tags={
                BATCH_TAG: batch.batch_id,
                ATTEMPT_TAG: str(batch.attempt),
                TABLE_TAG: job_table(job.kind),
                JOB_TAG: job.job_id,
                **({REQUEST_TAG: job.request_id} if job.request_id else {}),
            },
        )

    def _finish(self, batch: Batch, job: "JobRecord", run: dg.DagsterRun) -> None:
        """Settle a job whose run has succeeded, once the work that it waits for is over."""
        from ingest_project.ingestion.jobs.kinds.work import outcome_of_work

        ledger, error = self.services.ledger, None
        if job.waits:
            work = ledger.jobs.work(job.job_id)
            progress, error = outcome_of_work(work)
            ledger.jobs.tell(job.job_id, progress=progress)
            if not work.is_over:
                self.context.log.info(f"job {job.job_id}: {work.done:,} of {work.total:,} objects are in")
                return
        if job.kind in self.settings.kinds:
            job = replace(job, result=result_of_run(self.context.instance, run.run_id))
            ledger.jobs.tell(job.job_id, result=job.result)
        if job.manifest is None:
            self._write_manifest(job, error)
        if batch.run_id != run.run_id:
            ledger.start(batch.batch_id, run_id=run.run_id)
        ledger.settle(batch.batch_id, run_id=run.run_id, outcome=job_outcome(job, error))

    def _write_manifest(self, job: "JobRecord", error: str | None) -> None:
        from ingest_project.ingestion.jobs.kinds.manifest import write_manifest
        from ingest_project.ledger.job_model import JobState

        uri = write_manifest(
            self.services.job_kinds.result_files, self.settings.results, job,
            state=JobState.COMPLETED if error is None else JobState.FAILED, ended_at=utc_now(),
            result=job.result, error=error,
        )  # fmt: skip
        self.services.ledger.jobs.tell(job.job_id, manifest=uri)

    def _cancel(self, batch: Batch, job: "JobRecord", runs: Sequence[dg.RunRecord]) -> None:
        """End the job's runs, and then the job; objects that it has put in are ingested nevertheless."""
        for one in runs:
            if not one.dagster_run.is_finished:
                self._end(one.dagster_run, f"job {job.job_id} was cancelled")
        self.services.ledger.jobs.end_cancelled(job.job_id)

    def _end(self, run: dg.DagsterRun, reason: str) -> None:
        end_run(self.context.instance, run, reason)


def _launched_at(record: dg.RunRecord) -> datetime:
    return datetime.fromtimestamp(record.create_timestamp.timestamp(), UTC)


def end_run(instance: dg.DagsterInstance, run: dg.DagsterRun, reason: str) -> None:
    """End a run, whether its process lives or not."""
    try:
        instance.run_coordinator.cancel_run(run.run_id)
    except Exception as error:  # of any launcher: what Dagster has recorded of the run counts
        reason = f"{reason}; its launcher did not end it ({type(error).__name__})"
    found = instance.get_run_by_id(run.run_id)
    if found is not None and not found.is_finished:
        instance.report_run_failed(found, message=reason)


def job_outcome(job: "JobRecord", error: str | None) -> BatchOutcome:
    """How the batch of a job ended."""
    if error is None:
        return BatchOutcome({job.object_id: 0}, (), None, utc_now())
    failed = FailedObject(job.object_id, "job_failed", error, transient=False)
    return BatchOutcome({}, (failed,), None, utc_now())


def result_of_run(instance: dg.DagsterInstance, run_id: str) -> dict[str, Any]:
    """What the last op of the run that has `job_result` in its output's metadata put there.

    A value that is too large is left out, and the result says so.
    """
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_OUTPUT).records
    for one in reversed(records):
        event = one.event_log_entry.dagster_event
        metadata = event.step_output_data.metadata if event is not None else {}
        if (told := metadata.get(RESULT_KEY)) is not None:
            value = told.value
            given = dict(value) if isinstance(value, Mapping) else {"value": _jsonable(value)}
            return given if _size(given) <= LONGEST_RESULT else {"omitted": "the result is too large"}
    return {}


def _jsonable(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | list | None) else str(value)


def _size(value: Mapping[str, Any]) -> int:
    from ingest_project.sources.jobs.request import canonical

    try:
        return len(canonical(value))
    except (TypeError, ValueError):
        return LONGEST_RESULT + 1
