"""Ten thousand messages at once, as a tick may bring them: in seconds, not minutes."""

import time

from ingest_project.batches.ledger import Ledger
from ingest_project.batches.model import ClaimResult
from ingest_project_tests.batches.factories import (
    NOW,
    QUEUE,
    TABLE,
    claim,
    outcome,
    routed,
    rules,
    start,
)

MESSAGES = 10_000
GENEROUS_SECONDS = 30.0  # two to three on an idle machine


def test_ten_thousand_messages_make_their_whole_journey(ledger: Ledger) -> None:
    claims = [claim(routed(f"orders/{number:05}.ndjson")) for number in range(MESSAGES)]
    began = time.monotonic()

    claimed = ledger.claim_and_plan(
        QUEUE, claims, rules=[rules(max_objects=5_000, max_bytes=10**9)], max_in_flight=4, invisible_until=NOW
    )  # fmt: skip
    batches = ledger.open_batches(QUEUE)
    for batch in batches:
        rows = {member.object_id: 1 for member in start(ledger, batch.batch_id).objects}
        ledger.confirm(batch.batch_id, run_id="run-1", object_ids=set(rows))
        ledger.settle(batch.batch_id, run_id="run-1", outcome=outcome(rows))
    messages = ledger.deletable_messages(QUEUE, limit=MESSAGES)
    ledger.messages_deleted(QUEUE, [one.message_id for one in messages])

    assert time.monotonic() - began < GENEROUS_SECONDS
    assert claimed == ClaimResult(MESSAGES, 0, MESSAGES, 0)
    assert [batch.objects for batch in batches] == [5_000, 5_000]
    assert ledger.table_report(TABLE).rows == MESSAGES
    assert ledger.queue_report(QUEUE).messages == {"deleted": MESSAGES}
