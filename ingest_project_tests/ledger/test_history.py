"""What became of each object version, by the ledger's history."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ingest_project.ledger.history import HistoryQuery, ObjectRecord
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import AttemptOutcome, MessageState, ObjectState
from ingest_project.ledger.report import BatchMessages
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    Clock,
    claim,
    commit,
    deliver,
    failure,
    id_of,
    ingest,
    outcome,
    plan_one,
    routed,
    rules,
    start,
)


def keys(found: list[ObjectRecord]) -> list[str]:
    return [one.uri.removeprefix("s3://acme-landing/") for one in found]


def only(ledger: Ledger, query: HistoryQuery | None = None) -> ObjectRecord:
    (record,) = ledger.history(query or HistoryQuery())
    return record


def fail(ledger: Ledger, *names: str, error_class: str = "unreadable") -> str:
    """A batch whose objects all failed."""
    deliver(ledger, *[claim(routed(name)) for name in names])
    work = start(ledger, plan_one(ledger))
    failures = [replace(failure(id_of(work, name)), error_class=error_class) for name in names]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures, snapshot_id=None))
    return work.batch.batch_id


def test_a_committed_version_shows_its_whole_way(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(routed(), message_id="m1", receive_count=2))
    clock.advance(seconds=10)
    batch_id = plan_one(ledger)
    commit(ledger, batch_id)
    ledger.messages_deleted(QUEUE, ["m1"])

    record = only(ledger)

    assert (record.uri, record.version, record.table, record.partition) == (
        "s3://acme-landing/orders/a.ndjson", "0055", "sales.orders", "2026-11-20",
    )  # fmt: skip
    assert (record.state, record.rows, record.snapshot_id) == (ObjectState.COMMITTED, 10, 7)
    assert (record.put_at, record.event_at, record.claimed_at) == (
        NOW - timedelta(minutes=1), NOW - timedelta(seconds=5), NOW,
    )  # fmt: skip
    assert (record.committed_at, record.deleted_at) == (NOW, clock.now)
    assert record.receive_count == 2
    (message,) = record.messages
    assert (message.message_id, message.state) == ("m1", MessageState.DELETED)
    (part,) = record.batches
    assert (part.batch_id, part.rows, part.error_class) == (batch_id, 10, None)
    assert [(one.number, one.run_id, one.outcome) for one in part.attempts] == [
        (1, "run-1", AttemptOutcome.COMMITTED)
    ]


def test_every_attempt_of_every_batch_is_kept(ledger: Ledger, clock: Clock) -> None:
    first = fail(ledger, "a")
    clock.advance(minutes=1)
    deliver(ledger, claim(routed("a")))  # a redrive
    second = plan_one(ledger)
    start(ledger, second, "run-2")
    ledger.next_attempt(second, attempt=1, error="its run died")
    commit(ledger, second, run_id="run-3")

    record = only(ledger)

    assert [(part.batch_id, part.error_class, part.rows) for part in record.batches] == [
        (first, "unreadable", None), (second, None, 10),
    ]  # fmt: skip
    assert [(one.run_id, one.outcome) for one in record.batches[1].attempts] == [
        ("run-2", AttemptOutcome.LOST), ("run-3", AttemptOutcome.COMMITTED),
    ]  # fmt: skip
    assert len(record.messages) == 2
    assert record.deleted_at is None


def test_an_attempt_has_the_error_of_the_object_and_not_of_another_of_its_batch(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("good")), claim(routed("bad")), claim(routed("worse")))
    work = start(ledger, plan_one(ledger))
    failures = [failure(id_of(work, name), reason=f"{name} is broken") for name in ("bad", "worse")]
    ledger.settle(
        work.batch.batch_id, run_id="run-1", outcome=outcome({id_of(work, "good"): 1}, failures=failures)
    )

    found = {one.uri.rpartition("/")[2]: one.batches[0].attempts for one in ledger.history(HistoryQuery())}

    assert {key: [(one.error_class, one.error) for one in tried] for key, tried in found.items()} == {
        "good": [(None, None)],
        "bad": [("unreadable", "bad is broken")],
        "worse": [("unreadable", "worse is broken")],
    }


def test_an_attempt_that_failed_as_a_whole_has_the_error_of_its_batch(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("good")), claim(routed("bad")))
    batch_id = plan_one(ledger)
    work = start(ledger, batch_id)
    ledger.release(batch_id, run_id="run-1", error_class="catalog", error="it does not answer")
    start(ledger, batch_id, "run-2")
    failures = [failure(id_of(work, name), reason=f"{name} is broken") for name in ("good", "bad")]
    ledger.settle(batch_id, run_id="run-2", outcome=outcome(failures=failures, snapshot_id=None))

    for record in ledger.history(HistoryQuery()):
        own = record.uri.rpartition("/")[2]
        first, second = record.batches[0].attempts
        assert (first.outcome, first.error_class, first.error) == (
            AttemptOutcome.FAILED, "catalog", "it does not answer",
        )  # fmt: skip
        assert (second.outcome, second.error) == (AttemptOutcome.FAILED, f"{own} is broken")


def test_a_version_counts_as_deleted_only_with_its_last_message(ledger: Ledger) -> None:
    deliver(ledger, claim(routed(), message_id="m1"), claim(routed(), message_id="m2"))
    ledger.messages_deleted(QUEUE, ["m1"])

    assert only(ledger).deleted_at is None


def test_the_newest_claims_come_first_over_all_tables(ledger: Ledger, clock: Clock) -> None:
    for number, table in enumerate(["sales.orders", "web.clicks", "sales.orders", "fleet.devices"]):
        deliver(ledger, claim(routed(f"k{number}", table=table)))
        clock.advance(seconds=1)

    assert keys(ledger.history(HistoryQuery(limit=3))) == ["k3", "k2", "k1"]
    assert keys(ledger.history(HistoryQuery(table="sales.orders"))) == ["k2", "k0"]
    assert keys(ledger.history(HistoryQuery(since=NOW + timedelta(seconds=2)))) == ["k3", "k2"]


def test_states_and_error_classes_select(ledger: Ledger) -> None:
    fail(ledger, "bad", "worse")
    ingest(ledger, routed("good"))
    deliver(ledger, claim(routed("new")))

    # mypy cannot derive each field's type from a common `object`.
    def found(**asked: object) -> list[str]:
        return sorted(keys(ledger.history(replace(HistoryQuery(), **asked))))  # type: ignore[arg-type]

    assert found(states=(ObjectState.FAILED,)) == ["bad", "worse"]
    assert found(states=(ObjectState.FAILED, ObjectState.PENDING)) == ["bad", "new", "worse"]
    assert found(error_class="unreadable", keys=("wor*",)) == ["worse"]
    assert found(error_class="missing") == []
    assert found(states=(ObjectState.COMMITTED,), table="web.clicks") == []


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("orders/a_1%.ndjson", ["orders/a_1%.ndjson"]),
        ("s3://acme-landing/orders/[x].ndjson", ["orders/[x].ndjson"]),
        ("s3://other/orders/a_1%.ndjson", []),
        ("orders/a?1*", ["orders/aZ1.ndjson", "orders/a_1%.ndjson"]),
        ("orders/a_*", ["orders/a_1%.ndjson"]),
        ("*%*", ["orders/a_1%.ndjson"]),
        ("orders/[x]*", ["orders/[x].ndjson"]),
        ("ORDERS/*", []),
        ("s3://acme-*/orders/\\*", ["orders/\\back"]),
        ("orders/a'; drop table messages; --", []),
    ],
)
def test_a_glob_means_the_same_on_every_database(ledger: Ledger, pattern: str, expected: list[str]) -> None:
    names = [
        "orders/a_1%.ndjson",
        "orders/aZ1.ndjson",
        "orders/[x].ndjson",
        "orders/x.ndjson",
        "orders/\\back",
    ]
    deliver(ledger, *[claim(routed(name)) for name in names])

    assert sorted(keys(ledger.history(HistoryQuery(keys=(pattern,))))) == expected


def test_several_writes_of_a_key_are_several_lines(ledger: Ledger, clock: Clock) -> None:
    ingest(ledger, routed(sequencer="01"))
    clock.advance(minutes=1)
    ingest(ledger, routed(sequencer="02"))

    found = ledger.history(HistoryQuery(keys=("s3://acme-landing/orders/a.ndjson",)))

    assert [(one.version, one.state, one.rows) for one in found] == [
        ("02", ObjectState.COMMITTED, 10), ("01", ObjectState.SUPERSEDED, 10),
    ]  # fmt: skip


def test_rejected_messages_have_their_reason(ledger: Ledger, clock: Clock) -> None:
    deliver(ledger, claim(message_id="old", rejected=("no S3 event",)))
    deliver(ledger, claim(message_id="new", rejected=("no table",), received_at=clock.advance(hours=1)))

    found = ledger.rejected_messages([QUEUE, "another"])

    assert [(one.message_id, one.reason) for one in found] == [("new", "no table"), ("old", "no S3 event")]
    assert ledger.rejected_messages([QUEUE], since=clock.now)[0].message_id == "new"
    assert len(ledger.rejected_messages([QUEUE], limit=1)) == 1


def test_a_batch_lists_what_failed_first(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(name)) for name in ("a", "b", "c")])
    work = start(ledger, plan_one(ledger, rules()))
    commit(ledger, work.batch.batch_id, failures=[failure(id_of(work, "b"))])

    members = ledger.batch_members(work.batch.batch_id, limit=2)

    assert [(one.uri[-1], one.rows, one.error_class) for one in members.shown] == [
        ("b", None, "unreadable"), ("a", 10, None),
    ]  # fmt: skip
    assert members.total == 3


def test_a_batch_counts_its_messages_whoever_deleted_them(ledger: Ledger) -> None:
    deliver(ledger, claim(routed("a"), message_id="1"), claim(routed("a"), routed("b"), message_id="2"))
    deliver(ledger, claim(routed("c", table="web.clicks"), message_id="3"))
    work = start(ledger, plan_one(ledger, rules()))

    ledger.messages_deleted(QUEUE, ["1", "3"])

    assert ledger.batch_messages(work.batch.batch_id) == BatchMessages(total=2, deleted=1)
    assert ledger.batch_messages("another") == BatchMessages(0, 0)


def test_history_of_a_batch_has_what_it_could_not_ingest_too(ledger: Ledger) -> None:
    ingest(ledger, routed("z"))
    deliver(ledger, *[claim(routed(name)) for name in ("a", "b")])
    work = start(ledger, plan_one(ledger, rules()))
    commit(ledger, work.batch.batch_id, failures=[failure(id_of(work, "b"))])

    found = ledger.history(HistoryQuery(batch_id=work.batch.batch_id))

    assert {one.uri[-1]: one.state for one in found} == {"a": "committed", "b": "failed"}
