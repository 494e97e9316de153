"""The ledger's answers have their declared types, in every field, on each database."""

from dataclasses import replace
from datetime import timedelta
from typing import get_type_hints
from unittest.mock import patch

from ingest_project.ledger import dismiss as dismiss_module
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite, Standing
from ingest_project.ledger.model import ActionState, AfterRule, BatchKind, BatchOutcome
from ingest_project.ledger.reconcile import TableSource
from ingest_project.ledger.recover import RecoveredBatch, RecoveredObject
from ingest_project.ledger.replay import ReplaySelection
from ingest_project.ledger.report import OF_ONE_CLASS
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.source_actions import ActionResult
from ingest_project.settings.error_classes import Action
from ingest_project_tests.ledger import job_factories
from ingest_project_tests.ledger.factories import (
    NOW,
    PARTITION,
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deliver,
    fail_for_good,
    failure,
    ingest,
    listed,
    outcome,
    plan,
    plan_one,
    rebuild,
    routed,
    rules,
    start,
)
from ingest_project_tests.typed_results import WatchedLedger, fields_within, public_methods

OTHER_DAY = "2026-11-21"
ACTIONS: dict[str, Action] = {"left to the DLQ": "release", "parked": "park"}


def test_every_answer_is_of_its_type_in_every_field(ledger: WatchedLedger, clock: Clock) -> None:
    """A story of the ledger in which each method is called and each field of the answers has a value."""
    for live in (
        messages_that_are_rows,
        objects_that_are_moved_afterwards,
        messages_in_a_dead_letter_queue,
        versions_of_a_key_in_every_state,
        writes_that_wait_beside_others,
        work_that_a_person_settles,
        rows_that_replace_others,
        rows_that_are_read_again,
        attempts_that_end_in_every_way,
        work_that_a_person_puts_back,
        versions_that_a_table_tells_of,
        writes_that_only_a_listing_shows,
        messages_on_their_way,
        a_job_that_ends,
    ):
        live(ledger)
        people_look(ledger)
    history_is_forgotten(ledger, clock)

    assert public_methods(Ledger) - ledger.called == {"close"}
    promised = {
        field
        for name in public_methods(Ledger)
        for field in fields_within(get_type_hints(getattr(Ledger, name))["return"])
    }
    assert sorted(promised - {field for field, held in ledger.seen.items() if held}) == []


def versions_of_a_key_in_every_state(ledger: Ledger) -> None:
    """Committed with bad rows, superseded, failed, and a message that names nothing."""
    every_field = {"version_id": "v1", "sequencer": "0055", "etag": "etag-1"}
    half_rejected = claim(routed("bad rows", **every_field), rejected=("no table wants the other one",))
    deliver(ledger, half_rejected, claim(rejected=("no S3 event",)))
    deliver(ledger, claim(routed("bad rows", **every_field)))
    settle(ledger, plan_one(ledger), rejected=3)
    ingest(ledger, routed("again", sequencer="01"))
    ingest(ledger, routed("again", sequencer="02"))
    for key, action in ACTIONS.items():
        # More than a report shows of one class.
        deliver(ledger, *(claim(routed(f"{key}{number or ''}")) for number in range(OF_ONE_CLASS + 1)))
        fail(ledger, plan_one(ledger), action)
    deliver(ledger, claim(routed("broken", version_id="v2")))
    batch_id = plan_one(ledger)
    fail(ledger, batch_id)


def writes_that_wait_beside_others(ledger: Ledger) -> None:
    """A newer write of a failed key and, in a table that appends, one that a listing has shown before."""
    deliver(ledger, claim(routed("unread", sequencer="01")))
    fail(ledger, plan_one(ledger))
    deliver(ledger, claim(routed("unread", sequencer="02")))
    commit(ledger, plan_one(ledger))
    appending = rules("web.clicks", on_overwrite="append")
    fail(ledger, rebuild(ledger, listed("twin", table="web.clicks"), table=appending, run_id="run-1"))
    deliver(ledger, claim(routed("twin", table="web.clicks")))
    commit(ledger, plan_one(ledger, appending))


def messages_that_are_rows(ledger: Ledger) -> None:
    """A message that brings its content, which stays for the row in quarantine until it is forgotten."""
    message = replace(routed("message"), content=b"{}")
    deliver(ledger, claim(message))
    assert ledger.message_contents(TABLE, [message.object]) == {message.object: b"{}"}
    settle(ledger, plan_one(ledger), rejected=1)


