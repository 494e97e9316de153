"""What S3 holds, what the ledger knows and what the table has: each difference is found, and nothing else."""

from datetime import timedelta
from pathlib import Path

import pytest

from ingest_project.errors import ObjectMissing
from ingest_project_tests.factories import DAY, NEXT_DAY, ORDERS, QUEUE, Zone, order_key, orders, orders_table
from ingest_project_tests.ingestion.reconcile.factories import (
    HookedLedger,
    age,
    forget,
    found,
    later,
    reconcile,
)
from ingest_project_tests.landing import BUCKET


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def versioned(zone: Zone) -> None:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def test_nothing_is_missing_of_what_was_ingested(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2, day=NEXT_DAY)
    zone.ingest()

    result = reconcile(zone)

    assert (result.is_even, result.is_done, result.listed, result.known) == (True, True, 2, {"committed": 2})
    assert result.found == {}


def test_dropped_event_and_dropped_event_of_a_newer_write_are_found_and_enqueued_once(zone: Zone) -> None:
    zone.put_orders("kept", 1)
    zone.put_orders("overwritten", 2)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("dropped", 3)
    zone.put_orders("overwritten", 4)

    result = reconcile(zone, enqueue=True)

    assert found(result) == {"missing": ["dropped"], "changed": ["overwritten"]}
    assert (result.enqueued, result.left, result.is_even, result.is_done) == (2, 0, False, True)
    zone.ingest_one()
    zone.assert_exact(1, 3, 4)
    again = reconcile(zone, enqueue=True)
    assert (again.is_even, again.enqueued, again.known) == (True, 0, {"committed": 3})


