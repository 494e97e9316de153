"""The kind `rebuild`: each partition by itself, with its rows in the result."""

from dataclasses import replace
from typing import Any

import pytest

from ingest_project.errors import BatchSuperseded, CatalogUnavailable, JobFailed
from ingest_project.ingestion.jobs.kinds.collaborators import JobKinds
from ingest_project.ingestion.process import BatchResult
from ingest_project.ingestion.rebuild import Rebuild
from ingest_project.settings.model import TableSettings
from ingest_project.sources.sqs.queue import Queue
from ingest_project_tests.factories import DAY, NEXT_DAY, QUEUE, order_key, orders_table
from ingest_project_tests.ingestion.jobs.kinds.worlds import JobZone


def test_partitions_are_rebuilt_and_each_batch_is_told_when_it_is_done(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1, 2)
    zone.put_orders("b", 3, day=NEXT_DAY)

    outcome = world.run(world.job("rebuild", partitions=[DAY, NEXT_DAY, DAY]))

    zone.assert_exact(1, 2, 3)
    told = {
        key: (one["rows"], one["objects"], one["failed"]) for key, one in outcome.result["partitions"].items()
    }
    assert told == {DAY: (2, 1, 0), NEXT_DAY: (1, 1, 0)}
    assert (outcome.result["rows"], outcome.waits) == (3, False)
    assert [one.partitions[0].partition_key for one in world.results] == [DAY, NEXT_DAY]
    assert [(one["objects_done"], one["rows"]) for one in world.progress] == [(1, 2), (2, 3)]


def test_rebuild_that_is_run_again_after_a_crash_gives_the_same_rows(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1)
    job = world.job("rebuild", partitions=[DAY])
    world.run(job)

    assert world.run(job, run_id="second").result["rows"] == 1

    zone.assert_exact(1)


def test_table_without_partitions_is_rebuilt_as_a_whole(world: JobZone) -> None:
    world.declare(orders_table(partition=None))
    world.zone.silence()
    world.zone.put_orders("a", 1)

    assert world.run(world.job("rebuild")).result["partitions"][""]["rows"] == 1


def test_object_that_cannot_be_read_fails_the_job_with_its_reason_after_all_others(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put(order_key("bad"), b"{broken")
    zone.put_orders("good", 1)
    zone.put_orders("next", 2, day=NEXT_DAY)

    with pytest.raises(JobFailed, match=r"2 of 2 partitions.*1 objects could not be read.*unreadable.*bad"):
        world.run(world.job("rebuild", partitions=[DAY, NEXT_DAY]))

    zone.assert_exact(1, 2)
    assert len(world.results) == 2


class Stopped(Rebuild):
    """A rebuild whose first partition is stopped by this error."""

    error: Exception

    def run(
        self, table: TableSettings, partition_key: str | None, *, queue: Queue, run_id: str
    ) -> BatchResult | None:
        if partition_key == DAY:
            raise ERRORS[0]
        return super().run(table, partition_key, queue=queue, run_id=run_id)


ERRORS: list[Exception] = []


def stopped(world: JobZone, error: Exception) -> JobKinds:
    ERRORS[:] = [error]
    services = world.zone.services
    rebuild = Stopped(services.ledger, services.store, services.router, services.pipeline)
    return replace(world.kinds, rebuild=rebuild)


def test_partition_that_meets_an_outage_has_the_job_tried_again_after_the_others(world: JobZone) -> None:
    world.zone.silence()
    world.zone.put_orders("b", 3, day=NEXT_DAY)
    kinds = stopped(world, CatalogUnavailable("sales.orders", "the catalog failed"))

    with pytest.raises(CatalogUnavailable):
        world.run(world.job("rebuild", partitions=[DAY, NEXT_DAY]), kinds=kinds)

    world.zone.assert_exact(3)


def test_job_waits_for_a_batch_that_another_run_has_taken_over(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1)
    batch_id = zone.plan_rebuild()
    job = world.job("rebuild", partitions=[DAY])

    outcome = world.run(job, kinds=stopped(world, BatchSuperseded(batch_id)))

    assert outcome.waits
    assert not world.work(job).is_over
    zone.process(batch_id, run_id="rebuild-1")
    assert world.work(job).is_over
    assert zone.ledger.open_batches(QUEUE) == []


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "input.partitions: is missing"),
        ({"partitions": ["2025-12-31"]}, "input.partitions.0: there is no such partition"),
        ({"partitions": ["../" + DAY]}, "input.partitions.0: there is no such partition"),
        ({"partitions": DAY}, "input.partitions: "),
    ],
)
def test_partitions_that_the_table_cannot_have_fail_the_job(
    world: JobZone, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(JobFailed) as failed:
        world.run(world.job("rebuild", **given))

    assert reason in str(failed.value)