def objects_that_are_moved_afterwards(ledger: Ledger) -> None:
    """One whose move failed once, so that the history has its reason, and one that was moved."""
    rule = AfterRule("move", "s3://archive/done/", "orders/", with_bad_rows=False)
    for key, state in (("fails", ActionState.DUE), ("moved", ActionState.DONE)):
        deliver(ledger, claim(routed(f"orders/{key}"), message_id=key))
        work = start(ledger, plan_one(ledger))
        ids = [member.object_id for member in work.objects]
        ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=ids)
        ended = replace(outcome(dict.fromkeys(ids, 10)), after=rule)
        ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)
        ledger.messages_deleted(QUEUE, [key])
        (due,) = ledger.due_actions(QUEUE, limit=10)
        ledger.actions_ended([ActionResult(due.object_id, state, "S3 refused it")])


def messages_in_a_dead_letter_queue(ledger: Ledger) -> None:
    """One that named nothing, and one whose object failed."""
    lost = claim(message_id="lost", rejected=("no table takes it",))
    gone = routed("gone")
    deliver(ledger, lost)
    fail_for_good(ledger, gone)

    known = ledger.known_letters(QUEUE, [lost, claim(gone, message_id="message of gone")])

    assert known["lost"].rejected == "no table takes it"
    assert [one.reason for one in known["message of gone"].objects] == ["gone is gone"]


def rows_that_replace_others(ledger: Ledger) -> None:
    """A rebuild, whose run owns it, and a newer write of what is in the table."""
    rebuilt = rebuild(ledger, listed("listed", partition=OTHER_DAY), partition=OTHER_DAY)
    ledger.partitions_of([listed("listed", partition=OTHER_DAY)])
    commit(ledger, rebuilt, run_id="rebuild-1")
    deliver(ledger, claim(routed("again", sequencer="03")))
    batch_id = plan_one(ledger)
    ids = {member.object_id for member in start(ledger, batch_id).objects}
    assert ledger.confirm(batch_id, run_id="run-1", object_ids=ids)
    assert ledger.rows_replaced(batch_id, run_id="run-1", object_ids=ids)
    commit(ledger, batch_id)


def rows_that_are_read_again(ledger: Ledger) -> None:
    """A replay, and a second one that finds the keys of the first busy."""
    ((batch_id, _),) = ledger.plan_replay(QUEUE, rules(), ReplaySelection(TABLE)).batches.items()
    assert ledger.plan_replay(QUEUE, rules(), ReplaySelection(TABLE)).busy
    start(ledger, batch_id)
    ids = {member.object_id for member in start(ledger, batch_id).objects}
    assert ledger.confirm(batch_id, run_id="run-1", object_ids=ids)


def attempts_that_end_in_every_way(ledger: Ledger) -> None:
    """Released with a reason, superseded, and open, of a queue where others wait."""
    deliver(ledger, claim(routed("open")), claim(routed("waits")))
    (batch_id,) = plan(ledger, rules(max_objects=1), max_in_flight=1)
    assert ledger.waiting_objects(QUEUE) == 1
    start(ledger, batch_id, "run-a")
    ids = {member.object_id for member in start(ledger, batch_id, "run-b").objects}
    assert ledger.heartbeat(batch_id, run_id="run-b")
    ledger.confirm(batch_id, run_id="run-b", object_ids=ids)
    ledger.release(batch_id, run_id="run-b", error_class="catalog", error="it is down")
    assert ledger.next_attempt(batch_id, attempt=1, error="it is down")


def work_that_a_person_puts_back(ledger: Ledger) -> None:
    """An object that failed for good, and a batch that waits for its next attempt."""
    uris = tuple(f"s3://acme-landing/{key}" for key in ("bad rows", "broken", "open"))
    ledger.retry(Selection(uris=uris))
    ledger.retry(Selection(table=TABLE))


def work_that_a_person_settles(ledger: Ledger) -> None:
    """More than one call takes, beside what has not failed."""
    fail_for_good(ledger, routed("dismissed"))
    uris = tuple(f"s3://acme-landing/{key}" for key in ("dismissed", "again"))
    with patch.object(dismiss_module, "AT_ONCE", 1):
        assert ledger.dismiss(Selection(uris=uris)).more


