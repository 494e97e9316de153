"""Bad rows go to the table's quarantine, row by row, exactly once with the good rows of their batch."""

from pathlib import Path

import pytest

from ingest_project.errors import BatchSuperseded
from ingest_project.ingestion.intake import planning_rules
from ingest_project.ledger.model import ObjectState
from ingest_project.ledger.replay import ReplaySelection
from ingest_project_tests.factories import ORDERS, QUEUE, Zone, order_key, orders
from ingest_project_tests.faults import Hook, Killed, die
from ingest_project_tests.iceberg.readers import order_ids_by_clickhouse
from ingest_project_tests.landing import BUCKET

GOOD_AND_BAD = b"""{"order_id": 1}
not JSON

{"order_id": "two"}
{"order_id": 3}
"""


@pytest.fixture
def zone(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Zone:
    monkeypatch.setenv("POLARS_ICEBERG_PLANNER", "pyiceberg")
    return Zone.create(tmp_path, aws)


def test_good_rows_commit_and_bad_ones_are_set_aside_with_their_line_and_reason(zone: Zone) -> None:
    key = order_key("a")
    zone.put(key, GOOD_AND_BAD)
    zone.put_orders("b", 4)

    result = zone.ingest_one()

    zone.assert_exact(1, 3, 4)
    assert result.rejected_rows == 2
    rows = zone.quarantined()
    assert rows["line_number"].to_list() == [2, 4]
    assert rows["raw"].to_list() == ["not JSON", '{"order_id": "two"}']
    assert rows["column_name"].to_list() == [None, "order_id"]
    assert rows["_batch_id"].unique().to_list() == [result.batch_id]
    assert zone.states()[key] is ObjectState.COMMITTED
    assert list(zone.rejected()) == [key]
    assert zone.acknowledge().deleted == 2


def test_object_of_nothing_but_bad_values_is_committed_without_rows(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": "one"}\n{"order_id": 1.5}\n')

    zone.ingest_one()

    zone.assert_exact()
    assert zone.rejected() == {
        order_key("a"): [
            "column 'order_id': 'one' is not a valid long",
            "column 'order_id': 1.5 is not a valid long",
        ]
    }
    assert zone.snapshots() == 1
    assert zone.acknowledge().deleted == 1


def test_object_of_another_format_fails_as_a_whole(zone: Zone) -> None:
    zone.put(order_key("a"), b"<html>\n<body>oops</body>\n</html>\n")

    zone.ingest_one()

    assert zone.error_classes() == {order_key("a"): "unreadable"}
    assert zone.rejected() == {}


def test_with_fail_one_bad_row_fails_its_object(zone: Zone) -> None:
    zone = zone.declare(bad_rows="fail")
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.put_orders("b", 4)

    zone.ingest_one()

    zone.assert_exact(4)
    assert zone.error_classes() == {order_key("a"): "unreadable"}
    assert zone.services.lake.find(f"{ORDERS}__quarantine") is None


@pytest.mark.parametrize(
    ("limit", "fails"), [(1, True), (2, False), ("49%", True), ("50%", False), (0, True)]
)
def test_more_bad_rows_than_allowed_fail_the_object_and_quarantine_nothing(
    zone: Zone, limit: int | str, fails: bool
) -> None:
    zone = zone.declare(max_bad_rows=limit)
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.put_orders("b", 4)

    result = zone.ingest_one()

    if fails:
        zone.assert_exact(4)
        assert zone.error_classes() == {order_key("a"): "bad_rows"}
        assert "2 of its 4 rows are bad" in result.failures[0].reason
        assert zone.rejected() == {}
    else:
        zone.assert_exact(1, 3, 4)
        assert len(zone.rejected()[order_key("a")]) == 2


def test_new_write_of_the_key_replaces_its_bad_rows_too(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.put(order_key("b"), GOOD_AND_BAD.replace(b"1", b"10").replace(b"3", b"30"))
    zone.ingest_one()

    zone.put_orders("a", 1, 2, 3)
    zone.ingest_one()

    zone.assert_exact(1, 2, 3, 10, 30)
    assert list(zone.rejected()) == [order_key("b")]


def test_rebuild_of_the_partition_leaves_each_bad_row_once(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()

    zone.rebuild()

    zone.assert_exact(1, 3)
    assert len(zone.rejected()[order_key("a")]) == 2


def test_row_limit_is_that_of_each_object(zone: Zone) -> None:
    zone = zone.declare(max_bad_rows="40%")
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.put(order_key("b"), orders(5, 6) + b"x\n")

    zone.ingest_one()

    zone.assert_exact(5, 6)
    assert zone.error_classes() == {order_key("a"): "bad_rows"}


def replay(zone: Zone, **selection: object) -> None:
    """Plan a replay of sales.orders and process its batches."""
    (rule,) = planning_rules([zone.services.settings.table(ORDERS)])
    chosen = ReplaySelection(ORDERS, **selection)  # type: ignore[arg-type]
    planned = zone.ledger.plan_replay(QUEUE, rule, chosen)
    for number, batch_id in enumerate(planned.batches):
        zone.process(batch_id, run_id=f"replay-{number}")


def test_replay_after_the_mapping_was_fixed_clears_what_passes(zone: Zone) -> None:
    zone.put(order_key("a"), b'{"order_id": 1, "at": "20.11.2026"}\n{"order_id": 2, "at": "?"}\n')
    zone.put_orders("b", 3)
    zone = zone.declare(columns={"order_id": "long", "at": "date"})
    zone.ingest_one()
    zone.assert_exact(3)
    assert len(zone.rejected()[order_key("a")]) == 2

    zone = zone.declare(columns={"order_id": "long", "at": {"type": "date", "format": "%d.%m.%Y"}})
    replay(zone)

    zone.assert_exact(1, 3)
    assert zone.rejected() == {order_key("a"): ["column 'at': '?' is not a valid date"]}
    assert zone.batch_states() == ["committed", "committed"]


def test_replay_twice_at_once_is_done_once(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    (rule,) = planning_rules([zone.services.settings.table(ORDERS)])

    first = zone.ledger.plan_replay(QUEUE, rule, ReplaySelection(ORDERS))
    second = zone.ledger.plan_replay(QUEUE, rule, ReplaySelection(ORDERS))

    assert (first.objects, first.rejected_rows, second.objects, second.busy) == (1, 2, 0, 1)


def test_replay_of_an_object_that_is_gone_changes_nothing(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    zone.delete(order_key("a"))

    replay(zone)

    zone.assert_exact(1, 3)
    assert len(zone.rejected()[order_key("a")]) == 2
    assert zone.states() == {order_key("a"): ObjectState.COMMITTED}


def test_replay_under_append_leaves_other_writes_of_the_key_alone(zone: Zone) -> None:
    zone = zone.declare(on_overwrite="append")
    zone.landing.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    zone.silence()
    for body in (GOOD_AND_BAD, orders(5, 6), orders(7) + b"x\n"):
        written = zone.landing.s3.put_object(Bucket=BUCKET, Key=order_key("a"), Body=body)
        zone.announce(order_key("a"), written["ETag"].strip('"'), version_id=written["VersionId"])
        zone.ingest_one()
    zone.assert_exact(1, 3, 5, 6, 7)

    replay(zone)

    zone.assert_exact(1, 3, 5, 6, 7)
    assert zone.quarantined().height == 3


def test_event_of_a_newer_write_waits_for_the_replay(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    zone.ingest_one()
    (rule,) = planning_rules([zone.services.settings.table(ORDERS)])
    (batch_id,) = zone.ledger.plan_replay(QUEUE, rule, ReplaySelection(ORDERS)).batches
    zone.put_orders("a", 9)
    zone.drain()
    assert [batch.batch_id for batch in zone.ledger.open_batches(QUEUE)] == [batch_id]

    zone.process(batch_id)
    zone.ingest_one()

    zone.assert_exact(9)
    assert zone.rejected() == {}


def die_at_the_second_confirmation(zone: Zone) -> Hook:
    """The first one is the quarantine's, the second the table's."""
    calls: list[int] = []

    def act() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Killed

    return act


def test_crash_between_the_two_commits_leaves_each_row_once(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die_at_the_second_confirmation(zone)))
    assert zone.quarantined().height == 2
    zone.assert_exact()

    zone.restarted().process(batch_id, run_id="run-2")

    zone.assert_exact(1, 3)
    assert zone.quarantined().height == 2
    assert order_ids_by_clickhouse(zone.lake_table()) == [1, 3]


def test_crash_between_the_two_commits_and_other_settings_afterwards(zone: Zone) -> None:
    zone = zone.declare(expectations={"small": "order_id < 3"})
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_confirm=die_at_the_second_confirmation(zone)))

    assert zone.quarantined()["line_number"].to_list() == [2, 4, 5]
    zone = zone.declare()
    zone.process(batch_id, run_id="run-2")

    assert zone.quarantined()["line_number"].to_list() == [2, 4]
    zone.assert_exact(1, 3)


def test_crash_after_both_commits_is_read_back_with_its_bad_rows(zone: Zone) -> None:
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    with pytest.raises(Killed):
        zone.process(batch_id, ledger=zone.hooked_ledger(before_settle=die))

    result = zone.restarted().process(batch_id, run_id="run-2")

    assert result is not None
    assert (result.rows, result.rejected_rows) == (2, 2)
    zone.assert_exact(1, 3)
    assert len(zone.rejected()[order_key("a")]) == 2


@pytest.mark.parametrize("frozen_at", [1, 2])
@pytest.mark.parametrize("moment", ["before_confirm", "after_confirm"])
def test_run_frozen_at_either_commit_adds_nothing_to_what_its_replacement_did(
    zone: Zone, moment: str, frozen_at: int
) -> None:
    zone = zone.declare(expectations={"small": "order_id < 3"})
    zone.put(order_key("a"), GOOD_AND_BAD)
    batch_id = zone.plan_one()
    calls: list[int] = []

    def replaced() -> None:
        calls.append(1)
        if len(calls) == frozen_at:
            zone.declare().process(batch_id, run_id="run-2")

    try:
        zone.process(batch_id, ledger=zone.hooked_ledger(**{moment: replaced}))
    except BatchSuperseded:
        assert zone.batch_states() == ["committed"]

    zone.assert_exact(1, 3)
    assert zone.quarantined()["line_number"].to_list() == [2, 4]
    assert list(zone.rejected()) == [order_key("a")]
