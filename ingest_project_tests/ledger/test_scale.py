"""Ten thousand messages in one tick need some hundred statements, not some for each message."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import ClaimResult
from ingest_project_tests.ledger.factories import (
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
MOST_STATEMENTS = 280


@pytest.fixture
def statements(ledger: Ledger) -> Iterator[list[str]]:
    """All later statements of the ledger."""
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = ledger._database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", note)


def test_ten_thousand_messages_make_their_whole_journey(ledger: Ledger, statements: list[str]) -> None:
    claims = [claim(routed(f"orders/{number:05}.ndjson")) for number in range(MESSAGES)]

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

    assert len(statements) < MOST_STATEMENTS
    assert claimed == ClaimResult(MESSAGES, 0, MESSAGES, 0)
    assert [batch.objects for batch in batches] == [5_000, 5_000]
    assert ledger.table_report(TABLE).rows == MESSAGES
    assert ledger.queue_report(QUEUE).messages == {"deleted": MESSAGES}
