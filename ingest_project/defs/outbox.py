"""Decides what an open batch needs: a run, more time, or another attempt."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

import dagster as dg

from ingest_project.defs.jobs import ATTEMPT_TAG, BATCH_TAG, TABLE_TAG, BatchConfig
from ingest_project.ledger.clock_jumps import is_due
from ingest_project.ledger.model import Batch
from ingest_project.settings.clocks import CLOCK_SKEW

START_TIMEOUT = timedelta(seconds=180)
"""How long a run may take from its start to its lease: some seconds of imports, and minutes on an overloaded
machine. Meanwhile Dagster does not store anything that distinguishes a slow run from a dead one. Dagster's
run monitoring fails a run that never starts (`start_timeout_seconds` in dagster.yaml), because launchers
differ too much in that."""


class Need(Enum):
    """What an open batch needs now."""

    RUN = "run"
    PATIENCE = "patience"
    ATTEMPT = "attempt"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a batch needs, why, and the run that has to be reported as failed first."""

    need: Need
    reason: str
    dead_run: dg.DagsterRun | None = None


def judge(batch: Batch, runs: Iterable[dg.RunRecord], now: datetime, lease: timedelta) -> Decision:
    """What this batch needs, given all runs that Dagster has for it and how long a run's lease lasts.

    Dagster alone does not know: its default launcher never notices that a run worker was killed together with
    the server that started it. The ledger's lease shows it.
    """
    known = list(runs)
    owner = next((one for one in known if one.dagster_run.run_id == batch.run_id), None)
    if batch.is_leased(now, lease) and not (owner and owner.dagster_run.is_finished):
        return Decision(Need.PATIENCE, f"run {batch.run_id} works on it")
    current = [one for one in known if one.dagster_run.tags.get(ATTEMPT_TAG) == str(batch.attempt)]
    if not current:
        if not is_due(batch.not_before, now):
            return Decision(
                Need.PATIENCE, f"attempt {batch.attempt} waits until {batch.not_before:%H:%M:%S} UTC"
            )
        gone = owner.dagster_run if owner and not owner.dagster_run.is_finished else None
        return Decision(Need.RUN, f"attempt {batch.attempt} starts", dead_run=gone)
    unfinished = [one for one in current if not one.dagster_run.is_finished]
    if not unfinished:
        run = current[0].dagster_run
        return Decision(Need.ATTEMPT, f"run {run.run_id} ended as {run.status.value} and left the batch open")
    dead = next((one.dagster_run for one in unfinished if _is_dead(one, batch, now, lease)), None)
    if dead is not None:
        return Decision(Need.ATTEMPT, f"run {dead.run_id} stopped without recording why", dead_run=dead)
    return Decision(
        Need.PATIENCE, f"run {unfinished[0].dagster_run.run_id} is {unfinished[0].dagster_run.status.value}"
    )


def run_request(batch: Batch, job_name: str) -> dg.RunRequest:
    """The request for the batch's current attempt; Dagster launches each run key only once."""
    return dg.RunRequest(
        run_key=batch.run_key,
        job_name=job_name,
        run_config=dg.RunConfig(ops={"ingest": BatchConfig(batch_id=batch.batch_id)}),
        tags={BATCH_TAG: batch.batch_id, ATTEMPT_TAG: str(batch.attempt), TABLE_TAG: batch.table},
    )


def _is_dead(record: dg.RunRecord, batch: Batch, now: datetime, lease: timedelta) -> bool:
    """Whether a started run's lease has expired, or the run did not get one within `START_TIMEOUT`."""
    if record.dagster_run.status not in (dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING):
        return False
    if batch.run_id == record.dagster_run.run_id and batch.heartbeat_at is not None:
        return not batch.is_leased(now, lease)
    started = datetime.fromtimestamp(record.start_time or now.timestamp(), UTC)
    return now - started > START_TIMEOUT or started > now + CLOCK_SKEW
