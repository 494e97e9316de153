"""What happens to an object in S3 after its rows are in the table: tagged, moved, deleted, or kept."""

import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ingest_project.errors import LedgerUnavailable, ObjectForbidden
from ingest_project.ingestion.after_processing import after_processing
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ActionState
from ingest_project.ledger.source_actions import ActionRecord, ActionResult
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.source_objects import GONE, WRITTEN_AGAIN, Acted, SourceObjects
from ingest_project_tests.factories import DAY, QUEUE, Zone, order_key, orders, orders_table
from ingest_project_tests.landing import BUCKET

ARCHIVE = "acme-archive"
ACTIONS: list[Any] = [
    "delete",
    {"tag": {"ingested": "true"}},
    {"move": f"s3://{ARCHIVE}/orders/"},
]


class Zones:
    """Makes zones whose table has an `after`, with the bucket versioned or not."""

    def __init__(self, folder: Path, endpoint: str, *, versioned: bool) -> None:
        self.folder, self.endpoint, self.versioned = folder, endpoint, versioned

    def make(self, after: Any, **changes: Any) -> Zone:
        zone = Zone.create(self.folder, self.endpoint, orders_table(after=after, **changes))
        zone.landing.s3.create_bucket(Bucket=ARCHIVE)
        if self.versioned:
            zone.landing.s3.put_bucket_versioning(
                Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
            )
        return zone


