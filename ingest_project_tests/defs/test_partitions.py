"""The asset's partitions, with Dagster's own definitions as the judge."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import pytest

from ingest_project.defs.partitions import partitions_definition
from ingest_project.settings.model import TableSettings

NOW = datetime(2026, 11, 20, 13, 30, tzinfo=UTC)


def table(partition: dict[str, Any] | None) -> TableSettings:
    return TableSettings.model_validate(
        {
            "name": "sales.orders",
            "queue": "landing",
            "bucket": "acme-landing",
            "format": "csv",
            "partition": partition,
        }
    )


@pytest.mark.parametrize(
    ("every", "newest"),
    [("hour", "2026-11-20-13:00"), ("day", "2026-11-20"), ("week", "2026-11-15"), ("month", "2026-11-01")],
)
def test_the_window_that_is_still_open_is_a_partition(every: str, newest: str) -> None:
    definition = partitions_definition(table({"every": every, "start": "2026-01-01", "from": "event_time"}))

    assert definition is not None
    assert definition.get_partition_keys(current_time=NOW)[-1] == newest


def test_values_are_static_partitions() -> None:
    definition = partitions_definition(table({"values": ["eu", "us"], "pattern": "(?P<partition>eu|us)"}))

    assert isinstance(definition, dg.StaticPartitionsDefinition)
    assert definition.get_partition_keys() == ["eu", "us"]


def test_dynamic_partitions_are_named_for_the_table() -> None:
    definition = partitions_definition(table({"dynamic": True, "pattern": "customer=(?P<partition>[a-z]+)"}))

    assert isinstance(definition, dg.DynamicPartitionsDefinition)
    assert definition.name == "sales.orders"


def test_table_without_partition_has_an_unpartitioned_asset() -> None:
    assert partitions_definition(table(None)) is None
