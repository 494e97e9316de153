"""The kind `replay`: objects with bad rows are read again, and the job waits for their batches."""

import pytest

from ingest_project.errors import JobFailed
from ingest_project.ingestion.jobs.kinds.work import outcome_of_work
from ingest_project_tests.factories import QUEUE, order_key
from ingest_project_tests.ingestion.jobs.kinds.worlds import JobZone
from ingest_project_tests.landing import BUCKET

HALF_BAD = b'{"order_id": 1}\n{"order_id": "x"}\n'


def test_objects_with_bad_rows_are_read_again_and_waited_for(world: JobZone) -> None:
    zone = world.zone
    zone.put(order_key("half"), HALF_BAD)
    zone.put_orders("good", 2)
    zone.ingest()
    job = world.job("replay")

    outcome = world.run(job)

    assert (outcome.result, outcome.waits) == ({"table": "sales.orders", "objects": 1, "busy": 0}, True)
    assert not world.work(job).is_over
    zone.ingest()
    told, error = outcome_of_work(world.work(job))
    assert (world.work(job).is_over, error, told["objects_done"]) == (True, None, 1)
    zone.assert_exact(1, 2)


def test_run_that_died_after_it_had_planned_leaves_the_job_its_batches(world: JobZone) -> None:
    zone = world.zone
    zone.put(order_key("half"), HALF_BAD)
    zone.ingest()
    job = world.job("replay", whole_table=True)
    world.run(job)

    again = world.run(job, run_id="second")

    assert again.result == {"table": "sales.orders", "objects": 1, "busy": 1}
    assert len(zone.ledger.open_batches(QUEUE)) == 1


def test_nothing_to_read_again_is_a_job_that_is_over(world: JobZone) -> None:
    job = world.job("replay", objects=[f"s3://{BUCKET}/{order_key('none')}"])

    assert world.run(job).result["objects"] == 0

    assert world.work(job).is_over
    assert outcome_of_work(world.work(job))[1] is None


def test_objects_of_another_table_fail_the_job(world: JobZone) -> None:
    with pytest.raises(JobFailed, match=r"input\.objects\.0: is not on the route"):
        world.run(world.job("replay", objects=["s3://acme-landing/clicks/a.ndjson"]))
    with pytest.raises(JobFailed, match=r"input\.whole_table: leave it out"):
        world.run(
            world.job("replay", job_id="2" * 32, objects=["s3://acme-landing/orders/a"], whole_table=True)
        )
