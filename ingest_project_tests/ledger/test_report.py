"""What the ledger reports to people."""

from dataclasses import replace
from datetime import timedelta

from ingest_project.ledger.claim import routed_object_id
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ActionState, AfterRule
from ingest_project.ledger.report import EXAMPLES, OF_ONE_CLASS, QueueReport, TableReport
from ingest_project.ledger.source_actions import ActionResult, WaitingActions
from ingest_project_tests.ledger.factories import (
    NOW,
    PARTITION,
    QUEUE,
    TABLE,
    claim,
    deliver,
    failure,
    ingest,
    outcome,
    plan_one,
    routed,
    start,
)


def test_an_empty_ledger_reports_nothing(ledger: Ledger) -> None:
    assert ledger.table_report(TABLE) == TableReport(TABLE, {}, {}, 0, 0, None, None)
    assert ledger.queue_report(QUEUE) == QueueReport(QUEUE, {})
    assert ledger.failures() == []


def test_a_table_report_counts_what_is_in_the_table_and_what_is_on_its_way(ledger: Ledger) -> None:
    ingest(ledger, routed("a"), routed("b"), routed("elsewhere", table="web.clicks"))
    deliver(ledger, claim(routed("c")))
    plan_one(ledger)
    deliver(ledger, claim(routed("d")))

    report = ledger.table_report(TABLE)

    assert report.objects == {"committed": 2, "pending": 1, "planned": 1}
    assert report.batches == {"committed": 1, "planned": 1}
    assert (report.rows, report.last_commit, report.last_snapshot_id) == (20, NOW, 7)


def test_a_table_report_tells_what_waits_to_be_done_to_its_objects_and_why_it_fails(ledger: Ledger) -> None:
    rule = AfterRule("delete", None, "", with_bad_rows=False)
    deliver(ledger, *[claim(routed(key), message_id=key) for key in ("a", "b", "c", "done")])
    ids = [member.object_id for member in start(ledger, plan_one(ledger)).objects]
    (batch,) = ledger.open_batches(QUEUE)
    ledger.confirm(batch.batch_id, run_id="run-1", object_ids=ids)
    ended = replace(outcome(dict.fromkeys(ids, 10)), after=rule)
    ledger.settle(batch.batch_id, run_id="run-1", outcome=ended)
    assert ledger.table_report(TABLE).after == (WaitingActions("delete", 4, 0),)

    refused, done = (routed_object_id(routed(key)) for key in ("b", "done"))
    ledger.actions_ended([ActionResult(refused, ActionState.DUE, "S3 refused it")])
    ledger.actions_ended([ActionResult(done, ActionState.DONE)])

    (told,) = ledger.table_report(TABLE).after
    assert (told.action, told.waiting, told.failing, told.reason) == ("delete", 3, 1, "S3 refused it")
    assert told.uri == routed("b").object.uri
    assert told.not_before is not None
    assert told.not_before > NOW
    assert ledger.table_report("web.clicks").after == ()


def test_a_queue_report_counts_its_messages_by_state(ledger: Ledger) -> None:
    deliver(ledger, claim(message_id="1"), claim(message_id="2"), claim(rejected=("no S3 event",)))
    ledger.messages_deleted(QUEUE, ["1"])

    assert ledger.queue_report(QUEUE).messages == {"deleted": 1, "open": 1, "rejected": 1}
    assert ledger.queue_report("another").messages == {}


def test_failures_are_listed_up_to_a_limit(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(EXAMPLES + 5)])
    work = start(ledger, plan_one(ledger))

    failures = [failure(member.object_id) for member in work.objects]
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=failures))

    reported = ledger.failures()
    assert len(reported) == OF_ONE_CLASS
    assert [one.more for one in reported] == [0] * (OF_ONE_CLASS - 1) + [EXAMPLES + 5 - OF_ONE_CLASS]


def test_many_failures_of_one_class_hide_none_of_another(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"k{number}")) for number in range(50)])
    work = start(ledger, plan_one(ledger))
    failures = [failure(member.object_id) for member in work.objects]
    odd = replace(failures[0], error_class="schema")

    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[odd, *failures[1:]]))

    assert {(one.error_class, one.more) for one in ledger.failures()} >= {
        ("schema", 0),
        ("unreadable", 49 - OF_ONE_CLASS),
    }


def test_sums_are_integers_in_either_database(ledger: Ledger) -> None:
    ingest(ledger, routed("a"), routed("b"))

    report = ledger.table_report(TABLE)
    recent = ledger.committed_rows(TABLE, NOW, NOW + timedelta(seconds=1))
    figures = [
        report.rows, report.rejected_rows, *ledger.partition_rows(TABLE, [PARTITION, "another"]).values(),
        recent.rows, recent.rejected_rows,
    ]  # fmt: skip

    assert figures == [20, 0, 20, 0, 20, 0]
    assert {type(figure) for figure in figures} == {int}


def test_table_has_rows_from_its_first_to_its_last(ledger: Ledger) -> None:
    ingest(ledger, routed("elsewhere", table="web.clicks"))
    assert not ledger.has_rows(TABLE)
    ingest(ledger, routed("a"))

    assert ledger.has_rows(TABLE)


def test_rows_of_many_partitions_are_told_apart(ledger: Ledger) -> None:
    days = [f"2026-11-{day:02}" for day in range(1, 31)]
    ingest(ledger, *[routed(f"{day}/a", partition=day) for day in days[:20]])
    ingest(ledger, routed("elsewhere", table="web.clicks", partition=days[0]))

    assert ledger.partition_rows(TABLE, days) == dict.fromkeys(days, 0) | dict.fromkeys(days[:20], 10)