def versions_that_a_table_tells_of(ledger: Ledger) -> None:
    """An unknown one, one that waits for its next try, and one of a batch that may be in the table."""
    batch = RecoveredBatch("20261119T101530123Z-9f3a1c2b", BatchKind.INGEST, 1, 5, 42, NOW)
    lost = RecoveredObject(routed("lost", version_id="v9"), 5, batch, (routed("lost", version_id="v8"),))
    told = [
        lost,
        *(RecoveredObject(one, 5, batch) for one in (routed("broken", version_id="v2"), routed("open"))),
    ]
    for dry_run in (True, False, False):
        ledger.recover(QUEUE, "replace", told, dry_run=dry_run)


def writes_that_only_a_listing_shows(ledger: Ledger) -> None:
    """An unknown one, which is claimed, and a source of rows that the ledger does not know."""
    unknown = [ListedWrite(listed("never announced"), NOW)]
    assert ledger.standings("replace", unknown) == [Standing.MISSING]
    assert ledger.claim_listed(QUEUE, "replace", unknown) == 1
    assert ledger.pending_objects(QUEUE)
    assert ledger.committed_versions(TABLE)
    assert ledger.unknown_sources(TABLE, [TableSource("acme-landing", "foreign", "v1")])


def messages_on_their_way(ledger: Ledger) -> None:
    later = NOW + timedelta(minutes=5)
    ids = [one.message_id for one in ledger.messages_to_extend(QUEUE, timeout=timedelta(minutes=20))]
    ledger.messages_extended(QUEUE, ids, invisible_until=later)
    deletable = [one.message_id for one in ledger.deletable_messages(QUEUE)]
    ledger.messages_deleted(QUEUE, deletable, refused=ids[:1])


def a_job_that_ends(ledger: Ledger) -> None:
    """What the ledger answers about jobs is in test_types_of_jobs.py."""
    job_factories.complete(ledger, job_factories.request())


def people_look(ledger: Ledger) -> None:
    ledger.queue_report(QUEUE)
    ledger.table_report(TABLE)
    ledger.partition_rows(TABLE, [PARTITION, OTHER_DAY])
    ledger.committed_rows(TABLE, NOW - timedelta(days=1), NOW + timedelta(days=1))
    last = ledger.last_commit(TABLE)
    assert last is not None
    ledger.batch(last.batch_id)
    ledger.open_batches(QUEUE)
    ledger.abandoned_rebuilds(QUEUE)
    ledger.unreported_batches(QUEUE)
    ledger.has_rows(TABLE)
    ledger.unread_objects(QUEUE, TABLE, limit=10)
    ledger.lately_unread(QUEUE, TABLE, after=NOW - timedelta(days=1), until=NOW + timedelta(days=1), limit=10)
    for record in ledger.history(HistoryQuery()):
        for part in record.batches:
            ledger.batch_members(part.batch_id, limit=10)
            ledger.batch_messages(part.batch_id)
    ledger.rejected_messages([QUEUE])
    ledger.failures()


def history_is_forgotten(ledger: Ledger, clock: Clock) -> None:
    ledger.reported(QUEUE, ledger.unreported_batches(QUEUE)[0].batch_id)
    clock.advance(days=40)
    ledger.prune(older_than=timedelta(days=30), policies={TABLE: "replace"})


def fail(ledger: Ledger, batch_id: str, action: Action = "retry") -> None:
    """Settle a batch whose objects could not be read, by default for now."""
    members = start(ledger, batch_id).objects
    transient = action == "retry"
    failures = [replace(failure(one.object_id, transient=transient), on_error=action) for one in members]
    ledger.settle(batch_id, run_id="run-1", outcome=outcome(failures=failures))


def settle(ledger: Ledger, batch_id: str, *, rejected: int) -> None:
    """Settle a batch as the last one of its table: each object has ten rows, and some that were set aside."""
    work = start(ledger, batch_id)
    ids = [member.object_id for member in work.objects]
    ledger.confirm(batch_id, run_id="run-1", object_ids=ids)
    bad_rows = dict.fromkeys(ids, rejected)
    done = BatchOutcome(dict.fromkeys(ids, 10), (), 7, NOW + timedelta(seconds=1), bad_rows)
    ledger.settle(batch_id, run_id="run-1", outcome=done)
