"""A rebuild that is overtaken while it lists S3, or dies: nothing is lost, and the next one is up to date."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest_project.errors import ObjectMissing
from ingest_project.services import Services
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.factories import QUEUE, Zone, order_key, orders_table
from ingest_project_tests.faults import Killed, die
from ingest_project_tests.landing import BUCKET


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


class SlowListing(ObjectStore):
    """A listing that takes long enough for `meanwhile` to happen after its last page."""

    def __init__(self, services: Services, meanwhile: Callable[[], object]) -> None:
        super().__init__(services.aws)
        self._meanwhile = meanwhile

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectVersion]:
        yield from super().list(bucket, prefix)
        self._meanwhile()


def test_object_that_is_ingested_while_s3_is_listed_keeps_its_rows(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    def ingest_another() -> None:
        zone.put_orders("b", 2)
        zone.ingest_one()

    zone.rebuild(store=SlowListing(zone.services, ingest_another))

    zone.assert_exact(1, 2)


def test_key_that_is_overwritten_and_ingested_while_s3_is_listed_keeps_its_newer_rows(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()

    def ingest_newer() -> None:
        zone.put_orders("a", 2)
        zone.ingest_one()

    zone.rebuild(store=SlowListing(zone.services, ingest_newer))

    zone.assert_exact(2)
    assert zone.acknowledge().deleted == 2


def test_rebuild_after_one_that_died_shows_what_s3_holds_now(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.ingest_one()
    zone.silence()
    with pytest.raises(Killed):
        zone.rebuild(ledger=zone.hooked_ledger(before_settle=die))
    zone.delete(order_key("a"))
    zone.put_orders("c", 3)

    result = zone.rebuild(run_id="rebuild-2")

    assert result is not None
    assert result.partitions[0].rows == 2
    zone.assert_exact(2, 3)
    assert zone.ledger.open_batches(QUEUE) == []


def test_rebuild_that_died_before_its_commit_is_replaced_by_the_next(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    with pytest.raises(Killed):
        zone.rebuild(ledger=zone.hooked_ledger(before_confirm=die))

    zone.rebuild(run_id="rebuild-2")

    zone.assert_exact(1)
    assert zone.batch_states() == ["committed", "abandoned", "committed"]


@pytest.mark.parametrize("hook", ["before_confirm", "after_confirm", "before_settle"])
def test_rebuild_that_died_is_finished_by_a_run_of_the_queue(zone: Zone, hook: str) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.silence()
    zone.put_orders("b", 2)
    with pytest.raises(Killed):
        zone.rebuild(ledger=zone.hooked_ledger(**{hook: die}))

    zone.ingest_one()

    zone.assert_exact(1, 2)
    assert zone.ledger.open_batches(QUEUE) == []


def test_bucket_that_cannot_be_listed_changes_nothing(zone: Zone) -> None:
    zone.put_orders("a", 1)
    zone.ingest_one()
    zone.landing.write(tables=[orders_table(bucket="no-such-bucket")])

    with pytest.raises(ObjectMissing, match="no-such-bucket"):
        zone.restarted().rebuild()

    zone.assert_exact(1)
    assert zone.landing.s3.list_objects_v2(Bucket=BUCKET)["KeyCount"] == 1
