"""A key that is written again: what each policy does with the rows of the earlier write."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.tables import object_versions
from ingest_project_tests.factories import Zone, order_key
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def test_overwritten_key_replaces_the_rows_of_the_earlier_write_only(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    zone.ingest_one()

    zone.put_orders("a", 1, 7)
    result = zone.ingest_one()

    zone.assert_exact(1, 3, 7)
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 3, 7]
    assert zone.snapshots() == 2
    assert result.partitions[0].rows_in_partition == 3
    assert zone.acknowledge().deleted == 3


def test_overwritten_key_that_no_longer_has_rows_takes_the_old_ones_out(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    zone.ingest_one()

    zone.put(order_key("a"), b"")
    result = zone.ingest_one()

    zone.assert_exact(3)
    assert (result.rows, result.partitions[0].rows_in_partition) == (0, 1)


def test_overwriting_with_an_unreadable_object_keeps_the_earlier_rows(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    zone.put(order_key("a"), b"broken")
    zone.ingest_one()

    zone.assert_exact(1)


def test_appending_table_keeps_the_rows_of_every_write(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="append")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put_orders("a", 1, 2)
    zone.ingest_one()

    zone.assert_exact(1, 1, 2)


def test_ignoring_table_keeps_the_first_write(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="ignore")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put_orders("a", 2)

    assert zone.ingest() == []

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


def test_object_overwritten_before_it_was_read_gives_way_to_the_newer_event(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()
    zone.put_orders("a", 3)

    zone.process(batch_id)

    zone.assert_exact(2)
    assert (zone.states()[key], zone.error_classes()) == (ObjectState.PENDING, {key: "overwritten"})
    assert zone.acknowledge().deleted == 1
    zone.ingest_one()
    zone.assert_exact(2, 3)
    assert versions_of(zone, key) == ["superseded", "committed"]
    assert zone.acknowledge().deleted == 2


def versions_of(zone: Zone, key: str) -> list[str]:
    """The states of all writes of a key, in the order of their claims."""
    known = object_versions.c
    query = sa.select(known.state).where(known.key == key).order_by(known.claimed_at)
    return [state for (state,) in zone.select(query)]
