"""The job `ledger_reconcile`, and the schedule `<table>_reconcile` of each table with `reconcile`.

The result is in the output's metadata and, for a table with `reconcile`, its asset check `reconciled`. A run
does not fail because something is missing. It ends if the sensor takes nothing of what waits for a while: it
must not hold a place that the sensor's own runs need, and the next run continues.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from ingest_project.checks.tables.reconciled import judge_reconciled
from ingest_project.checks.tables.verdict import checks_of
from ingest_project.defs.asset_checks import evaluation
from ingest_project.defs.jobs import failure
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.duration import parse_duration
from ingest_project.settings.model import Settings, TableSettings
from ingest_project.settings.reconcile_settings import GRACE

if TYPE_CHECKING:
    from ingest_project.ingestion.reconcile.reconcile import Wanted
    from ingest_project.ingestion.reconcile.result import Progress

PATIENCE = timedelta(minutes=10)
LOGGED_EACH = timedelta(seconds=15)


# The launchpad shows only fields whose default is not null, so empty strings mean "any".
class ReconcileConfig(dg.Config):
    """Which objects of which table to compare, and whether to ingest what is missing."""

    table: str = Field(default="", description="The table's name in the settings; required.")
    since: str | None = Field(
        default="",
        description="Objects written since this time: ISO 8601, in UTC, like 2026-11-20T08:00, or a length "
        "of time before now, like 7d. Empty: at any time.",
    )
    until: str | None = Field(default="", description="Objects written before this time. Empty: at any time.")
    prefix: str | None = Field(
        default="", description="Objects whose key has this prefix, within that of the table. Empty: all."
    )
    inventory: str | None = Field(
        default="",
        description="The manifest of an S3 Inventory, s3://.../manifest.json, instead of a listing of S3.",
    )
    metadata_table: str | None = Field(
        default="", description="A table of S3 Metadata, NAMESPACE.TABLE, instead of a listing of S3."
    )
    grace: str | None = Field(
        default=GRACE, description="Younger objects are not judged: their events may be on their way."
    )
    enqueue: bool = Field(
        default=False,
        description="Whether to claim what is missing, so that the queue's sensor ingests it.",
    )


@dg.op(description="Compare what S3 holds with the ledger and the table; the answer is in the metadata.")
def reconcile(
    context: dg.OpExecutionContext, config: ReconcileConfig, services: dg.ResourceParam[Services]
) -> None:
    """Reconcile a table. Refuses an unknown table, and a scope that cannot be compared."""
    try:
        table = services.settings.table(config.table)
        wanted = _wanted(config, table)
    except KeyError:
        tables = ", ".join(one.name for one in services.settings.tables)
        _refuse(context, f"Say which table to reconcile: `table` is one of {tables}.")
        return
    except ValueError as error:
        _refuse(context, f"{error}; see the descriptions of `since`, `until`, `prefix` and `grace`.")
        return
    queue = services.settings.queue(table.queue)
    try:
        if config.inventory:
            wanted = replace(wanted, listing=services.inventory(config.inventory, table))
        elif config.metadata_table:
            wanted = replace(wanted, listing=services.metadata_listing(config.metadata_table, table))
        result = services.reconcile.run(table, queue, wanted, _Log(context).tell)
    except IngestError as error:
        raise failure(error) from None
    event = evaluation(table, judge_reconciled(table, result))
    if "reconciled" in checks_of(table):
        context.log_event(event)  # type: ignore[arg-type] # Dagster accepts it, unlike its annotation
    (context.log.info if event.passed else context.log.warning)(f"{table.name}: {event.description}")
    if wanted.enqueue and result.left:
        context.log.warning(f"{result.left:,} were not enqueued: {result.why_left}")
    context.add_output_metadata({"result": event.description or "", **event.metadata})


@dg.job(
    executor_def=dg.in_process_executor,
    description="Compare what S3 holds with the ledger and a table: missing, changed, gone, unknown.",
)
def ledger_reconcile() -> None:
    """`ingest reconcile` from the launchpad, and by the tables' schedules."""
    reconcile()


def reconcile_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for each table with `reconcile`."""
    return [reconcile_schedule(table) for table in settings.tables if table.reconcile is not None]


def reconcile_schedule(table: TableSettings) -> dg.ScheduleDefinition:
    """`<table>_reconcile`: reconciles the table's window."""
    asked = table.reconcile
    if asked is None:
        raise ValueError(f"{table.name} has no `reconcile`")

    @dg.schedule(
        name="_".join([*table.asset_key, "reconcile"]),
        job=ledger_reconcile,
        cron_schedule=asked.every,
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Compares what S3 holds for {table.name} with the ledger and the table.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        time = context.scheduled_execution_time.astimezone(UTC)
        window = asked.window_length
        config = {
            "table": table.name,
            "since": "" if window is None else (time - window).isoformat(),
            "grace": asked.grace,
            "enqueue": asked.enqueue,
            "metadata_table": asked.metadata_table or "",
        }
        return dg.RunRequest(
            run_key=time.isoformat(),
            run_config={"ops": {"reconcile": {"config": config}}},
            tags={"ingest/table": table.name},
        )

    return schedule


class _Log:
    """Logs the progress, at most every few seconds."""

    def __init__(self, context: dg.OpExecutionContext) -> None:
        self._context = context
        self._next = datetime.now(UTC) + LOGGED_EACH

    def tell(self, progress: "Progress") -> None:
        if (now := datetime.now(UTC)) < self._next:
            return
        self._next = now + LOGGED_EACH
        total = "" if progress.total is None else f" of {progress.total:,}"
        note = f"; {progress.note}" if progress.note else ""
        self._context.log.info(f"{progress.step}: {progress.done:,}{total}{note}")


def _wanted(config: ReconcileConfig, table: TableSettings) -> "Wanted":
    """Raises ValueError for texts that are no times or lengths, and for a scope that cannot be compared."""
    from ingest_project.ingestion.reconcile.reconcile import Wanted
    from ingest_project.ingestion.reconcile.scope import scope_of

    if config.inventory and config.metadata_table:
        raise ValueError("`inventory` and `metadata_table` exclude each other")
    scope = scope_of(
        table, prefix=config.prefix or None, since=_time(config.since), until=_time(config.until),
        grace=parse_duration(config.grace or GRACE),
    )  # fmt: skip
    return Wanted(scope, None, config.enqueue, PATIENCE)


def _time(written: str | None) -> datetime | None:
    if not written:
        return None
    try:
        return datetime.now(UTC) - parse_duration(written)
    except ValueError:
        time = datetime.fromisoformat(written)
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _refuse(context: dg.OpExecutionContext, reason: str) -> None:
    context.log.warning(reason)
    context.add_output_metadata({"refused": reason})
