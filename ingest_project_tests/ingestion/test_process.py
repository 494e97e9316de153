"""A batch from its objects to its rows: what is committed, what is recorded, and what is left for later."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest_project.errors import BatchNotFound, TableMismatch
from ingest_project.ledger.model import ObjectState
from ingest_project.reading.formats.json import lines as lines_module
from ingest_project.reading.formats.json.ndjson import read_ndjson
from ingest_project.reading.parsed import Parsed
from ingest_project_tests.factories import DAY, NEXT_DAY, ORDERS, Zone, order_key, orders
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse
from ingest_project_tests.landing import BUCKET

COMMITTED, FAILED = ObjectState.COMMITTED, ObjectState.FAILED


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


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
    zone = zone.declare(schema_evolution="fail")
    gone = zone.put_orders("gone", 1)
    zone.delete(gone)
    archived = order_key("archived")
    zone.landing.s3.put_object(Bucket=BUCKET, Key=archived, Body=orders(2), StorageClass="GLACIER")
    zone.put(order_key("broken"), b"no\nJSON\n")
    zone.put(order_key("strange"), b'{"order_id": 4, "coupon": "X"}\n')
    good = zone.put_orders("good", 5, 6)

    result = zone.ingest_one()

    zone.assert_exact(5, 6)
    assert zone.error_classes() == {
        gone: "missing",
        archived: "archived",
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


def test_what_follows_a_failure_is_what_its_table_says(zone: Zone) -> None:
    zone = zone.declare(
        on_error={"missing": "acknowledge", "archived": "park", "unreadable": "retry", "too_large": "park"},
        batch={"max_object_bytes": 100},
    )
    gone = zone.put_orders("gone", 1)
    zone.delete(gone)
    archived = order_key("archived")
    zone.landing.s3.put_object(Bucket=BUCKET, Key=archived, Body=orders(2), StorageClass="GLACIER")
    zone.put(order_key("broken"), b"not JSON")
    large = zone.put_orders("large", *range(100))
    zone.put(order_key("strange"), b'{"order_id": 4, "_BATCH_ID": 1}\n')
    zone.put_orders("good", 3)

    zone.ingest_one()

    zone.assert_exact(3)
    assert zone.error_classes() == {
        gone: "missing", archived: "archived", order_key("broken"): "unreadable", large: "too_large",
        order_key("strange"): "schema",
    }  # fmt: skip
    assert zone.states() == {
        gone: ObjectState.SKIPPED,
        archived: ObjectState.QUARANTINED,
        large: ObjectState.QUARANTINED,
        order_key("broken"): ObjectState.PENDING,
        order_key("strange"): FAILED,
        order_key("good"): COMMITTED,
    }
    assert zone.acknowledge().deleted == 4


@pytest.mark.parametrize("action", ["park", "release"])
def test_new_write_of_the_key_clears_the_failure_by_itself(zone: Zone, action: str) -> None:
    zone = zone.declare(on_error={"unreadable": action})
    zone.put(order_key("a"), b"not JSON")
    zone.ingest_one()

    zone.put_orders("a", 1)
    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.states() == {order_key("a"): COMMITTED}
    assert zone.acknowledge().deleted == 2


@pytest.mark.parametrize("action", ["park", "acknowledge", "release"])
def test_with_ignore_a_write_that_was_not_ingested_does_not_count_as_the_first(
    zone: Zone, action: str
) -> None:
    zone = zone.declare(on_error={"unreadable": action}, on_overwrite="ignore")
    zone.put(order_key("a"), b"not JSON")
    zone.ingest_one()

    zone.put_orders("a", 1)
    zone.ingest_one()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 2


def test_object_that_breaks_its_reader_fails_alone_and_quotes_nothing(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(bodies: Sequence[bytes], *arguments: Any, **named: Any) -> Parsed:
        if any(b"13" in body for body in bodies):
            raise ZeroDivisionError("order 13 of AKIASECRET")
        return read_ndjson(bodies, *arguments, **named)

    monkeypatch.setattr(lines_module, "read_ndjson", read)
    zone.put_orders("a", 1)
    bad = zone.put_orders("b", 13)

    result = zone.ingest_one()

    zone.assert_exact(1)
    assert zone.error_classes() == {bad: "unknown"}
    assert "ZeroDivisionError at reading/" in result.failures[0].reason
    assert "SECRET" not in result.failures[0].reason


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
    zone = zone.declare(format=file_format)
    key = order_key("empty")
    zone.put(key, body)

    result = zone.ingest_one()

    assert result.snapshot_id is None
    assert [(one.objects, one.rows) for one in result.partitions] == [(1, 0)]
    assert zone.states() == {key: COMMITTED}
    assert zone.batch_states() == ["committed"]
    assert zone.acknowledge().deleted == 1


def test_table_without_declared_columns_takes_them_from_its_first_rows(zone: Zone) -> None:
    zone = zone.declare(columns=None)
    zone.put(order_key("a"), b'{"order_id": 1, "coupon": "X", "amount": 1.5}\n')

    result = zone.ingest_one()

    assert result.columns == {"order_id": "long", "coupon": "string", "amount": "double"}
    assert zone.lake_table().columns == result.columns
    zone.assert_exact(1)


def test_table_without_declared_columns_waits_for_its_first_rows(zone: Zone) -> None:
    zone = zone.declare(columns=None)
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
    assert first.lag_seconds is not None
    assert 0 <= first.lag_seconds < 60
    assert first.sample is not None
    assert first.sample["order_id"].to_list() == [3]
    assert second.sample is not None
    assert second.sample["order_id"].to_list() == [4, 5]


def test_fault_of_the_table_leaves_the_batch_open_with_its_reason(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone = zone.declare(columns={"order_id": "string"})
    zone.put_orders("b", 2)
    batch_id = zone.plan_one()

    with pytest.raises(TableMismatch, match="order_id"):
        zone.process(batch_id)

    batch = zone.ledger.batch(batch_id)
    assert "order_id" in (batch.error or "")
    assert batch.heartbeat_at is None
    assert zone.acknowledge().deleted == 1
    zone = zone.declare()
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1, 2)


def test_settled_batch_is_left_alone(zone: Zone) -> None:
    zone.put_orders("a", 1)
    batch_id = zone.plan_one()
    zone.process(batch_id)

    assert zone.process(batch_id, run_id="run-2") is None

    assert zone.snapshots() == 1


def test_unknown_batch_is_refused(zone: Zone) -> None:
    with pytest.raises(BatchNotFound, match="no-such-batch"):
        zone.process("no-such-batch")
