"""Schedules that rebuild tables from S3, for tables with a `rebuild_schedule`."""

from collections.abc import Iterator

import dagster as dg

from ingest_project.defs.partitions import partitions_definition
from ingest_project.settings.model import Settings, TableSettings


def rebuild_schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """One schedule for each table with a `rebuild_schedule`."""
    return [rebuild_schedule(table) for table in settings.tables if table.rebuild_schedule]


def rebuild_schedule(table: TableSettings) -> dg.ScheduleDefinition:
    """`<table>_rebuild`: rebuilds the last complete time partition, or all partitions of other kinds."""
    definition = partitions_definition(table)
    name = "_".join([*table.asset_key, "rebuild"])
    job = dg.define_asset_job(f"{name}_job", selection=dg.AssetSelection.assets(dg.AssetKey(table.asset_key)))

    @dg.schedule(
        name=name,
        job=job,
        cron_schedule=table.rebuild_schedule or "",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Rebuilds {table.name} from what S3 holds.",
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest]:
        if definition is None:
            yield dg.RunRequest()
            return
        keys = definition.get_partition_keys(
            current_time=context.scheduled_execution_time, dynamic_partitions_store=context.instance
        )
        # The newest time window is still open; the one before is the last complete one.
        for key in keys[-2:-1] if isinstance(definition, dg.TimeWindowPartitionsDefinition) else keys:
            yield dg.RunRequest(
                run_key=f"{context.scheduled_execution_time.isoformat()} {key}", partition_key=key
            )

    return schedule
