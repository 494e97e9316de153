"""Materializing by hand: rebuilds partitions of a table, each as a batch of its own, and reports each result.

The run fails if an object of any partition could not be read, so that the person who started it knows. By
then all partitions have been tried, and the rows of all readable objects are in the table.
"""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest_project.defs.asset_checks import log_checks
from ingest_project.defs.jobs import BATCH_TAG, failure
from ingest_project.defs.materialization import log_gone, log_new_columns, partition_metadata
from ingest_project.defs.quarantine_assets import log_rejected
from ingest_project.defs.record_table import Cell, record_table
from ingest_project.errors import IngestError
from ingest_project.services import Services
from ingest_project.settings.model import TableSettings

if TYPE_CHECKING:
    from ingest_project.ingestion.process import BatchResult, PartitionResult

SHOWN_FAILURES = 100
FAILURE_COLUMNS = ("partition", "error_class", "reason")


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """The outcome of one partition: a batch's result, or the error that stopped it.

    Neither: another run settled it.
    """

    partition_key: str | None
    result: "BatchResult | None" = None
    error: IngestError | None = None

    @property
    def is_complete(self) -> bool:
        return self.error is None and (self.result is None or not self.result.failures)

    @property
    def partition(self) -> "PartitionResult | None":
        return None if self.result is None else self.result.partitions[0]

    @property
    def has_changed(self) -> bool:
        """Whether rows were added or removed, or the rebuild was complete without any."""
        if self.result is None or self.partition is None:
            return self.error is None
        return self.is_complete or self.partition.objects > 0 or self.result.rows_replaced > 0


def rebuild_partitions(context: dg.AssetExecutionContext, services: Services, table: TableSettings) -> None:
    """Rebuilds each partition of the run, or the whole table if it is not partitioned.

    Raises dg.Failure, after all partitions were tried, if a partition could not be rebuilt or an object could
    not be read. Partitions that changed have their materializations nevertheless.
    """
    keys = [None] if table.partition is None else list(context.partition_keys)
    rebuilt: list[Rebuilt] = []
    try:
        for key in keys:
            rebuilt.append(_rebuild(context, services, table, key))  # noqa: PERF401 - kept if one raises
    except BaseException:  # an unexpected exception, or somebody ends the run: report what was done
        _log_materializations(context, table, rebuilt)
        raise
    _acknowledge(context, services, table)
    if len(keys) == 1 and (result := rebuilt[0].result) is not None:
        context.instance.add_run_tags(context.run.run_id, {BATCH_TAG: result.batch_id})
    if all(one.is_complete for one in rebuilt):
        for one in rebuilt:
            context.add_asset_metadata(_metadata(one), partition_key=one.partition_key)
        return
    _log_materializations(context, table, rebuilt)
    _log_checks(context, services, table, rebuilt)
    raise _failure(table, rebuilt)


def _rebuild(
    context: dg.AssetExecutionContext, services: Services, table: TableSettings, key: str | None
) -> Rebuilt:
    queue = services.queue(table.queue)
    try:
        result = services.rebuild.run(table, key, queue=queue, run_id=context.run.run_id)
    except IngestError as error:
        context.log.warning(f"partition {key}: {error}" if key is not None else str(error))
        return Rebuilt(key, error=error)
    if result is not None:
        for failed in result.failures:
            context.log.warning(f"{failed.error_class}: {failed.reason}")
        log_gone(context.op_execution_context, result)
        log_new_columns(context.op_execution_context, result)
        log_rejected(context.op_execution_context, services, table, result)
    return Rebuilt(key, result)


def log_rebuilt(
    context: dg.OpExecutionContext, services: Services, table: TableSettings, result: "BatchResult"
) -> None:
    """Log what a rebuild that a job asked for has changed, as materializations of its partition."""
    for failed in result.failures:
        context.log.warning(f"{failed.error_class}: {failed.reason}")
    log_gone(context, result)
    log_new_columns(context, result)
    log_rejected(context, services, table, result)
    for partition in result.partitions:
        context.log_event(
            dg.AssetMaterialization(
                asset_key=table.asset_key,
                partition=partition.partition_key,
                metadata=partition_metadata(result, partition),
            )
        )
    log_checks(context, services, table, result)


