"""The asset checks of a table: their definitions, to be executed from the web UI, and their verdicts as
Dagster's events.

Each ingest run makes those that its batch may change, and `check_sensor.py` makes all of them.
"""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import dagster as dg

from ingest_project.checks.tables.verdict import CheckName, Fact, Records, Verdict, checks_of
from ingest_project.defs.record_table import record_table
from ingest_project.services import Services
from ingest_project.settings.clocks import utc_now
from ingest_project.settings.model import Settings, TableSettings

if TYPE_CHECKING:
    # What define_asset_job gives; Dagster exports no name for it.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    from ingest_project.ingestion.process import BatchResult

CHECKS_JOB = "table_checks"
OF_A_BATCH: tuple[CheckName, ...] = ("failed_objects", "bad_rows", "schema_drift", "freshness")
"""The checks that any batch may change. The others ask SQS, or read the rows of many partitions."""

REPEATED_FOR_SECONDS = 7_200
"""An older verdict is not repeated: the sensor, which records each at least every hour, has stopped."""
RECONCILED_FOR_SECONDS = 8 * 86_400
"""The same for the verdict of a reconciliation, which a schedule makes, often once a day or a week."""

DESCRIPTIONS: dict[CheckName, str] = {
    "failed_objects": "No failed or parked object of the table waits for a retry.",
    "bad_rows": "The share of bad rows, in the last 24 hours and in the last batch, is within the limit.",
    "schema_drift": "The table's columns are those that `columns` declares; inferred ones did not change "
    "for 7 days.",
    "freshness": "The last commit is no older than `fresh_within`.",
    "row_count": "The last full partition has about as many rows as those before.",
    "dlq_empty": "The dead-letter queue of the table's queue holds no messages.",
    "reconciled": "The ledger and the table have what S3 holds, and nothing else.",
}


def table_checks(settings: Settings) -> list[dg.AssetChecksDefinition]:
    """The checks of each table that has any."""
    return [checks_definition(table) for table in settings.tables if checks_of(table)]


def checks_definition(table: TableSettings) -> dg.AssetChecksDefinition:
    """The checks of one table; each can be made alone."""
    specs = [
        dg.AssetCheckSpec(
            name, asset=dg.AssetKey(table.asset_key), description=DESCRIPTIONS[name], metadata=_limits(table)
        )
        for name in checks_of(table)
    ]

    @dg.multi_asset_check(
        name="_".join([*table.asset_key, "checks"]), specs=specs, can_subset=True, compute_kind="ledger"
    )
    def checks(
        context: dg.AssetCheckExecutionContext, services: dg.ResourceParam[Services]
    ) -> Iterator[dg.AssetCheckResult]:
        from ingest_project.checks.tables.evaluate import TableChecks

        selected = {key.name for key in context.selected_asset_check_keys}
        names = [name for name in checks_of(table) if name in selected]
        for verdict in TableChecks(services).verdicts(table, names):
            yield check_result(dg.AssetKey(table.asset_key), verdict)

    return checks


def check_result(asset_key: dg.AssetKey, verdict: Verdict) -> dg.AssetCheckResult:
    """The verdict as the result of a step of the check."""
    return dg.AssetCheckResult(
        asset_key=asset_key,
        check_name=verdict.check,
        passed=verdict.passed,
        severity=_severity(verdict),
        description=verdict.description,
        metadata=_metadata(verdict),
    )


def checks_job() -> "UnresolvedAssetJobDefinition":
    """The job `table_checks`: all checks of all tables, by hand."""
    return dg.define_asset_job(
        CHECKS_JOB,
        selection=dg.AssetSelection.all_asset_checks(),
        description="Makes the checks of all tables now. Sensors and ingest runs also make them.",
    )


def evaluation(table: TableSettings, verdict: Verdict) -> dg.AssetCheckEvaluation:
    """The verdict on a table as an event that does not need a step of the check."""
    return evaluation_of(dg.AssetKey(table.asset_key), verdict)


def evaluation_of(asset_key: dg.AssetKey, verdict: Verdict) -> dg.AssetCheckEvaluation:
    """The same for any asset."""
    return dg.AssetCheckEvaluation(
        asset_key=asset_key,
        check_name=verdict.check,
        passed=verdict.passed,
        severity=_severity(verdict),
        description=verdict.description,
        metadata=_metadata(verdict),
    )


