"""A lost ledger is recovered from the tables, and ingest goes on with nothing twice and nothing lost."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.errors import BatchSuperseded
from ingest_project.ingestion.recover_ledger.recover import TableRecovered
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.recover import Recovered
from ingest_project.ledger.tables import batches, object_versions
from ingest_project_tests.factories import DAY, ORDERS, QUEUE, Zone, order_key, orders
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse
from ingest_project_tests.landing import BUCKET
from ingest_project_tests.sources.factories import direct, s3_record


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


class Events:
    """Announces writes as S3 does, and can send all its events again."""

    def __init__(self, zone: Zone) -> None:
        zone.silence()
        self.zone = zone
        self.sent: list[str] = []
        self._sequence = 0x0055AED6DCD9028100

    def put(self, name: str, *order_ids: int, announce: bool = True, versioned: bool = False) -> str:
        """Write orders; returns the event's body."""
        self._sequence += 1
        answer = self.zone.landing.s3.put_object(Bucket=BUCKET, Key=order_key(name), Body=orders(*order_ids))
        told = {
            "eTag": answer["ETag"].strip('"'),
            "sequencer": f"{self._sequence:018X}",
            "versionId": answer["VersionId"] if versioned else ...,
        }
        time = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        body = direct(s3_record(order_key(name), object_fields=told, eventTime=time))
        if announce:
            self.announce(body)
        return body

    def announce(self, body: str) -> None:
        self.sent.append(body)
        self.zone.send(body)

    def everything_again(self, zone: Zone) -> None:
        """In reverse order."""
        for body in reversed(self.sent):
            zone.send(body)


def lose_ledger(zone: Zone) -> Zone:
    """Delete the ledger's file; returns a process that starts without it."""
    zone.ledger.close()
    zone.services.lake.close()
    for path in zone.landing.folder.glob("ledger.db*"):
        path.unlink()
    return zone.restarted()


def recover(zone: Zone, *, dry_run: bool = False) -> TableRecovered:
    return zone.services.recovery.run(zone.services.settings.table(ORDERS), dry_run=dry_run)


def settle_all(zone: Zone) -> None:
    while zone.queue.attributes().visible:
        zone.ingest()
        zone.acknowledge()
    zone.ingest()


def version_the_bucket(zone: Zone) -> None:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


@pytest.mark.parametrize("versioned", [False, True])
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("replace", [1, 3, 20, 30, 40, 100]),
        ("append", [1, 2, 3, 10, 20, 30, 40, 100]),
        ("ignore", [1, 2, 10, 30, 100]),
    ],
)
def test_ingest_goes_on_after_a_lost_ledger_with_nothing_twice_and_nothing_lost(
    zone: Zone, policy: str, expected: list[int], versioned: bool
) -> None:
    if versioned:
        version_the_bucket(zone)
    zone = zone.declare(on_overwrite=policy)
    events = Events(zone)
    events.put("a", 1, 2, versioned=versioned)
    events.put("b", 10, versioned=versioned)
    events.put("c", 30, versioned=versioned)
    settle_all(zone)
    events.put("a", 1, 3, versioned=versioned) if policy != "append" else events.put(
        "a", 3, versioned=versioned
    )
    settle_all(zone)
    in_flight = events.put("b", 20, announce=False, versioned=versioned)
    before = zone.order_ids()

    zone = lose_ledger(zone)
    result = recover(zone)
    assert result.is_sound
    zone.assert_exact(*before)
    events.zone = zone
    events.announce(in_flight)
    events.everything_again(zone)
    events.put("d", 100, versioned=versioned)
    if policy != "ignore":
        events.put("e", 40, versioned=versioned)
    settle_all(zone)

    zone.assert_exact(*expected)
    assert order_ids_by_clickhouse(zone.lake_table()) == expected
    assert zone.ledger.open_batches(QUEUE) == []
    assert zone.queue.attributes().visible == zone.queue.attributes().in_flight == 0