def _acknowledge(context: dg.AssetExecutionContext, services: Services, table: TableSettings) -> None:
    """The batches are settled: if SQS does not answer, the sensor deletes the messages later."""
    try:
        services.acknowledge(table.queue)
    except IngestError as error:
        context.log.warning(f"{error}; {table.queue}_sensor deletes the messages of what is settled")


def _metadata(one: Rebuilt) -> dict[str, Any]:
    if one.result is None or one.partition is None:
        return {}
    return partition_metadata(one.result, one.partition)


def _log_materializations(
    context: dg.AssetExecutionContext, table: TableSettings, rebuilt: Sequence[Rebuilt]
) -> None:
    """A run that fails has no output. So each change is logged as an event, which Dagster stores at once."""
    for one in rebuilt:
        if one.has_changed:
            context.log_event(
                dg.AssetMaterialization(
                    asset_key=table.asset_key, partition=one.partition_key, metadata=_metadata(one)
                )
            )


def _log_checks(
    context: dg.AssetExecutionContext, services: Services, table: TableSettings, rebuilt: Sequence[Rebuilt]
) -> None:
    """The checks' own step does not run after a failed step."""
    results = [one.result for one in rebuilt if one.result is not None]
    if results:
        log_checks(context.op_execution_context, services, table, results[-1], planned=True)


def _failure(table: TableSettings, rebuilt: Sequence[Rebuilt]) -> dg.Failure:
    troubled = [one for one in rebuilt if not one.is_complete]
    if len(rebuilt) == 1 and troubled[0].error is not None:
        return failure(troubled[0].error)
    records = list(_records(troubled))
    shown = {"failures": record_table(FAILURE_COLUMNS, records[:SHOWN_FAILURES])}
    return dg.Failure(
        description=f"{_said(table, rebuilt, troubled)} {_remedy(table, troubled)}",
        metadata={"error_class": str(records[0]["error_class"]), "failed": len(records), **shown},
        allow_retries=False,
    )


def _said(table: TableSettings, rebuilt: Sequence[Rebuilt], troubled: Sequence[Rebuilt]) -> str:
    first = next(_records(troubled))
    about = f"First: {first['reason']}" + ("" if str(first["reason"]).endswith(".") else ".")
    if len(rebuilt) > 1:
        return (
            f"{len(troubled):,} of {len(rebuilt):,} partitions of {table.name} were not rebuilt completely; "
            f"the others were. {about}"
        )
    (one,) = troubled
    failures = one.result.failures if one.result is not None else ()
    read = one.partition.objects if one.partition is not None else 0
    counts = Counter(failed.error_class for failed in failures)
    classes = ", ".join(f"{name} {count:,}" for name, count in counts.most_common())
    return (
        f"{len(failures):,} of {len(failures) + read:,} objects of {table.name} could not be read "
        f"({classes}); the rows that the table had of them stay. {about}"
    )


def _remedy(table: TableSettings, troubled: Sequence[Rebuilt]) -> str:
    key = troubled[0].partition_key
    if len(troubled) > 1:
        return "Fix the cause, then materialize the partitions in `failures` again."
    partition = "" if key is None else f" --partition {shlex.quote(key)}"
    select = f"dagster asset materialize --select {'/'.join(table.asset_key)}{partition}"
    return f"Fix the cause, then rebuild it again: `{select} -m ingest_project.definitions`."


def _records(troubled: Sequence[Rebuilt]) -> Iterator[dict[str, Cell]]:
    for one in troubled:
        if one.error is not None:
            yield _record(one, one.error.error_class, str(one.error))
        for failed in () if one.result is None else one.result.failures:
            yield _record(one, failed.error_class, failed.reason)


def _record(one: Rebuilt, error_class: str, reason: str) -> dict[str, Cell]:
    return {"partition": one.partition_key, "error_class": error_class, "reason": reason}
