"""A full disk stops the ledger's work and loses nothing: what failed is tried again once there is room."""

import pytest
import sqlalchemy as sa

from ingest_project.errors import LedgerUnavailable
from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.ledger.factories import (
    QUEUE,
    claim,
    deletable,
    deliver,
    failure,
    outcome,
    plan_one,
    routed,
    start,
)

# SQLite only: PostgreSQL stops by itself when its disk is full.
pytestmark = pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True, scope="session")


def set_room(ledger: Ledger, pages: int | None) -> None:
    """Limit how many pages the database may still use (None: no limit): SQLite then reports a full disk."""
    with ledger._database._engine.connect() as connection:
        used = connection.exec_driver_sql("PRAGMA page_count").scalar() or 0
        limit = 2**30 if pages is None else used + pages
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")


def test_claims_come_whole_once_there_is_room_again(ledger: Ledger, tables: sa.Connection) -> None:
    claims = [claim(routed(f"orders/{number}.ndjson")) for number in range(500)]
    set_room(ledger, 2)

    with pytest.raises(LedgerUnavailable, match="database or disk is full") as raised:
        deliver(ledger, *claims)

    assert raised.value.transient
    assert tables.scalar(sa.text("select count(*) from object_versions")) == 0
    assert tables.scalar(sa.text("select count(*) from messages")) == 0
    set_room(ledger, None)
    assert deliver(ledger, *claims).new_objects == 500


def test_a_batch_is_settled_once_there_is_room_again(ledger: Ledger) -> None:
    deliver(ledger, *[claim(routed(f"orders/{number}.ndjson")) for number in range(300)])
    batch_id = plan_one(ledger)
    ids = [member.object_id for member in start(ledger, batch_id).objects]
    ledger.confirm(batch_id, run_id="run-1", object_ids=set(ids))
    settled = outcome(rows=dict.fromkeys(ids, 1))
    # The reasons take the pages that are partly free.
    long_reasons = outcome(failures=[failure(one, reason="x" * 4000) for one in ids])
    set_room(ledger, 0)

    with pytest.raises(LedgerUnavailable, match="database or disk is full"):
        ledger.settle(batch_id, run_id="run-1", outcome=long_reasons)
    assert [batch.batch_id for batch in ledger.open_batches(QUEUE)] == [batch_id]
    set_room(ledger, None)
    ledger.settle(batch_id, run_id="run-1", outcome=settled)

    assert len(deletable(ledger)) == 300
    assert ledger.open_batches(QUEUE) == []