def test_a_store_without_sequencers_and_version_ids_is_known_by_etags(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()
    zone.redeliver()

    zone = lose_ledger(zone)
    result = recover(zone)
    settle_all(zone)

    assert (result.objects, result.rows, result.recovered) == (2, 2, Recovered(new=2))
    zone.assert_exact(1, 2)
    assert len(zone.batch_states()) == 1


def test_what_a_rebuild_ingested_is_recognised_by_its_own_event(zone: Zone) -> None:
    """The rebuild knows the write by its eTag, the event by its sequencer."""
    zone = zone.declare(on_overwrite="append")
    events = Events(zone)
    body = events.put("a", 1, announce=False)
    zone.rebuild()

    zone = lose_ledger(zone)
    recover(zone)
    zone.send(body)
    settle_all(zone)

    zone.assert_exact(1)


def test_an_older_write_of_the_same_second_does_not_come_back(zone: Zone) -> None:
    """S3's LastModified is in whole seconds, but its list of versions is in order."""
    version_the_bucket(zone)
    events = Events(zone)
    old = events.put("a", 1, versioned=True)
    settle_all(zone)
    events.put("a", 2, versioned=True)
    settle_all(zone)

    zone = lose_ledger(zone)
    result = recover(zone)
    zone.send(old)
    settle_all(zone)

    assert result.recovered == Recovered(new=1, older=1)
    zone.assert_exact(2)


def test_recovered_partitions_can_be_rebuilt(zone: Zone) -> None:
    events = Events(zone)
    events.put("a", 1, 2)
    events.put("b", 3)
    settle_all(zone)
    zone = lose_ledger(zone)
    recover(zone)
    zone.delete(order_key("b"))

    result = zone.rebuild()

    assert result is not None
    assert [one.partition_key for one in result.partitions] == [DAY]
    zone.assert_exact(1, 2)


def test_batches_come_back_with_their_snapshots(zone: Zone) -> None:
    Events(zone).put("a", 1, 2)
    result = zone.ingest_one()
    zone.acknowledge()

    zone = lose_ledger(zone)
    recover(zone)

    (row,) = zone.select(sa.select(batches))
    assert (row.batch_id, row.state, row.objects, row.rows, row.snapshot_id) == (
        result.batch_id, "committed", 1, 2, result.snapshot_id,
    )  # fmt: skip
    report = zone.ledger.table_report(ORDERS)
    assert (report.rows, report.last_snapshot_id) == (2, result.snapshot_id)


def test_doing_it_again_and_on_a_ledger_that_was_never_lost_changes_nothing(zone: Zone) -> None:
    events = Events(zone)
    events.put("a", 1)
    settle_all(zone)
    events.put("a", 2)
    settle_all(zone)
    kept = zone.select(sa.select(object_versions))

    assert recover(zone).recovered == Recovered(known=1)
    assert zone.select(sa.select(object_versions)) == kept
    zone = lose_ledger(zone)
    assert recover(zone).recovered == Recovered(new=1)
    assert recover(zone).recovered == Recovered(known=1)


def test_a_dry_run_says_the_same_and_writes_nothing(zone: Zone) -> None:
    Events(zone).put("a", 1)
    settle_all(zone)
    zone = lose_ledger(zone)

    predicted = recover(zone, dry_run=True)

    assert zone.states() == {}
    assert predicted == recover(zone)


def test_a_batch_that_would_repeat_what_is_in_the_table_is_refused(zone: Zone) -> None:
    """A message came again to the empty ledger, before it was recovered."""
    events = Events(zone)
    events.put("a", 1)
    events.put("b", 2)
    settle_all(zone)
    zone = lose_ledger(zone)
    events.everything_again(zone)
    batch_id = zone.plan_one()
    work = zone.ledger.start(batch_id, run_id="run-1")
    assert work is not None

    assert recover(zone).recovered == Recovered(taken=2)

    with pytest.raises(BatchSuperseded):
        zone.ledger.confirm(
            batch_id, run_id="run-1", object_ids={member.object_id for member in work.objects}
        )
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1, 2)
    assert zone.acknowledge().deleted == 2


def test_an_open_batch_that_was_confirmed_keeps_its_objects(zone: Zone) -> None:
    Events(zone).put("a", 1)
    batch_id = zone.plan_one()

    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))

    assert recover(zone).recovered == Recovered(left=1)
    zone.process(batch_id, run_id="run-2")
    zone.assert_exact(1)


