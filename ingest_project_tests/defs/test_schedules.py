"""Which partitions a rebuild schedule asks for."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs.assets import table_asset
from ingest_project.defs.schedules import rebuild_schedule
from ingest_project.settings.model import TableSettings

NOW = datetime(2026, 11, 20, 3, 15, tzinfo=UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as temporary:  # a tick needs one that other processes could open
        yield temporary


def requested(instance: dg.DagsterInstance, partition: dict[str, Any] | None) -> list[str | None]:
    """The partition keys of the runs that a tick at 03:15 asks for."""
    table = TableSettings.model_validate(
        {
            "name": "sales.orders", "queue": "landing", "bucket": "acme-landing", "format": "csv",
            "partition": partition, "rebuild_schedule": "15 3 * * *",
        }
    )  # fmt: skip
    schedule = rebuild_schedule(table)
    definitions = dg.Definitions(
        assets=[table_asset(table)], schedules=[schedule], resources={"services": "never asked"}
    )
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=NOW, repository_def=definitions.get_repository_def()
    ) as context:
        tick = schedule.evaluate_tick(context)
    return [request.partition_key for request in tick.run_requests or ()]


@pytest.mark.parametrize(
    ("every", "last_over"),
    [("hour", "2026-11-20-02:00"), ("day", "2026-11-19"), ("week", "2026-11-08"), ("month", "2026-10-01")],
)
def test_of_a_table_by_time_the_last_partition_that_is_over(
    instance: dg.DagsterInstance, every: str, last_over: str
) -> None:
    assert requested(instance, {"every": every, "start": "2026-01-01", "from": "event_time"}) == [last_over]


def test_of_a_table_by_values_all_partitions(instance: dg.DagsterInstance) -> None:
    assert requested(instance, {"values": ["eu", "us"], "pattern": "(?P<partition>eu|us)"}) == ["eu", "us"]


def test_of_a_dynamic_table_all_partitions_that_are_known(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("sales.orders", ["c1", "c2"])

    assert requested(instance, {"dynamic": True, "pattern": "c=(?P<partition>[a-z0-9]+)"}) == ["c1", "c2"]


def test_of_an_unpartitioned_table_the_whole(instance: dg.DagsterInstance) -> None:
    assert requested(instance, None) == [None]
