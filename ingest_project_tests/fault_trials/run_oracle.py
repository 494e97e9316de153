"""The judge of what Dagster says: run states, materializations, checks and alerts against what the ledger has
settled.

The ledger itself is judged by `oracle.py`; here it is the truth that Dagster has to tell.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass

from ingest_project_tests.fault_trials.told import Told, ToldRun

LIMIT = 0.01
"""The share of bad rows above which the check `bad_rows` fails, unless the settings say otherwise."""
ENDED = ("SUCCESS", "FAILURE", "CANCELED")
INGEST_JOB = "_ingest"
"""How the names of the jobs end that work batches of a queue."""
CHECKS_OF_A_RUN = frozenset({"bad_rows", "schema_drift"})


@dataclass(frozen=True, slots=True)
class SettledBatch:
    """A committed batch by the ledger: the run that settled it, and what it brought to which partitions."""

    batch_id: str
    run_id: str | None
    partitions: frozenset[str | None]
    rows: int = 0
    rejected_rows: int = 0
    failed_objects: int = 0

    @property
    def bad_row_share(self) -> float:
        return self.rejected_rows / (self.rows + self.rejected_rows) if self.rejected_rows else 0.0


def judge_told(told: Told, batches: Iterable[SettledBatch], checks: Set[str] = CHECKS_OF_A_RUN) -> list[str]:
    """What Dagster says that is not so, or does not say although it is.

    `checks` are those that each run of the table has to make.
    """
    settled = list(batches)
    return [
        *_states(told, settled),
        *_materializations(told, settled),
        *_checks(told, settled, checks),
        *_alerts(told),
    ]


def _states(told: Told, settled: list[SettledBatch]) -> Iterator[str]:
    """Who did the work succeeded, unless killed or cancelled; who did not succeed has a reason."""
    batches = {batch.run_id: batch for batch in settled}
    for run in told.runs:
        if run.status == "SUCCESS":
            yield from (
                f"{_name(run)} ended well, and its log has {line}"
                for line in run.errors
                if not run.was_failed
            )
        elif run.status not in ENDED and not (run.is_launched or run.run_id in batches):
            continue  # typed by a person, and killed before it had a batch: nobody can tell that it died
        elif run.status not in ENDED:
            yield f"{_name(run)} never ends"
        elif not run.reason.strip():
            yield f"{_name(run)} is {run.status} without a reason"
        batch = batches.get(run.run_id)
        # A rebuild that could not read everything settles what it could read, and fails.
        may_fail = batch is None or (batch.failed_objects and not run.job.endswith(INGEST_JOB))
        if run.status == "FAILURE" and run.failed_in_step and batch and not may_fail:
            yield f"{_name(run)} settled batch {batch.batch_id}, and is FAILURE: {run.reason[:500]}"


def _materializations(told: Told, settled: list[SettledBatch]) -> Iterator[str]:
    """Each partition to which a batch added rows has a materialization by one of the batch's runs, or for
    it.
    """
    batch_of_run = {run.run_id: run.batch_id for run in told.runs}
    logged = {(one.batch_id or batch_of_run.get(one.run_id), one.partition) for one in told.materialized}
    for batch in settled:
        missing = {partition for partition in batch.partitions if (batch.batch_id, partition) not in logged}
        if missing:
            yield (
                f"batch {batch.batch_id} of run {batch.run_id} has no materialization of "
                f"{sorted(map(str, missing))}"
            )


def _checks(told: Told, settled: list[SettledBatch], wanted: Set[str]) -> Iterator[str]:
    """A run that settled its batch and ended well has made the checks, and they say what its rows say."""
    batches = {batch.run_id: batch for batch in settled}
    has_bad_rows = any(batch.rejected_rows for batch in settled)
    for run in told.runs:
        batch = batches.get(run.run_id)
        if batch is None or run.status != "SUCCESS" or not run.job.endswith(INGEST_JOB):
            continue
        checks = dict(run.checks)
        if missing := wanted - checks.keys():
            yield f"{_name(run)} made no check {sorted(missing)}"
        passed = checks.get("bad_rows")
        # It also judges the last 24 hours: bad rows of another batch may fail it for a good one.
        if (passed and batch.bad_row_share > LIMIT) or (passed is False and not has_bad_rows):
            yield (
                f"{_name(run)}: check bad_rows is {passed}, with {batch.rejected_rows} bad rows and "
                f"{batch.rows} good ones"
            )


def runs_without_alert(told: Told) -> list[ToldRun]:
    """The runs that Dagster launched and that failed, for a time at least, without an alert."""
    alerts = set(told.alerted)
    return [run for run in told.runs if run.was_failed and run.is_launched and run.run_id not in alerts]


def _alerts(told: Told) -> Iterator[str]:
    """Exactly the failed runs are reported, of those that Dagster launched."""
    alerts = set(told.alerted)
    yield from (f"{_name(run)} failed, and no alert says so" for run in runs_without_alert(told))
    for run in told.runs:
        if not run.was_failed and run.run_id in alerts:
            yield f"an alert reports {_name(run)}, which did not fail"


def _name(run: ToldRun) -> str:
    return f"run {run.run_id} of {run.job} ({run.status})"