def test_what_was_ingested_twice_on_an_empty_ledger_is_told(zone: Zone) -> None:
    events = Events(zone)
    events.put("a", 1)
    settle_all(zone)
    zone = lose_ledger(zone)
    events.everything_again(zone)
    settle_all(zone)

    result = recover(zone)

    assert not result.is_sound
    assert (result.several_writes, result.examples) == (1, (f"s3://{BUCKET}/{order_key('a')}",))
    zone.rebuild()  # the remedy
    assert zone.order_ids() == [1]


def test_objects_that_only_s3_has_are_left_to_their_events(zone: Zone) -> None:
    events = Events(zone)
    events.put("a", 1)
    settle_all(zone)
    body = events.put("b", 2, announce=False)
    zone = lose_ledger(zone)

    assert recover(zone).recovered == Recovered(new=1)
    zone.send(body)
    settle_all(zone)

    zone.assert_exact(1, 2)


def test_a_table_by_event_time_keeps_its_partitions(zone: Zone) -> None:
    zone = zone.declare(partition={"every": "day", "start": "2026-01-01", "from": "event_time"})
    Events(zone).put("a", 1)
    settle_all(zone)
    partitions = sa.select(object_versions.c.partition_key)
    before = zone.select(partitions)

    zone = lose_ledger(zone)
    recover(zone)

    assert zone.select(partitions) == before


def test_a_key_that_names_no_partition_any_more_is_known_all_the_same(zone: Zone) -> None:
    events = Events(zone)
    events.put("a", 1)
    settle_all(zone)
    later = f"{datetime.now(UTC) + timedelta(days=400):%Y-%m-%d}"
    zone = lose_ledger(zone).declare(
        partition={"every": "day", "start": later, "pattern": "dt=(?P<partition>[0-9-]{10})"}
    )

    result = recover(zone)

    assert (result.recovered, result.without_partition) == (Recovered(new=1), 1)
    assert zone.states()[order_key("a")] is ObjectState.COMMITTED


def test_no_table_is_nothing_to_recover(zone: Zone) -> None:
    assert recover(zone) == TableRecovered(ORDERS, None)


def test_ignored_write_that_an_empty_ledger_has_planned_is_not_ingested(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="ignore")
    zone.put_orders("a", 1)
    zone.ingest()
    zone.acknowledge()
    zone = lose_ledger(zone)
    zone.put_orders("a", 7)
    batch_id = zone.plan_one()  # the sensor was quicker

    recover(zone)
    zone.process(batch_id)
    zone.drain(max_messages_per_tick=1)

    assert zone.order_ids() == [1]
    assert zone.ledger.open_batches(QUEUE) == []


def test_rows_in_quarantine_are_known_again(zone: Zone) -> None:
    etag_a = zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    etag_b = zone.put(order_key("b"), b'{"order_id": "x"}\n')
    zone.ingest_one()
    before = zone.rejected()

    zone = lose_ledger(zone)
    recovered = recover(zone)

    assert (recovered.objects, recovered.rows) == (2, 1)
    assert len(before) == 2
    assert zone.rejected() == before
    zone.announce(order_key("a"), etag_a)
    zone.announce(order_key("b"), etag_b)
    assert zone.ingest() == []
    zone.assert_exact(1)


def test_rows_in_quarantine_of_a_batch_that_was_never_committed_come_again_with_its_event(zone: Zone) -> None:
    zone.put_orders("z", 9)
    zone.ingest_one()
    etag = zone.put(order_key("a"), b'{"order_id": 1}\nbroken\n')
    batch_id = zone.plan_one()
    calls: list[int] = []

    def die_at_the_second_call() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Killed

    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die_at_the_second_call))

    zone = lose_ledger(zone)
    recovered = recover(zone)

    assert (recovered.objects, recovered.leftover_rows) == (1, 1)
    zone.announce(order_key("a"), etag)
    zone.ingest_one()
    zone.assert_exact(1, 9)
    assert list(zone.rejected()) == [order_key("a")]
