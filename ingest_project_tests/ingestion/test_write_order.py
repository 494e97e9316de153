"""What a message claims about a write's order and time never removes the rows of a real write."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest_project_tests.factories import Zone, order_key, orders
from ingest_project_tests.landing import BUCKET

KEY = order_key("a")
NO_SUCH_ETAG = "d41d8cd98f00b204e9800998ecf8427e"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    """A landing zone whose events the test sends itself."""
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    made = Zone.create(tmp_path, aws)
    made.silence()
    return made


@pytest.fixture
def versioned(zone: Zone) -> Zone:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return zone


def put_version(zone: Zone, *order_ids: int) -> tuple[str, str]:
    """Write the key; returns the eTag and the version id."""
    written = zone.landing.s3.put_object(Bucket=BUCKET, Key=KEY, Body=orders(*order_ids))
    return written["ETag"].strip('"'), written["VersionId"]


def work_off(zone: Zone) -> None:
    """Tick and run until there is no more work that is due."""
    for _ in range(4):
        if not zone.ingest():
            break
    zone.acknowledge()


@pytest.mark.parametrize("sequencer", ["FFFFFFFFFFFFFFFFFF", "1"])
@pytest.mark.parametrize("minutes", [10, 0, -10])
def test_a_write_that_never_was_costs_a_real_one_nothing(zone: Zone, sequencer: str, minutes: int) -> None:
    etag = zone.put(KEY, orders(1, 2))
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    zone.announce(KEY, NO_SUCH_ETAG, sequencer=sequencer, at=at)
    zone.announce(KEY, etag, sequencer="0055AED6DCD90281E5")

    work_off(zone)

    zone.assert_exact(1, 2)
    assert zone.message_states()["deleted"] == 2


def test_a_false_claim_about_a_real_write_does_not_shut_out_the_next_one(zone: Zone) -> None:
    zone.announce(KEY, zone.put(KEY, orders(1)), sequencer="FFFFFFFFFFFFFFFFFF")
    work_off(zone)
    zone.assert_exact(1)

    zone.announce(KEY, zone.put(KEY, orders(2)), sequencer="0055AED6DCD90281E5")
    work_off(zone)

    zone.assert_exact(2)


def test_a_false_claim_about_an_old_version_does_not_bring_it_back(versioned: Zone) -> None:
    old, new = put_version(versioned, 1), put_version(versioned, 2)
    versioned.announce(KEY, old[0], version_id=old[1], sequencer="FFFFFFFFFFFFFFFFFF")
    versioned.announce(KEY, new[0], version_id=new[1], sequencer="0055AED6DCD90281E5")

    work_off(versioned)

    versioned.assert_exact(2)
    assert versioned.message_states()["deleted"] == 2


def test_an_older_version_that_comes_late_is_not_ingested(versioned: Zone) -> None:
    old, new = put_version(versioned, 1), put_version(versioned, 2)
    versioned.announce(KEY, new[0], version_id=new[1], sequencer="02")
    work_off(versioned)

    versioned.announce(KEY, old[0], version_id=old[1], sequencer="01")
    work_off(versioned)

    versioned.assert_exact(2)
    assert versioned.snapshots() == 1
    assert versioned.message_states()["deleted"] == 2


def test_many_writes_of_a_key_that_wait_together_are_settled_by_one_batch(zone: Zone) -> None:
    for number in range(1, 8):
        zone.announce(KEY, zone.put(KEY, orders(number)), sequencer=f"{number:04X}")

    zone.ingest_one()

    zone.assert_exact(7)
    assert zone.acknowledge().deleted == 7


def test_an_event_that_tells_another_etag_of_a_version_is_contradicted(versioned: Zone) -> None:
    etag, version_id = put_version(versioned, 1)
    versioned.announce(KEY, NO_SUCH_ETAG, version_id=version_id, sequencer="01")
    versioned.ingest()
    assert versioned.error_classes() == {KEY: "contradicted"}

    versioned.announce(KEY, etag, version_id=version_id, sequencer="01")
    work_off(versioned)

    versioned.assert_exact(1)


def test_an_event_that_is_older_than_its_version_is_contradicted(versioned: Zone) -> None:
    etag, version_id = put_version(versioned, 1)
    versioned.announce(KEY, etag, version_id=version_id, sequencer="01", at=datetime(2020, 1, 1, tzinfo=UTC))

    versioned.ingest()

    assert versioned.error_classes() == {KEY: "contradicted"}


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"sequencer": "zzzz"}, "not hexadecimal"),
        ({"sequencer": "01", "at": datetime.now(UTC) + timedelta(days=2)}, "SQS took the message at"),
    ],
)
def test_an_order_that_cannot_be_is_a_reason(zone: Zone, told: dict[str, object], reason: str) -> None:
    etag = zone.put(KEY, orders(1))
    zone.announce(KEY, etag, **told)  # type: ignore[arg-type]
    zone.announce(KEY, etag, sequencer="0055AED6DCD90281E5")

    work_off(zone)

    (rejected,) = zone.ledger.rejected_messages(["landing"])
    assert reason in rejected.reason
    zone.assert_exact(1)
