"""A batch from its objects to its rows: what is committed, what is recorded, and what is left for later."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project import pipeline
from ingest_project.batches.model import ObjectState
from ingest_project.batches.tables import object_versions
from ingest_project.errors import BatchNotFound, TableMismatch
from ingest_project.events.object_version import ObjectVersion
from ingest_project.objects.fetched import FetchResult
from ingest_project.objects.store import ObjectStore
from ingest_project.services import Services
from ingest_project_tests.factories import (
    DAY,
    NEXT_DAY,
    ORDERS,
    Zone,
    go_on,
    order_key,
    orders,
    orders_table,
)
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse, stored_files
from ingest_project_tests.landing import BUCKET

COMMITTED, FAILED, PENDING = ObjectState.COMMITTED, ObjectState.FAILED, ObjectState.PENDING


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def declare(zone: Zone, **changes: object) -> Zone:
    """The same zone after its table was declared otherwise."""
    zone.landing.write(tables=[orders_table(**changes)])
    return zone.restarted()


def test_batch_becomes_one_snapshot_and_its_objects_are_settled(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)

    result = zone.ingest_one()

    zone.assert_exact(1, 2, 3)
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 2, 3]
    assert zone.snapshots() == 1
    assert result.snapshot_id == zone.lake_table().snapshot_id
    assert (result.rows, result.failures) == (3, ())
    assert zone.batch_states() == ["committed"]
    assert zone.acknowledge().deleted == 2


def test_rows_say_where_they_come_from_and_when_they_were_ingested(zone: Zone) -> None:
    before = datetime.now(UTC)
    etag = zone.put(order_key("a"), orders(1))

    result = zone.ingest_one()

    (row,) = zone.rows().to_dicts()
    assert before <= row.pop("_ingested_at") <= datetime.now(UTC)
    assert row == {
        "order_id": 1,
        "_source_uri": f"s3://{BUCKET}/{order_key('a')}",
        "_source_version": etag,
        "_batch_id": result.batch_id,
    }


def test_failing_objects_are_recorded_with_their_class_and_the_rest_commits(zone: Zone) -> None:
    zone = declare(zone, schema_evolution="fail")
    gone = zone.put_orders("gone", 1)
    zone.delete(gone)
    archived = order_key("archived")
    zone.landing.s3.put_object(Bucket=BUCKET, Key=archived, Body=orders(2), StorageClass="GLACIER")
    zone.put(order_key("broken"), b'{"order_id": 3}\n{"order_id": \n')
    zone.put(order_key("strange"), b'{"order_id": 4, "coupon": "X"}\n')
    good = zone.put_orders("good", 5, 6)

    result = zone.ingest_one()

    zone.assert_exact(5, 6)
    assert zone.error_classes() == {
        gone: "missing",
        archived: "forbidden",
        order_key("broken"): "unreadable",
        order_key("strange"): "schema",
    }
    assert {failure.error_class for failure in result.failures} == set(zone.error_classes().values())
    assert zone.states()[good] is COMMITTED
    assert zone.batch_states() == ["committed"]
    assert zone.acknowledge().deleted == 1


def test_failed_object_is_in_no_batch_again_until_a_new_message_names_it(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.delete(key)
    zone.ingest_one()

    assert zone.ingest() == []
    zone.put_orders("a", 1)
    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


def test_batch_whose_objects_all_fail_commits_nothing(zone: Zone) -> None:
    zone.put(order_key("a"), b"not JSON")
    zone.put(order_key("b"), b"nor this")

    result = zone.ingest_one()

    assert result.snapshot_id is None
    assert result.partitions == ()
    assert zone.snapshots() == 0
    assert zone.batch_states() == ["failed"]
    assert set(zone.states().values()) == {FAILED}
    assert zone.acknowledge().deleted == 0


@pytest.mark.parametrize(
    ("file_format", "body"),
    [("ndjson", b""), ("ndjson", b"\n\n"), ("csv", b"order_id\n"), ("csv", b"")],
    ids=["zero bytes", "blank lines", "header only", "csv of zero bytes"],
)
def test_object_without_rows_settles_with_none(zone: Zone, file_format: str, body: bytes) -> None:
    zone = declare(zone, format=file_format)
    key = order_key("empty")
    zone.put(key, body)

    result = zone.ingest_one()

    assert result.snapshot_id is None
    assert [(one.objects, one.rows) for one in result.partitions] == [(1, 0)]
    assert zone.states() == {key: COMMITTED}
    assert zone.batch_states() == ["committed"]
    assert zone.acknowledge().deleted == 1


def test_table_without_declared_columns_takes_them_from_its_first_rows(zone: Zone) -> None:
    zone = declare(zone, columns=None)
    zone.put(order_key("a"), b'{"order_id": 1, "coupon": "X", "amount": 1.5}\n')

    result = zone.ingest_one()

    assert result.columns == {"order_id": "long", "coupon": "string", "amount": "double"}
    assert zone.lake_table().columns == result.columns
    zone.assert_exact(1)


def test_table_without_declared_columns_waits_for_its_first_rows(zone: Zone) -> None:
    zone = declare(zone, columns=None)
    zone.put(order_key("empty"), b"")

    result = zone.ingest_one()

    assert (result.columns, result.snapshot_id) == ({}, None)
    assert zone.services.lake.find(ORDERS) is None
    assert zone.acknowledge().deleted == 1


def test_new_column_is_added_by_the_batch_that_brings_it(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put(order_key("b"), b'{"order_id": 2, "coupon": "X"}\n')

    zone.ingest_one()

    assert dict(zone.rows().select("order_id", "coupon").iter_rows()) == {1: None, 2: "X"}
    zone.assert_exact(1, 2)


def test_result_tells_each_partition_with_its_totals(zone: Zone) -> None:
    zone.put_orders("early", 1, 2)
    zone.ingest_one()
    zone.put_orders("late", 3)
    zone.put_orders("a", 4, 5, day=NEXT_DAY)
    size_bytes = len(orders(3))

    result = zone.ingest_one()

    first, second = result.partitions
    assert (first.partition_key, first.objects, first.rows, first.rows_in_partition) == (DAY, 1, 1, 3)
    assert (second.partition_key, second.objects, second.rows, second.rows_in_partition) == (
        NEXT_DAY,
        1,
        2,
        2,
    )
    assert (first.size_bytes, second.size_bytes) == (size_bytes, 2 * size_bytes)
    assert 0 <= first.lag_seconds < 60
    assert first.sample is not None
    assert first.sample["order_id"].to_list() == [3]
    assert second.sample is not None
    assert second.sample["order_id"].to_list() == [4, 5]


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


def test_overwritten_key_that_holds_no_rows_any_more_takes_the_old_ones_out(zone: Zone) -> None:
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3)
    zone.ingest_one()

    zone.put(order_key("a"), b"")
    result = zone.ingest_one()

    zone.assert_exact(3)
    assert (result.rows, result.partitions[0].rows_in_partition) == (0, 1)


def test_overwriting_with_an_unreadable_object_keeps_the_rows_there_are(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    zone.put(order_key("a"), b"broken")
    zone.ingest_one()

    zone.assert_exact(1)


def test_appending_table_keeps_the_rows_of_every_write(zone: Zone) -> None:
    zone = declare(zone, on_overwrite="append")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put_orders("a", 1, 2)
    zone.ingest_one()

    zone.assert_exact(1, 1, 2)


def test_ignoring_table_keeps_the_first_write(zone: Zone) -> None:
    zone = declare(zone, on_overwrite="ignore")
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
    assert (zone.states()[key], zone.error_classes()) == (PENDING, {key: "overwritten"})
    assert zone.acknowledge().deleted == 1
    zone.ingest_one()
    zone.assert_exact(2, 3)
    assert versions_of(zone, key) == ["superseded", "committed"]
    assert zone.acknowledge().deleted == 2


def test_object_larger_than_a_portion_is_one_by_itself_and_the_snapshot_is_still_one(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_BYTES", 2 * len(orders(1)))
    for name, order_ids in {"a": [1], "b": [2], "c": [3, 4, 5], "d": [6]}.items():
        zone.put_orders(name, *order_ids)

    result = zone.ingest_one()

    zone.assert_exact(1, 2, 3, 4, 5, 6)
    assert zone.snapshots() == 1
    assert len(stored_files(zone.lake_table())) == 3
    sources = dict(zone.rows().select("order_id", "_source_uri").iter_rows())
    assert {order_id: uri.rsplit("/")[-1] for order_id, uri in sources.items()} == {
        1: "a.ndjson", 2: "b.ndjson", 3: "c.ndjson", 4: "c.ndjson", 5: "c.ndjson", 6: "d.ndjson",
    }  # fmt: skip
    (partition,) = result.partitions
    assert partition.sample is not None
    assert partition.sample.height == 2


def test_failure_in_one_portion_leaves_the_others_alone(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_BYTES", 1)
    zone.put_orders("a", 1)
    zone.put(order_key("b"), b"broken")
    zone.put_orders("c", 3)

    zone.ingest_one()

    zone.assert_exact(1, 3)
    assert zone.error_classes() == {order_key("b"): "unreadable"}


def test_later_portion_of_a_table_with_inferred_columns_follows_the_first(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_BYTES", 1)
    zone = declare(zone, columns=None)
    zone.put(order_key("a"), b'{"order_id": 1}\n')
    zone.put(order_key("b"), b'{"order_id": "two"}\n')
    zone.put(order_key("c"), b'{"order_id": 3, "coupon": "X"}\n')

    zone.ingest_one()

    assert zone.lake_table().columns == {"order_id": "long", "coupon": "string"}
    zone.assert_exact(1, 3)
    assert list(zone.error_classes()) == [order_key("b")]


def test_fault_of_the_table_leaves_the_batch_open_with_its_reason(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone = declare(zone, columns={"order_id": "string"})
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()

    with pytest.raises(TableMismatch, match="order_id"):
        zone.process(batch_id)

    batch = zone.ledger.batch(batch_id)
    assert "order_id" in (batch.error or "")
    assert batch.heartbeat_at is None
    assert zone.acknowledge().deleted == 1
    zone = declare(zone)
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1, 2)


class InterruptedStore(ObjectStore):
    """A store whose second fetch begins with something that others do."""

    def __init__(self, services: Services, meanwhile: Callable[[], None]) -> None:
        super().__init__(services.aws)
        self._meanwhile = [meanwhile, go_on]

    def fetch(self, objects: Sequence[ObjectVersion]) -> FetchResult:
        self._meanwhile.pop()()
        return super().fetch(objects)


def test_attempt_that_stops_half_way_deletes_the_files_that_it_wrote(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "CHUNK_BYTES", 1)
    zone.put_orders("a", 1)
    zone.put(order_key("b"), b'{"order_id": 2, "coupon": 1.5}\n')
    batch_id = zone.plan_one()
    store = InterruptedStore(zone.services, lambda: zone.lake_table().evolve({"coupon": "boolean"}))

    with pytest.raises(TableMismatch, match="coupon"):
        zone.process(batch_id, store=store)

    assert stored_files(zone.lake_table()) == set()
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1)
    assert zone.error_classes() == {order_key("b"): "schema"}


def test_settled_batch_is_left_alone(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    zone.process(batch_id)

    assert zone.process(batch_id, run_id="run-2") is None

    assert zone.snapshots() == 1


def test_unknown_batch_is_refused(zone: Zone) -> None:
    with pytest.raises(BatchNotFound, match="no-such-batch"):
        zone.process("no-such-batch")


def versions_of(zone: Zone, key: str) -> list[str]:
    """The states of all writes of a key, in the order of their claims."""
    known = object_versions.c
    query = sa.select(known.state).where(known.key == key).order_by(known.claimed_at)
    return [state for (state,) in zone.select(query)]
