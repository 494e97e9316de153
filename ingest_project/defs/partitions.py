"""The Dagster partitions of a table's asset. Their keys are those that `events/partition_key.py` gives objects."""

import dagster as dg

from ingest_project.settings.model import PartitionSettings, TableSettings

TIME_WINDOWS: dict[str, type[dg.TimeWindowPartitionsDefinition]] = {
    "hour": dg.HourlyPartitionsDefinition,
    "day": dg.DailyPartitionsDefinition,
    "week": dg.WeeklyPartitionsDefinition,
    "month": dg.MonthlyPartitionsDefinition,
}


def partitions_definition(table: TableSettings) -> dg.PartitionsDefinition | None:
    """The asset's partitions, in UTC; None for a table without any."""
    if table.partition is None:
        return None
    if table.partition.values is not None:
        return dg.StaticPartitionsDefinition(table.partition.values)
    if table.partition.dynamic:
        return dg.DynamicPartitionsDefinition(name=table.name)
    return _time_windows(table.partition)


def _time_windows(partition: PartitionSettings) -> dg.TimeWindowPartitionsDefinition:
    # end_offset=1: the window that is not over yet is a partition already, since its objects arrive now.
    # The four classes take the same arguments, and their common base, which the annotation names, takes others.
    return TIME_WINDOWS[partition.every or "day"](start_date=partition.start_time, end_offset=1)  # type: ignore[call-arg]
