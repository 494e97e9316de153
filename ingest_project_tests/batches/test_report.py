"""What the ledger tells people."""

from ingest_project.batches.ledger import Ledger
from ingest_project.batches.report import EXAMPLES, QueueReport, TableReport
from ingest_project_tests.batches.factories import (
    NOW,
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

    assert len(ledger.failures()) == EXAMPLES