def log_checks(
    context: dg.OpExecutionContext,
    services: Services,
    table: TableSettings,
    result: "BatchResult",
    *,
    planned: bool = False,
) -> None:
    """Makes the checks that a batch's end may change, as part of its run, and repeats the others. Never fails
    the run.

    `planned`: Dagster expects all checks of this run, and shows missing ones as failed.
    """
    try:
        events = list(_of_run(context.instance, services, table, result, planned=planned))
    except Exception as error:  # the batch is settled: a failure from here on does not affect its rows
        context.log.warning(f"the checks of {table.name} could not be made: {type(error).__name__}")
        return
    for event in events:
        if not event.passed:
            context.log.warning(f"check {event.check_name} of {table.name}: {event.description}")
        context.log_event(event)  # type: ignore[arg-type] # Dagster accepts it, unlike its annotation


def _of_run(
    instance: dg.DagsterInstance,
    services: Services,
    table: TableSettings,
    result: "BatchResult",
    *,
    planned: bool,
) -> Iterator[dg.AssetCheckEvaluation]:
    from ingest_project.checks.tables.evaluate import TableChecks
    from ingest_project.ledger.report import CommittedRows

    last = {name: _last(instance, table, name) for name in checks_of(table) if name not in OF_A_BATCH}
    names = [
        name
        for name in checks_of(table)
        if name in OF_A_BATCH or (planned and last[name] is None) or _is_outdated(last[name], result)
    ]
    batch = CommittedRows(result.batch_id, utc_now(), result.rows, result.rejected_rows)
    for verdict in TableChecks(services).verdicts(table, names, batch=batch):
        yield evaluation(table, verdict)
    yield from (one for name, one in last.items() if one is not None and name not in names)


def _is_outdated(last: dg.AssetCheckEvaluation | None, result: "BatchResult") -> bool:
    """Whether the batch may change the verdict of `row_count`, on its partition or on an empty table."""
    if last is None or last.check_name != "row_count":
        return False
    judged = last.metadata.get("partition")
    return judged is None or judged.value in {one.partition_key for one in result.partitions}


def _last(
    instance: dg.DagsterInstance, table: TableSettings, name: CheckName
) -> dg.AssetCheckEvaluation | None:
    """The check's last verdict again, and when it was made.

    The web UI shows a verdict as not evaluated if it is older than the asset's last materialization, and not
    of its run. Without the repetition a busy table would never show the verdicts of the sensor.
    """
    key = dg.AssetCheckKey(dg.AssetKey(table.asset_key), name)
    record = instance.get_latest_asset_check_evaluation_record(key)
    found = record.evaluation if record is not None else None
    if record is None or not isinstance(found, dg.AssetCheckEvaluation):  # it has only been planned
        return None
    made_at = found.metadata.get("made_at", dg.MetadataValue.timestamp(record.create_timestamp))
    longest = RECONCILED_FOR_SECONDS if name == "reconciled" else REPEATED_FOR_SECONDS
    if not isinstance(made_at.value, float) or time.time() - made_at.value > longest:
        return None
    return dg.AssetCheckEvaluation(
        asset_key=found.asset_key,
        check_name=found.check_name,
        passed=found.passed,
        severity=found.severity,
        description=found.description,
        metadata={**found.metadata, "made_at": made_at},
    )


def _limits(table: TableSettings) -> dict[str, str]:
    given = {
        "max_bad_row_share": table.checks.max_bad_row_share,
        "fresh_within": table.checks.fresh_within,
    }
    return {name: text for name, text in given.items() if text is not None}


def _severity(verdict: Verdict) -> dg.AssetCheckSeverity:
    return dg.AssetCheckSeverity.ERROR if verdict.severity == "error" else dg.AssetCheckSeverity.WARN


def _metadata(verdict: Verdict) -> dict[str, dg.MetadataValue]:
    return {name: _value(fact) for name, fact in verdict.facts.items()}


def _value(fact: Fact) -> dg.MetadataValue:
    match fact:
        case Records(columns, rows):
            return record_table(columns, rows)
        case str():
            return dg.MetadataValue.text(fact)
        case int():
            return dg.MetadataValue.int(fact)
        case float():
            return dg.MetadataValue.float(fact)
    return dg.MetadataValue.timestamp(fact)