def test_without_enqueue_nothing_changes(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    result = reconcile(zone)

    assert (found(result), result.enqueued, result.left) == ({"missing": ["a"]}, 0, 1)
    assert not result.is_done
    assert zone.states() == {}


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_late_event_of_an_enqueued_write_brings_no_second_rows(zone: Zone, policy: str) -> None:
    zone = zone.declare(on_overwrite=policy)
    zone.silence()
    written_at = later()
    etag = zone.put(order_key("a"), orders(1))
    reconcile(zone, enqueue=True)
    zone.ingest_one()

    zone.announce(order_key("a"), etag, sequencer="0055AED6DCD90281E5", at=written_at)
    zone.ingest()

    zone.assert_exact(1)
    assert zone.acknowledge().deleted == 1


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_event_that_comes_between_the_listing_and_the_claim_is_not_doubled(zone: Zone, policy: str) -> None:
    zone = zone.declare(on_overwrite=policy)
    zone.silence()
    written_at = later()
    etag = zone.put(order_key("a"), orders(1))

    def event_comes() -> None:
        zone.announce(order_key("a"), etag, sequencer="0055AED6DCD90281E5", at=written_at)
        zone.ingest()

    result = reconcile(zone, enqueue=True, ledger=HookedLedger(zone, before_claim=event_comes))

    assert (found(result), result.enqueued) == ({"missing": ["a"]}, 0)
    zone.ingest()
    zone.assert_exact(1)


def test_object_within_the_grace_period_is_not_missing_yet(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    result = reconcile(zone, grace=timedelta(hours=1))

    assert (result.is_even, result.known) == (True, {"recent": 1})


def test_what_waits_or_failed_is_known_and_not_missing(zone: Zone) -> None:
    zone.put(order_key("bad"), b"{broken")
    zone.ingest()
    zone.put_orders("waits", 1)
    zone.drain()

    result = reconcile(zone)

    assert (result.is_even, result.known) == (True, {"failed": 1, "waiting": 1})


def test_object_that_is_gone_is_told_and_keeps_its_rows(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()
    zone.delete(key)

    result = reconcile(zone, enqueue=True)

    assert (found(result), result.is_even, result.enqueued) == ({"gone": ["a"]}, True, 0)
    zone.assert_exact(1, 2)


def test_rows_that_the_ledger_does_not_know_are_told(zone: Zone) -> None:
    zone.put_orders("a", 1)
    lost = zone.put_orders("b", 2)
    zone.ingest_one()
    zone.delete(lost)
    forget(zone, lost)

    result = reconcile(zone)

    assert (found(result), result.is_even, result.is_done) == ({"unknown": ["b"]}, False, False)


def test_objects_that_are_passed_over_or_name_no_partition_are_not_missing(zone: Zone) -> None:
    zone = zone.declare(exclude=["old-*"], suffix=".ndjson")
    zone.silence()
    for name in ("_hidden", "old-a"):
        zone.put_orders(name, 1)
    zone.put("orders/dt=2025-12-31/before-the-start.ndjson", orders(2))
    zone.put(f"orders/dt={DAY}/of-another-table.csv", b"")
    zone.put("orders/folder/", b"")

    result = reconcile(zone)

    assert (result.is_even, result.known) == (True, {"passed_over": 2, "unroutable": 1})


def test_folder_marker_is_not_missing(zone: Zone) -> None:
    zone.silence()
    zone.put(f"orders/dt={DAY}/", b"")

    assert reconcile(zone).known == {"passed_over": 1}


def test_keys_that_are_no_paths_are_compared_and_ingested(zone: Zone) -> None:
    zone = zone.declare(hidden_files="ingest")
    zone.silence()
    for number, name in enumerate(("x//a", "../b", "./c", "é ü+%2F")):
        zone.put_orders(name, number)

    result = reconcile(zone, enqueue=True)

    assert result.enqueued == 4
    zone.ingest()
    zone.assert_exact(0, 1, 2, 3)
    assert reconcile(zone).known == {"committed": 4}


def test_window_leaves_out_what_was_written_before_and_after(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)

    assert reconcile(zone, since=later(3600)).listed == 0
    assert reconcile(zone, until=later(-3600)).listed == 0
    assert found(reconcile(zone, since=later(-3600), until=later(3600))) == {"missing": ["a"]}


def test_window_leaves_out_what_is_gone_since_longer(zone: Zone) -> None:
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.delete(key)
    age(zone, timedelta(days=8))

    assert reconcile(zone, since=later(-7 * 86_400)).found == {}
    assert found(reconcile(zone)) == {"gone": ["a"]}


def test_prefix_leaves_out_all_other_keys(zone: Zone) -> None:
    gone = zone.put_orders("gone", 1, day=NEXT_DAY)
    zone.ingest_one()
    zone.delete(gone)
    zone.silence()
    zone.put_orders("a", 2)
    zone.put_orders("b", 3, day=NEXT_DAY)

    assert found(reconcile(zone, prefix=f"orders/dt={DAY}/")) == {"missing": ["a"]}
    assert found(reconcile(zone, prefix=f"orders/dt={NEXT_DAY}/")) == {"missing": ["b"], "gone": ["gone"]}


def test_bucket_that_cannot_be_listed_is_an_error(zone: Zone) -> None:
    zone.landing.write(tables=[orders_table(bucket="no-such-bucket")])

    with pytest.raises(ObjectMissing, match="no-such-bucket"):
        reconcile(zone.restarted())


def test_only_the_current_version_of_a_key_counts(zone: Zone) -> None:
    versioned(zone)
    zone.put_orders("kept", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a", 2)
    zone.put_orders("a", 3)
    zone.put_orders("kept", 4)

    result = reconcile(zone, enqueue=True)

    assert found(result) == {"missing": ["a"], "changed": ["kept"]}
    zone.ingest_one()
    zone.assert_exact(3, 4)
    assert reconcile(zone).is_even


def test_delete_marker_hides_a_key_and_its_rows_are_told_as_gone(zone: Zone) -> None:
    versioned(zone)
    zone.put_orders("ingested", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("never", 2)
    for name in ("ingested", "never"):
        zone.delete(order_key(name))

    result = reconcile(zone, enqueue=True)

    assert (found(result), result.enqueued) == ({"gone": ["ingested"]}, 0)


def test_appending_table_lacks_each_version_that_no_event_brought(zone: Zone) -> None:
    versioned(zone)
    zone = zone.declare(on_overwrite="append")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a", 2)
    zone.put_orders("a", 3)
    zone.delete(order_key("a"))

    result = reconcile(zone, enqueue=True)

    assert (found(result)["missing"], result.enqueued) == (["a", "a"], 2)
    zone.ingest()
    zone.assert_exact(1, 2, 3)
    assert reconcile(zone).is_even


def test_table_that_ignores_newer_writes_does_not_lack_them(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="ignore")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("a", 2)

    result = reconcile(zone)

    assert (result.is_even, result.known) == (True, {"settled": 1})


def test_multipart_upload_is_known_by_its_etag(zone: Zone) -> None:
    s3, key = zone.landing.s3, order_key("large")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    part = s3.upload_part(Bucket=BUCKET, Key=key, UploadId=upload, PartNumber=1, Body=orders(1))
    done = s3.complete_multipart_upload(
        Bucket=BUCKET, Key=key, UploadId=upload,
        MultipartUpload={"Parts": [{"ETag": part["ETag"], "PartNumber": 1}]},
    )  # fmt: skip
    assert done["ETag"].strip('"').endswith("-1")
    zone.silence()
    if not zone.queue.attributes().visible:  # the emulator does not announce all multipart uploads
        zone.announce(key, done["ETag"].strip('"'), sequencer="0055AED6DCD90281E5")
    zone.ingest_one()

    assert reconcile(zone).known == {"committed": 1}


def test_rebuilt_partition_lacks_nothing(zone: Zone) -> None:
    versioned(zone)
    zone.silence()
    zone.put_orders("a", 1)
    zone.rebuild()

    assert reconcile(zone).known == {"committed": 1}


def test_recovered_ledger_lacks_nothing(zone: Zone) -> None:
    zone.silence()
    etag = zone.put(order_key("a"), orders(1))
    zone.announce(order_key("a"), etag, sequencer="0055AED6DCD90281E5")
    zone.ingest_one()
    forget(zone, order_key("a"))
    assert found(reconcile(zone)) == {"missing": ["a"], "unknown": ["a"]}
    zone.services.recovery.run(zone.services.settings.table(ORDERS))

    result = reconcile(zone)

    assert (result.is_even, result.known) == (True, {"committed": 1})


def test_same_bytes_that_are_written_again_after_their_rows_were_taken_out_are_missing(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)
    zone.rebuild()
    zone.delete(order_key("a"))
    zone.rebuild(run_id="rebuild-2")
    age(zone, timedelta(minutes=1))
    zone.put_orders("a", 1)

    result = reconcile(zone, enqueue=True)

    assert (found(result), result.enqueued) == ({"missing": ["a"]}, 1)
    zone.ingest_one()
    zone.assert_exact(1)
    assert reconcile(zone).is_even


def test_object_written_while_s3_is_listed_is_left_to_its_event(zone: Zone) -> None:
    """Its event is claimed before the page with the older write is compared."""
    zone.silence()
    zone.put_orders("a", 1)

    def overwrite() -> None:
        zone.announce(order_key("a"), zone.put(order_key("a"), orders(2)), sequencer="0055AED6DCD90281E5")
        zone.drain()

    result = reconcile(zone, ledger=HookedLedger(zone, before_look=overwrite))

    assert (result.is_even, result.known) == (True, {"recent": 1})
    assert zone.ledger.open_batches(QUEUE)


def test_object_deleted_after_it_was_listed_fails_as_missing_and_the_others_are_ingested(zone: Zone) -> None:
    zone.silence()
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    ledger = HookedLedger(zone, before_claim=lambda: zone.delete(order_key("a")))

    assert reconcile(zone, ledger=ledger, enqueue=True).enqueued == 2
    zone.ingest()

    zone.assert_exact(2)
    assert zone.error_classes() == {order_key("a"): "missing"}


def test_nothing_is_enqueued_while_the_ledger_lacks_what_is_in_the_table(zone: Zone) -> None:
    """It would be ingested a second time."""
    zone.put_orders("a", 1)
    zone.ingest_one()
    forget(zone, order_key("a"))
    zone.silence()
    zone.put_orders("b", 2)

    result = reconcile(zone, enqueue=True)

    assert found(result) == {"missing": ["a", "b"], "unknown": ["a"]}
    assert (result.enqueued, result.left) == (0, 2)
    assert "recover" in result.why_left
    zone.services.recovery.run(zone.services.settings.table(ORDERS))
    assert reconcile(zone, enqueue=True).enqueued == 1
    zone.ingest_one()
    zone.assert_exact(1, 2)
