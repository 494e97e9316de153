"""What Dagster shows of a trial's runs, read from its storage, and which runs the alerts named."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

BATCH_TAG, TABLE_TAG = "ingest/batch_id", "ingest/table"
MOST_EVENTS = 10_000
ERROR_LEVEL = 40


@dataclass(frozen=True, slots=True)
class ToldRun:
    """One run as Dagster has it.

    Without `is_launched` a person typed it, in a process that Dagster did not start and whose end it reports
    to nobody. `was_failed` holds as soon as it was ever declared so, `failed_in_step` if its own process said
    why. `reason` is what people read of a run that did not succeed, `errors` are the lines of its log at the
    level of an error.
    """

    run_id: str
    job: str
    status: str
    batch_id: str | None = None
    is_launched: bool = True
    was_failed: bool = False
    failed_in_step: bool = False
    reason: str = ""
    errors: tuple[str, ...] = ()
    checks: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class Materialized:
    """One materialization of the trial's table: by which run, or, without one, of which batch."""

    partition: str | None
    run_id: str
    batch_id: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """All that Dagster tells of one table, and the runs that the alerts named, as often as they did."""

    runs: tuple[ToldRun, ...] = ()
    materialized: tuple[Materialized, ...] = ()
    alerted: tuple[str, ...] = ()


def told_by(homes: list[Path], table: str) -> tuple[list[ToldRun], list[Materialized]]:
    """The runs and materializations of a table that the daemons with these DAGSTER_HOMEs know."""
    import dagster as dg

    runs: list[ToldRun] = []
    materialized: list[Materialized] = []
    for home in homes:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            runs += _runs(instance, table)
            materialized += _materialized(instance, table)
    return runs, materialized


def _runs(instance: "dg.DagsterInstance", table: str) -> Iterator[ToldRun]:
    asset = table.split(".")
    for run in instance.get_runs():
        selected = [key.path for key in run.asset_selection or ()]
        if run.tags.get(TABLE_TAG) == table or asset in selected:
            yield _run(instance, run)


def _run(instance: "dg.DagsterInstance", run: "dg.DagsterRun") -> ToldRun:
    log = instance.all_logs(run.run_id)
    events = [entry.dagster_event for entry in log if entry.dagster_event is not None]
    failures = [event for event in events if event.is_step_failure]
    ends = [
        event.message or ""
        for event in events
        if event.is_run_failure or event.event_type_value == "PIPELINE_CANCELED"
    ]
    evaluations = [
        event.asset_check_evaluation_data
        for event in events
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    words = [event.step_failure_data.error_display_string for event in failures]
    return ToldRun(
        run.run_id, run.job_name, run.status.value, run.tags.get(BATCH_TAG),
        is_launched=run.remote_job_origin is not None,
        was_failed=any(event.is_run_failure for event in events),
        failed_in_step=bool(failures),
        reason="; ".join([*words, *ends]),
        errors=tuple(
            f"{entry.level}: {entry.message[:300]}" for entry in log if int(entry.level) >= ERROR_LEVEL
        ),
        checks=tuple((one.check_name, one.passed) for one in evaluations),
    )  # fmt: skip


def _materialized(instance: "dg.DagsterInstance", table: str) -> Iterator[Materialized]:
    import dagster as dg

    found = instance.fetch_materializations(dg.AssetKey(table.split(".")), limit=MOST_EVENTS)
    for record in found.records:
        event = record.asset_materialization
        if event is not None:
            batch_id = event.metadata.get("batch_id")
            yield Materialized(
                event.partition, record.event_log_entry.run_id, str(batch_id.value) if batch_id else None
            )
