"""Two tables, one batch: crashes, frozen runs and expired snapshots around the quarantine's commits."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project.ingestion import process as pipeline
from ingest_project.ingestion.commit_bad_rows import take_out_replaced
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ingestion.write import BatchWriter
from ingest_project.ledger.replay import ReplaySelection
from ingest_project.sources.object_version import ObjectVersion
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key, orders
from ingest_project_tests.faults import Hook, Killed, die, once
from ingest_project_tests.iceberg.readers import snapshot_ids
from ingest_project_tests.landing import BUCKET

GOOD_AND_BAD = b'{"order_id": 1}\nnot JSON\n{"order_id": "two"}\n{"order_id": 3}\n'
ONLY_BAD = b'{"order_id": "one"}\n{"order_id": 1.5}\n'
QUARANTINE = f"{ORDERS}__quarantine"


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def die_at_confirmation(number: int) -> Hook:
    """The first one is the quarantine's, the second the table's."""
    left = [number]

    def act() -> None:
        left[0] -= 1
        if left[0] == 0:
            raise Killed

    return act


def plan_replay(zone: Zone) -> str:
    (rule,) = planning_rules([zone.services.settings.table(ORDERS)])
    (batch_id,) = zone.ledger.plan_replay(QUEUE, rule, ReplaySelection(ORDERS)).batches
    return batch_id


def versioned(zone: Zone) -> Zone:
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    zone.silence()
    return zone


def put_version(zone: Zone, body: bytes, sequencer: str) -> str:
    written = zone.landing.s3.put_object(Bucket=BUCKET, Key=order_key("a"), Body=body)
    zone.announce(
        order_key("a"), written["ETag"].strip('"'), version_id=written["VersionId"], sequencer=sequencer
    )
    return str(written["VersionId"])


def delete_version(zone: Zone, version_id: str) -> None:
    zone.landing.s3.delete_object(Bucket=BUCKET, Key=order_key("a"), VersionId=version_id)


def expire_all_but_the_head(zone: Zone) -> None:
    table = zone.services.lake._catalog().load_table(ORDERS)
    *older, _ = snapshot_ids(zone.lake_table())
    table.maintenance.expire_snapshots().by_ids(older).commit()


def test_object_of_only_bad_rows_whose_batch_expired_before_it_was_settled_is_not_set_aside_again(
    zone: Zone,
) -> None:
    zone.put_orders("a", 1)
    zone.put(order_key("b"), ONLY_BAD)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))
    zone.put_orders("c", 3)
    zone.drain()
    (other,) = [one for one in zone.ledger.open_batches(QUEUE) if one.batch_id != batch_id]
    zone.process(other.batch_id, run_id="run-of-the-other")
    expire_all_but_the_head(zone)

    zone.restarted().process(batch_id, run_id="run-2")
    zone.ingest()

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [1, 2]
    assert list(zone.rejected()) == [order_key("b")]


def test_object_that_only_the_second_attempt_could_read_is_settled_by_the_third(zone: Zone) -> None:
    """Without a good row, only the quarantine shows that it was committed."""
    zone.put_orders("a", 1)
    zone.put(order_key("b"), ONLY_BAD)
    batch_id = zone.plan_one()
    strict = zone.declare(max_bad_rows=1)
    with pytest.raises(Killed):
        strict.process(batch_id, ledger=zone.hooked_ledger(after_confirm=die))
    zone = zone.declare()
    with pytest.raises(Killed):
        zone.process(batch_id, run_id="run-2", ledger=zone.hooked_ledger(before_settle=die))

    zone.process(batch_id, run_id="run-3")
    zone.ingest()

    zone.assert_exact(1)
    assert zone.quarantined()["line_number"].to_list() == [1, 2]
    assert list(zone.rejected()) == [order_key("b")]


def test_older_bad_rows_stay_if_the_newer_write_turns_out_to_be_unreadable_after_a_crash(zone: Zone) -> None:
    zone = versioned(zone)
    put_version(zone, GOOD_AND_BAD, "01")
    zone.ingest_one()
    newer = put_version(zone, orders(7) + b"x\n", "02")
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die_at_confirmation(2)))
    delete_version(zone, newer)

    zone.process(batch_id, run_id="run-2")

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]
    assert list(zone.rejected()) == [order_key("a")]


def test_bad_rows_stay_if_a_replay_cannot_read_its_object_any_more_after_a_crash(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    batch_id = plan_replay(zone)
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die_at_confirmation(2)))
    zone.delete(order_key("a"))

    zone.process(batch_id, run_id="run-2")

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]
    assert list(zone.rejected()) == [order_key("a")]


def test_replay_of_one_of_two_writes_in_one_batch_leaves_the_other_alone(zone: Zone) -> None:
    zone = versioned(zone.declare(on_overwrite="append"))
    older = put_version(zone, GOOD_AND_BAD, "01")
    put_version(zone, orders(5) + b"x\n", "02")
    zone.ingest_one()
    zone.assert_exact(1, 3, 5)
    delete_version(zone, older)

    zone.process(plan_replay(zone))

    zone.assert_exact(1, 3, 5)
    assert zone.quarantined().height == 3


def test_first_attempt_that_wakes_between_the_second_ones_commits_is_refused(zone: Zone) -> None:
    """Otherwise its good rows would be in the table, and the second attempt's bad ones in quarantine."""
    strict = zone.declare(expectations={"small": "order_id < 3"})
    strict.put(order_key("a"), GOOD_AND_BAD)
    batch_id = strict.plan_one()
    calls: list[int] = []

    def die_after_the_bad_rows() -> None:
        if zone.quarantined()["line_number"].to_list() == [2, 3]:
            raise Killed

    def second_attempt() -> None:
        calls.append(1)
        if len(calls) == 2:  # the confirmation of the good rows' commit
            other = zone.declare()
            ledger = other.hooked_ledger(before_confirm=die_after_the_bad_rows)
            with pytest.raises(Killed):
                other.process(batch_id, run_id="run-2", ledger=ledger)

    with pytest.raises(BatchSuperseded):
        strict.process(batch_id, ledger=strict.hooked_ledger(after_confirm=second_attempt))
    zone = zone.declare()
    zone.assert_exact()

    zone.process(batch_id, run_id="run-3")

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]
    assert list(zone.rejected()) == [order_key("a")]