@pytest.fixture(params=[False, True], ids=["unversioned", "versioned"])
def zones(request: pytest.FixtureRequest, aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zones:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zones(tmp_path, aws, versioned=request.param)


class ForgetfulLedger(Ledger):
    """A ledger whose database goes away after the action was done."""

    def actions_ended(self, results: Iterable[ActionResult]) -> None:
        raise LedgerUnavailable("the database went away")


class RefusingObjects(SourceObjects):
    """S3 refuses to delete."""

    def delete(self, item: ObjectVersion) -> Acted:
        raise ObjectForbidden(item.uri, "S3 refused access to it (403 AccessDenied)")


def keys(zone: Zone, bucket: str = BUCKET) -> list[str]:
    return [one["Key"] for one in zone.landing.s3.list_objects_v2(Bucket=bucket).get("Contents", [])]


def tags(zone: Zone, key: str, **version: str) -> dict[str, str]:
    found = zone.landing.s3.get_object_tagging(Bucket=BUCKET, Key=key, **version)["TagSet"]  # type: ignore[arg-type]
    return {one["Key"]: one["Value"] for one in found}


def afterwards(zone: Zone, key: str) -> ActionRecord | None:
    """What the history says of the newest write of a key."""
    return zone.ledger.history(HistoryQuery(keys=(f"s3://{BUCKET}/{key}",)))[0].after


def state(zone: Zone, key: str) -> ActionState:
    found = afterwards(zone, key)
    assert found is not None
    return found.state


def test_ingested_object_is_deleted_after_its_message(zones: Zones) -> None:
    zone = zones.make("delete")
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    assert keys(zone) == [key]
    assert after_processing(zone.ledger, zone.services.source_objects, QUEUE) == 0

    assert zone.acknowledge().deleted == 1

    assert keys(zone) == []
    assert state(zone, key) is ActionState.DONE
    zone.assert_exact(1)


@pytest.mark.parametrize("zones", [True], ids=["versioned"], indirect=True)
def test_deleting_in_a_versioned_bucket_keeps_the_version_behind_a_delete_marker(zones: Zones) -> None:
    zone = zones.make("delete")
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.acknowledge()

    listed = zone.landing.s3.list_object_versions(Bucket=BUCKET)
    assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (1, 1)


def test_tags_are_added_to_those_that_the_object_has(zones: Zones) -> None:
    zone = zones.make({"tag": {"ingested": "true"}})
    key = zone.put_orders("a", 1)
    zone.landing.s3.put_object_tagging(
        Bucket=BUCKET, Key=key, Tagging={"TagSet": [{"Key": "team", "Value": "web"}]}
    )
    zone.ingest_one()
    zone.acknowledge()

    assert tags(zone, key) == {"team": "web", "ingested": "true"}
    assert afterwards(zone, key) == ActionRecord(
        "tag",
        '{"ingested": "true"}',
        ActionState.DONE,
        0,
        None,
        afterwards(zone, key).ended_at,  # type: ignore[union-attr]
    )


def test_object_with_too_many_tags_keeps_those_that_it_has(zones: Zones) -> None:
    zone = zones.make({"tag": {"ingested": "true"}})
    key = zone.put_orders("a", 1)
    full = [{"Key": f"k{n}", "Value": "v"} for n in range(10)]
    zone.landing.s3.put_object_tagging(Bucket=BUCKET, Key=key, Tagging={"TagSet": full})  # type: ignore[typeddict-item]
    zone.ingest_one()
    zone.acknowledge()

    assert "ingested" not in tags(zone, key)
    found = afterwards(zone, key)
    assert found is not None
    assert (found.state, found.reason) == (
        ActionState.SKIPPED,
        "it would have 11 tags, and S3 allows at most 10",
    )


def test_object_is_moved_below_the_prefix_with_its_metadata(zones: Zones) -> None:
    zone = zones.make({"move": f"s3://{ARCHIVE}/done/"})
    key = order_key("a")
    zone.landing.s3.put_object(
        Bucket=BUCKET, Key=key, Body=orders(1), Metadata={"owner": "shop"}, ContentType="x/y"
    )
    zone.ingest_one()
    zone.acknowledge()

    assert keys(zone) == []
    assert keys(zone, ARCHIVE) == [f"done/dt={DAY}/a.ndjson"]
    moved = zone.landing.s3.get_object(Bucket=ARCHIVE, Key=f"done/dt={DAY}/a.ndjson")
    assert (moved["Body"].read(), moved["Metadata"]["owner"], moved["ContentType"]) == (
        orders(1),
        "shop",
        "x/y",
    )
    found = afterwards(zone, key)
    assert found is not None
    assert (found.state, found.reason) == (ActionState.DONE, f"as s3://{ARCHIVE}/done/dt={DAY}/a.ndjson")


def test_second_write_of_a_key_does_not_overwrite_the_first_in_the_target(zones: Zones) -> None:
    zone = zones.make({"move": f"s3://{ARCHIVE}/"})
    for order_id in (1, 2):
        zone.put_orders("a", order_id)
        zone.ingest_one()
        zone.acknowledge()

    first, second = sorted(keys(zone, ARCHIVE))
    assert second.startswith(f"{first}.")
    bodies = [zone.landing.s3.get_object(Bucket=ARCHIVE, Key=one)["Body"].read() for one in (first, second)]
    assert bodies == [orders(1), orders(2)]


@pytest.mark.parametrize("after", ACTIONS, ids=["delete", "tag", "move"])
def test_crash_between_the_action_and_its_record_is_finished_by_the_next_tick(
    zones: Zones, after: Any
) -> None:
    zone = zones.make(after)
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.services.ledger.close()
    forgetful = ForgetfulLedger(zone.services.settings.ledger.url)
    zone.services.ledger = forgetful
    with pytest.raises(LedgerUnavailable):
        zone.acknowledge()
    assert len(keys(zone, ARCHIVE)) == (1 if "move" in after else 0)

    again = zone.restarted()
    again.acknowledge()

    assert state(again, key) is ActionState.DONE
    assert len(keys(zone, ARCHIVE)) == (1 if "move" in after else 0)
    assert keys(zone) == ([key] if "tag" in after else [])


@pytest.mark.parametrize("after", ["delete", {"move": f"s3://{ARCHIVE}/"}], ids=["delete", "move"])
def test_object_that_was_written_again_stays(zones: Zones, after: Any) -> None:
    zone = zones.make(after)
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.silence()
    zone.put(key, orders(2))
    zone.acknowledge()

    assert keys(zone) == [key]
    found = afterwards(zone, key)
    assert found is not None
    assert (found.state, found.reason) == (ActionState.SKIPPED, WRITTEN_AGAIN)
    assert keys(zone, ARCHIVE) == []


def test_tags_of_a_version_do_not_reach_the_next_write(zones: Zones) -> None:
    zone = zones.make({"tag": {"ingested": "true"}})
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.silence()
    zone.put(key, orders(2))
    zone.acknowledge()

    assert tags(zone, key) == {}
    assert state(zone, key) is ActionState.SKIPPED  # the emulator's events name no version


def test_nothing_is_done_while_another_write_of_the_key_waits(zones: Zones) -> None:
    zone = zones.make("delete")
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.put(key, orders(2))
    zone.drain()
    zone.acknowledge()
    assert keys(zone) == [key]

    zone.ingest()
    zone.acknowledge()

    assert keys(zone) == []
    zone.assert_exact(2)


@pytest.mark.parametrize("zones", [False], ids=["unversioned"], indirect=True)
def test_same_content_that_was_written_again_is_read_before_it_is_deleted(zones: Zones) -> None:
    zone = zones.make("delete")
    zone.silence()
    key = order_key("a")
    zone.announce(key, zone.put(key, orders(1)), sequencer="0051", version_id=None)
    zone.ingest_one()
    zone.announce(key, zone.put(key, orders(1)), sequencer="0052", version_id=None)
    zone.drain()
    zone.acknowledge()
    assert keys(zone) == [key]

    zone.ingest()
    zone.acknowledge()

    assert (keys(zone), zone.error_classes()) == ([], {})
    zone.assert_exact(1)


def test_object_with_bad_rows_stays_unless_asked(zones: Zones) -> None:
    zone = zones.make("delete")
    good, bad = zone.put_orders("good", 1), order_key("bad")
    zone.put(bad, b'{"order_id": 2}\n{"order_id": "x"}\n')
    zone.ingest()
    zone.acknowledge()

    assert keys(zone) == [bad]
    assert state(zone, good) is ActionState.DONE
    assert afterwards(zone, bad) is None


def test_object_with_bad_rows_is_deleted_if_asked(zones: Zones) -> None:
    zone = zones.make({"delete": True, "with_bad_rows": True})
    zone.put(order_key("bad"), b'{"order_id": 2}\n{"order_id": "x"}\n')
    zone.ingest()
    zone.acknowledge()

    assert keys(zone) == []


def test_object_that_failed_and_objects_of_a_table_that_keeps_stay(zones: Zones) -> None:
    zone = zones.make("delete")
    zone.put(order_key("broken"), b"broken")
    zone.ingest()
    kept = zone.declare(after="keep")
    kept.put_orders("a", 1)
    kept.ingest()
    kept.acknowledge()

    assert len(keys(zone)) == 2


def test_refusal_is_recorded_and_tried_again(zones: Zones) -> None:
    zone = zones.make("delete")
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.services.source_objects = RefusingObjects(zone.services.aws)
    zone.acknowledge()

    found = afterwards(zone, key)
    assert found is not None
    assert (found.state, found.attempts) == (ActionState.DUE, 1)
    assert "AccessDenied" in str(found.reason)
    assert zone.ledger.due_actions(QUEUE, limit=10) == []

    time.sleep(5.5)
    zone.restarted().acknowledge()
    assert keys(zone) == []


@pytest.mark.parametrize("after", ["delete", {"move": f"s3://{ARCHIVE}/"}], ids=["delete", "move"])
def test_rebuild_keeps_the_rows_of_objects_that_were_taken_away(zones: Zones, after: Any) -> None:
    zone = zones.make(after)
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.acknowledge()
    assert keys(zone) == []

    zone.rebuild()
    zone.assert_exact(1)
    kept = zone.declare(after="keep")  # the ledger knows what was taken away
    kept.rebuild(run_id="rebuild-2")
    kept.assert_exact(1)


def test_rebuild_of_a_table_that_keeps_objects_still_removes_rows_of_deleted_ones(zones: Zones) -> None:
    zone = zones.make({"tag": {"ingested": "true"}})
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.acknowledge()
    zone.delete(key)

    zone.rebuild()

    zone.assert_exact()


def test_rebuild_of_an_appending_table_keeps_writes_that_were_deleted(zones: Zones) -> None:
    zone = zones.make("delete", on_overwrite="append")
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.acknowledge()
    zone.put(key, orders(2))
    zone.ingest_one()

    zone.rebuild()

    zone.assert_exact(1, 2)


def test_rebuilt_object_without_a_message_is_deleted(zones: Zones) -> None:
    zone = zones.make("delete")
    zone.silence()
    zone.put_orders("a", 1)
    zone.rebuild()
    zone.acknowledge()

    assert keys(zone) == []
    zone.assert_exact(1)


def test_object_that_somebody_removed_counts_as_deleted_but_not_as_tagged(zones: Zones) -> None:
    zone = zones.make("delete")
    zone.put_orders("a", 1)
    zone.ingest_one()
    (_, item) = _known(zone)
    zone.delete(item.key)
    objects = zone.services.source_objects
    assert objects.delete(item) == Acted(done=True)
    assert objects.move(item, f"s3://{ARCHIVE}/x", "id") == Acted(done=False, reason=GONE)
    unversioned = replace(item, version_id=None)
    assert objects.tag(unversioned, {"a": "b"}) == Acted(done=False, reason=GONE)


def test_missing_target_is_a_failure_and_the_object_stays(zones: Zones) -> None:
    zone = zones.make({"move": "s3://no-such-bucket/"})
    key = zone.put_orders("a", 1)
    zone.ingest_one()
    zone.acknowledge()

    assert keys(zone) == [key]
    found = afterwards(zone, key)
    assert found is not None
    assert found.state is ActionState.DUE


def _known(zone: Zone) -> tuple[str, ObjectVersion]:
    """The one object of the ledger."""
    (record,) = zone.ledger.history(HistoryQuery())
    key = record.uri.removeprefix(f"s3://{BUCKET}/")
    assert record.put_at is not None
    return key, ObjectVersion(
        BUCKET, key, record.size_bytes, record.put_at, record.version_id, record.sequencer, record.etag
    )
