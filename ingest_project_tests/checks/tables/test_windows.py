"""Which stretches of time are over; their keys are those that Dagster gives its partitions."""

from datetime import datetime
from itertools import islice

import pytest

from ingest_project.checks.tables.windows import windows_before
from ingest_project.defs.partitions import TIME_WINDOWS
from ingest_project.settings.partition_windows import PartitionEvery

NOW = datetime(2026, 11, 20, 12, 30)  # noqa: DTZ001 - a naive UTC time, as Dagster's keys are


@pytest.mark.parametrize("every", ["hour", "day", "week", "month"])
def test_windows_are_the_partitions_of_dagster_that_are_over(every: PartitionEvery) -> None:
    start = datetime(2026, 9, 2)  # noqa: DTZ001
    definition = TIME_WINDOWS[every](start_date=start)  # type: ignore[call-arg]

    found = [one.key for one in windows_before(every, NOW, late_files=False, first=start)]

    assert list(reversed(found)) == definition.get_partition_keys(current_time=NOW)


@pytest.mark.parametrize(
    ("every", "now", "newest"),
    [
        ("hour", "2026-11-20T12:59", "2026-11-20-10:00"),
        ("hour", "2026-11-20T13:00", "2026-11-20-11:00"),
        ("day", "2026-11-20T23:59", "2026-11-18"),
        ("day", "2026-11-21T00:00", "2026-11-19"),
        ("week", "2026-11-15T23:00", "2026-11-01"),
        ("week", "2026-11-16T00:00", "2026-11-08"),
        ("month", "2026-11-01T12:00", "2026-09-01"),
        ("month", "2026-11-02T00:00", "2026-10-01"),
    ],
)
def test_late_files_have_as_long_as_the_window_lasted_and_a_day_at_most(
    every: PartitionEvery, now: str, newest: str
) -> None:
    windows = windows_before(every, datetime.fromisoformat(now), late_files=True)

    assert next(windows).key == newest


def test_windows_go_back_without_end_where_no_first_one_is_known() -> None:
    assert [one.key for one in islice(windows_before("day", NOW, late_files=False), 3)] == [
        "2026-11-19", "2026-11-18", "2026-11-17",
    ]  # fmt: skip