def test_run_frozen_before_it_sets_rows_aside_is_refused_by_the_ledger(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    write = BatchWriter.write
    replaced = once(lambda: zone.restarted().process(batch_id, run_id="run-2"))

    def write_and_freeze(writer: BatchWriter, without: Collection[ObjectVersion] = ()) -> None:
        write(writer, without)
        replaced()

    monkeypatch.setattr(BatchWriter, "write", write_and_freeze)
    with pytest.raises(BatchSuperseded):
        zone.process(batch_id)

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]


def test_run_frozen_at_its_bad_rows_adds_none_if_its_replacement_found_none(zone: Zone) -> None:
    strict = zone.declare(expectations={"small": "order_id < 3"})
    strict.put_orders("a", 1, 2, 3)
    batch_id = strict.plan_one()
    replaced = once(lambda: zone.declare().process(batch_id, run_id="run-2"))

    with pytest.raises(BatchSuperseded):
        strict.process(batch_id, ledger=strict.hooked_ledger(after_confirm=replaced))

    zone.assert_exact(1, 2, 3)
    assert zone.rejected() == {}


def test_crash_before_the_replaced_bad_rows_are_taken_out_is_finished_by_the_next_attempt(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    zone.put(order_key("a"), orders(7) + b"x\n")
    batch_id = zone.plan_one()
    with monkeypatch.context() as broken:
        broken.setattr(pipeline, "take_out_replaced", lambda *_: die())
        with pytest.raises(Killed):
            zone.process(batch_id)
    assert zone.quarantined()["line_number"].to_list() == [2, 2, 3]

    zone.restarted().process(batch_id, run_id="run-2")

    zone.assert_exact(7)
    assert zone.quarantined()["line_number"].to_list() == [2]
    assert list(zone.rejected()) == [order_key("a")]


def test_rebuild_that_is_repeated_after_a_crash_leaves_each_bad_row_once(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    for point in ("add_bad_rows", "take_out_replaced"):
        with monkeypatch.context() as broken:
            broken.setattr(pipeline, point, lambda *_: die())
            with pytest.raises(Killed):
                zone.rebuild()

    zone.rebuild(run_id="rebuild-2")

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]
    assert list(zone.rejected()) == [order_key("a")]


def test_run_frozen_before_it_takes_replaced_rows_out_leaves_those_of_a_later_batch_alone(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    zone.put(order_key("a"), orders(7) + b"x\n")
    batch_id = zone.plan_one()

    def settle_and_go_on() -> None:
        other = zone.restarted()
        other.process(batch_id, run_id="run-2")
        other.put(order_key("a"), orders(8) + b"y\n")
        other.ingest_one()

    sleep = once(settle_and_go_on)

    def freeze(*arguments: Any) -> None:
        sleep()
        take_out_replaced(*arguments)

    monkeypatch.setattr(pipeline, "take_out_replaced", freeze)
    with pytest.raises(BatchSuperseded):
        zone.process(batch_id)

    zone.assert_exact(8)
    assert zone.quarantined()["raw"].to_list() == ["y"]
    assert list(zone.rejected()) == [order_key("a")]


def test_lost_answers_of_the_creation_and_both_commits_leave_each_row_once(
    zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    catalog = zone.services.lake._catalog()
    commit, lost = catalog.commit_table, [3]

    def lose_the_answer(*arguments: Any, **named: Any) -> Any:
        answer = commit(*arguments, **named)
        if lost[0]:
            lost[0] -= 1
            raise ConnectionError("the connection was reset")
        return answer

    monkeypatch.setattr(catalog, "commit_table", lose_the_answer)
    zone.process(batch_id)

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 3]
    assert (lost, zone.snapshots(), zone.snapshots(QUARANTINE)) == ([0], 1, 1)
