"""The Dagster partitions of a table's asset; `sources/partition_key.py` gives objects the same keys."""

import dagster as dg

from ingest_project.settings.model import TableSettings
from ingest_project.settings.partition_settings import PartitionSettings

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
    # end_offset=1: the current window is a partition already, because its objects arrive now.
    windows = TIME_WINDOWS[partition.every or "day"]
    return windows(start_date=partition.start_time, end_offset=1)  # type: ignore[call-arg] # the base's are others
