"""The kind `ingest`: what S3 holds and the table lacks is claimed, and the job waits for all of its rows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from ingest_project.errors import JobFailed, ObjectUnavailable
from ingest_project.ingestion.jobs.kinds.work import outcome_of_work
from ingest_project.ingestion.reconcile import enqueue as enqueue_module
from ingest_project.settings.clocks import utc_now
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.s3.object_head import ObjectHead
from ingest_project.sources.s3.store import ObjectStore
from ingest_project_tests.factories import DAY, NEXT_DAY, Zone, order_key
from ingest_project_tests.faults import Killed
from ingest_project_tests.ingestion.jobs.kinds.worlds import JobZone
from ingest_project_tests.ingestion.reconcile.factories import HookedLedger, forget
from ingest_project_tests.landing import BUCKET


def uri(name: str, day: str = DAY) -> str:
    return f"s3://{BUCKET}/{order_key(name, day)}"


def test_prefix_is_claimed_and_the_job_is_over_when_its_rows_are_in_the_table(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1)
    zone.put_orders("b", 2, 3)
    zone.put_orders("other", 4, day=NEXT_DAY)
    job = world.job("ingest", prefix=f"orders/dt={DAY}/")

    outcome = world.run(job)

    assert outcome.waits
    assert (outcome.result["listed"], outcome.result["claimed"]) == (2, 2)
    assert (world.work(job).total, world.work(job).is_over) == (2, False)
    assert outcome_of_work(world.work(job))[1] is None
    zone.ingest()
    zone.assert_exact(1, 2, 3)
    told, error = outcome_of_work(world.work(job))
    assert (world.work(job).is_over, error) == (True, None)
    assert told == {
        "objects_done": 2, "objects_total": 2, "rows": 3, "bytes_done": 48, "bytes_total": 48,
    }  # fmt: skip


def test_what_waits_in_the_scope_already_is_part_of_the_job(world: JobZone) -> None:
    zone = world.zone
    zone.put_orders("waits", 1)
    zone.drain()
    job = world.job("ingest")

    outcome = world.run(job)

    assert (outcome.result["claimed"], outcome.result["known"]) == (0, {"waiting": 1})
    assert (world.work(job).total, world.work(job).done) == (1, 0)
    zone.ingest()
    assert world.work(job).is_over
    assert world.run(world.job("ingest", job_id="2" * 32)).result["known"] == {"committed": 1}


def test_job_whose_run_dies_between_two_claims_waits_for_the_objects_of_both_runs(
    world: JobZone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enqueue_module, "PORTION", 2)
    zone = world.zone
    zone.silence()
    for number in range(5):
        zone.put_orders(f"{number}", number)
    job = world.job("ingest")
    ledger = dies_at_claim(zone, 2)

    with pytest.raises(Killed):
        world.run(job, kinds=replace(world.kinds, reconcile=replace(world.kinds.reconcile, ledger=ledger)))
    assert world.work(job).total == zone.ledger.pending_objects("landing") == 2
    zone.ingest()
    assert world.run(job).result["claimed"] == 3

    assert (world.work(job).total, world.work(job).done) == (5, 2)
    zone.ingest()
    zone.assert_exact(*range(5))
    assert world.work(job).is_over


def test_event_that_comes_between_the_listing_and_the_claim_is_waited_for(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    etag = zone.put(order_key("a"), b'{"order_id": 1}\n')
    job = world.job("ingest")

    def event_comes() -> None:
        zone.announce(order_key("a"), etag, sequencer="0055AED6DCD90281E5")
        zone.drain()

    ledger = HookedLedger(zone, before_claim=event_comes)
    kinds = replace(world.kinds, reconcile=replace(world.kinds.reconcile, ledger=ledger))

    assert world.run(job, kinds=kinds).result["claimed"] == 0
    assert (world.work(job).total, world.work(job).done) == (1, 0)
    zone.ingest()
    zone.assert_exact(1)
    assert world.work(job).is_over


def test_object_whose_time_is_ahead_of_our_clock_is_claimed(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1)
    behind = replace(world.kinds.reconcile, clock=lambda: utc_now() - timedelta(minutes=5))

    outcome = world.run(world.job("ingest"), kinds=replace(world.kinds, reconcile=behind))

    assert outcome.result["claimed"] == 1


def test_object_that_fails_fails_the_job_and_the_others_are_in_the_table(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("good", 1)
    zone.put(order_key("bad"), b"{broken")
    job = world.job("ingest")
    world.run(job)
    zone.ingest()

    told, error = outcome_of_work(world.work(job))

    assert told["objects_done"] == told["objects_total"] == 2
    assert error is not None
    assert error.startswith("1 of 2 objects failed")
    assert "bad.ndjson" in error
    zone.assert_exact(1)


def test_named_objects_are_claimed_and_those_that_are_missing_are_told(world: JobZone) -> None:
    zone = world.zone
    zone.silence()
    zone.put_orders("a", 1)
    zone.put_orders("b", 2)
    zone.put_orders("_hidden", 3)
    job = world.job("ingest", objects=[uri("a"), uri("a"), uri("gone"), uri("_hidden")])

    result = world.run(job).result

    assert {name: result[name] for name in ("listed", "claimed", "missing", "passed_over")} == {
        "listed": 1, "claimed": 1, "missing": 1, "passed_over": 1,
    }  # fmt: skip
    assert [one["uri"] for one in result["examples"]] == [uri("gone"), uri("_hidden")]
    assert world.run(job).result["known"] == {"waiting": 1}
    zone.ingest()
    zone.assert_exact(1)
    assert (world.work(job).total, world.work(job).is_over) == (1, True)


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended", None])
def test_named_object_is_the_one_that_its_event_brings_later(world: JobZone, versioning: Any) -> None:
    zone = world.zone
    if versioning:
        zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": versioning})
    zone.put_orders("a", 1)

    world.run(world.job("ingest", objects=[uri("a")]))
    zone.ingest()
    zone.ingest()

    zone.assert_exact(1)


def test_named_objects_of_which_none_is_there_fail_the_job(world: JobZone) -> None:
    with pytest.raises(JobFailed, match=r"none of the 2 objects.*S3 holds no s3://.*gone"):
        world.run(world.job("ingest", objects=[uri("gone"), uri("gone, too")]))


def test_named_object_that_failed_before_fails_the_job_with_what_to_do(world: JobZone) -> None:
    zone = world.zone
    zone.put(order_key("bad"), b"{broken")
    zone.ingest()
    zone.silence()
    zone.put_orders("good", 1)
    job = world.job("ingest", objects=[uri("bad"), uri("good")])

    with pytest.raises(JobFailed, match=r"1 of the 2 objects have failed before.*bad.*ingest retry"):
        world.run(job)

    zone.ingest()
    zone.assert_exact(1)


def test_s3_that_does_not_answer_is_tried_again(world: JobZone) -> None:
    class Down(ObjectStore):
        def head(self, object_: ObjectVersion, *, pinned: bool) -> ObjectHead:
            raise ObjectUnavailable(object_.uri, "S3 did not answer properly")

    kinds = replace(world.kinds, store=Down(world.zone.services.aws))

    with pytest.raises(ObjectUnavailable):
        world.run(world.job("ingest", objects=[uri("a")]), kinds=kinds)


@pytest.mark.parametrize("named", [True, False])
def test_nothing_is_claimed_while_the_ledger_lacks_what_is_in_the_table(world: JobZone, named: bool) -> None:
    zone = world.zone
    zone.put_orders("a", 1)
    zone.ingest()
    forget(zone, order_key("a"))
    given: dict[str, Any] = {"objects": [uri("a")]} if named else {}
    job = world.job("ingest", **given)

    with pytest.raises(JobFailed, match="ingest ledger recover"):
        world.run(job)

    assert world.work(job).total == zone.ledger.pending_objects("landing") == 0


def test_queue_that_nobody_empties_fails_the_job(world: JobZone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enqueue_module, "POLL_SECONDS", 0.25)
    world.declare(timeout="1s")
    zone = world.zone
    zone.silence()
    for number in range(3):
        zone.put_orders(f"{number}", number)
    queue = zone.services.settings.queue("landing")
    object.__setattr__(queue, "max_messages_per_tick", 2)
    job = world.job("ingest")

    with pytest.raises(JobFailed, match="1 objects were not claimed"):
        world.run(job)

    assert world.work(job).total == 2


INVALID: list[tuple[dict[str, Any], str]] = [
    ({"prefix": "clicks/"}, "input.prefix: the prefix 'clicks/' is not within 'orders/'"),
    ({"prefix": "orders/../clicks/"}, "input.prefix: the prefix 'orders/../clicks/' has the segment"),
    ({"prefix": "orders/\x00"}, "input.prefix: has characters"),
    ({"objects": ["s3://foreign/orders/a"]}, "input.objects.0: is not on the route"),
    ({"objects": []}, "input.objects: "),
    ({"inventory": "s3://foreign/inv/manifest.json"}, "input.inventory: its bucket is neither"),
    ({"inventory": "s3://acme-landing/inv/manifest.json"}, "S3 holds no such object"),
    ({"since": "2026-11-30T08:00:00"}, "input.since: a time needs its zone"),
    ({"prefix": "orders/", "objects": ["s3://acme-landing/orders/a"]}, "input.objects: leave it out"),
    ({"table": "sales.none"}, "input.table: the settings have no such table"),
    ({"colour": "red"}, "input.colour: is not a field"),
]


def test_input_that_is_not_valid_fails_the_job_and_claims_nothing(world: JobZone) -> None:
    """Settings may change between the request and the run."""
    for number, (given, reason) in enumerate(INVALID):
        with pytest.raises(JobFailed) as failed:
            world.run(world.job("ingest", job_id=f"{number:032x}", **given))
        assert reason in str(failed.value)
    assert world.zone.states() == {}


def dies_at_claim(zone: Zone, at: int) -> HookedLedger:
    left = iter(range(1, at + 1))

    def die() -> None:
        if next(left) == at:
            raise Killed

    return HookedLedger(zone, before_claim=die)
