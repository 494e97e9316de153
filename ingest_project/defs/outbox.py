"""Decides what an open batch needs: a run, patience, or another attempt."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import dagster as dg

from ingest_project.batches.model import Batch
from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, TABLE_TAG, BatchConfig

START_TIMEOUT = timedelta(seconds=90)
"""How long a run may take from its start to its lease: some seconds of importing. A run that never starts at all is
for Dagster's run monitoring to fail (`start_timeout_seconds` in dagster.yaml): launchers differ too much in that."""


class Need(Enum):
    """What an open batch needs now."""

    RUN = "run"
    PATIENCE = "patience"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a batch needs, why, and the run that has to be declared dead for it."""

    need: Need
    reason: str
    dead_run: dg.DagsterRun | None = None


def judge(batch: Batch, runs: Iterable[dg.RunRecord], now: datetime, lease: timedelta) -> Verdict:
    """What this batch needs, given all runs that Dagster knows of it and how long a run's lease lasts.

    Dagster alone cannot tell: its default launcher never notices that a run worker was killed together with the
    server that started it. The ledger's lease can.
    """
    known = list(runs)
    owner = next((one for one in known if one.dagster_run.run_id == batch.run_id), None)
    if batch.is_leased(now, lease) and not (owner and owner.dagster_run.is_finished):
        return Verdict(Need.PATIENCE, f"run {batch.run_id} works on it")
    current = [one for one in known if one.dagster_run.tags.get(ATTEMPT_TAG) == str(batch.attempt)]
    if not current:
        if now < batch.not_before:
            return Verdict(
                Need.PATIENCE, f"attempt {batch.attempt} waits until {batch.not_before:%H:%M:%S} UTC"
            )
        gone = owner.dagster_run if owner and not owner.dagster_run.is_finished else None
        return Verdict(Need.RUN, f"attempt {batch.attempt} starts", dead_run=gone)
    unfinished = [one for one in current if not one.dagster_run.is_finished]
    if not unfinished:
        run = current[0].dagster_run
        return Verdict(Need.ATTEMPT, f"run {run.run_id} ended as {run.status.value} and left the batch open")
    dead = next((one.dagster_run for one in unfinished if _is_dead(one, batch, now, lease)), None)
    if dead is not None:
        return Verdict(Need.ATTEMPT, f"run {dead.run_id} stopped without a word", dead_run=dead)
    return Verdict(
        Need.PATIENCE, f"run {unfinished[0].dagster_run.run_id} is {unfinished[0].dagster_run.status.value}"
    )


def run_request(batch: Batch, job_name: str) -> dg.RunRequest:
    """The request for the batch's current attempt; Dagster launches a run key once, however often it is asked."""
    return dg.RunRequest(
        run_key=batch.run_key,
        job_name=job_name,
        run_config=dg.RunConfig(ops={"ingest": BatchConfig(batch_id=batch.batch_id)}),
        tags={BATCH_TAG: batch.batch_id, ATTEMPT_TAG: str(batch.attempt), TABLE_TAG: batch.table},
    )


def _is_dead(record: dg.RunRecord, batch: Batch, now: datetime, lease: timedelta) -> bool:
    """A started run whose lease ran out, or that never took one in the time that a start takes."""
    if record.dagster_run.status not in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING):
        return False
    if batch.run_id == record.dagster_run.run_id and batch.heartbeat_at is not None:
        return not batch.is_leased(now, lease)
    started = datetime.fromtimestamp(record.start_time or now.timestamp(), UTC)
    return now - started > START_TIMEOUT
