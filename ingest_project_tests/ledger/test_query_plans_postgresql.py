"""PostgreSQL too, which plans by statistics, answers each batch's queries of a long history by indexes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.model import ActionState, AfterRule
from ingest_project.ledger.reconcile import TableSource
from ingest_project.ledger.source_actions import ActionResult, action_records, taken_away, waiting_actions
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    TABLE,
    claim,
    commit,
    deliver,
    id_of,
    listed,
    outcome,
    plan_one,
    rebuild,
    routed,
    start,
)

pytestmark = pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True, scope="session")

DAYS = 1_000
OBJECTS_PER_DAY = 20


@pytest.fixture
def long_history(tables: sa.Connection) -> sa.Connection:
    """Committed object versions of many days, and the planner's statistics of them."""
    tables.execute(
        sa.text(
            """
            INSERT INTO object_versions (object_id, key_id, queue, table_name, partition_key, bucket, key,
                size_bytes, event_time, claimed_at, state, attempts, not_before, rows)
            SELECT md5('o' || n), md5('k' || n), 'landing', :table, 'day-' || n % :days, 'b', 'k' || n, 1,
                now(), now(), 'committed', 0, now(), 10
            FROM generate_series(1, :days * :objects) AS n
            """
        ),
        {"table": TABLE, "days": DAYS, "objects": OBJECTS_PER_DAY},
    )
    tables.execute(sa.text("ANALYZE object_versions"))
    return tables


@pytest.fixture
def plans(ledger: Ledger, long_history: sa.Connection) -> Iterator[list[str]]:
    """The plans of all later queries of the ledger."""
    found: list[str] = []

    def explain(_connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            rows = long_history.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
            found.append("\n".join(row[0] for row in rows))

    engine = ledger._database._engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(engine, "before_cursor_execute", explain)


@pytest.fixture
def settled_history(long_history: sa.Connection) -> sa.Connection:
    """What came with these object versions: deleted messages, settled batches, and actions that were done."""
    numbers = "FROM generate_series(1, :objects) AS n"
    for statement in (
        f"""
        INSERT INTO messages (queue, message_id, state, receive_count, sent_at, received_at, invisible_until,
            deleted_at)
        SELECT 'landing', 'm' || n, 'deleted', 1, now(), now(), now(), now() {numbers}
        """,
        f"INSERT INTO message_objects SELECT 'landing', 'm' || n, md5('o' || n) {numbers}",
        f"""
        INSERT INTO batches (batch_id, queue, table_name, kind, on_overwrite, state, attempt, starts, objects,
            size_bytes, planned_at, not_before)
        SELECT 'b' || n, 'landing', :table, 'ingest', 'replace', 'committed', 1, 1, 1, 1, now(), now()
        {numbers}
        """,
        f"""
        INSERT INTO batch_objects (batch_id, object_id, role, confirmed)
        SELECT 'b' || n, md5('o' || n), 'ingest', true {numbers}
        """,
        f"""
        INSERT INTO source_actions (object_id, queue, action, state, attempts, not_before, planned_at)
        SELECT md5('o' || n), 'landing', 'delete', 'done', 0, now(), now() {numbers}
        """,
        "UPDATE object_versions SET claimed_at = now() - substr(key, 2)::int * interval '1 minute'",
        f"INSERT INTO message_contents SELECT md5('o' || n), 'x' {numbers}",
    ):
        given = {"table": TABLE, "objects": DAYS * OBJECTS_PER_DAY}
        long_history.execute(sa.text(statement).bindparams(**_used(statement, given)))
    long_history.execute(sa.text("ANALYZE"))
    return long_history


def _used(statement: str, given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if f":{name}" in statement}


def scans(plans: list[str]) -> list[str]:
    """The plans that read a whole table."""
    return [plan for plan in plans if "Seq Scan on " in plan]


def test_the_rows_of_a_batchs_partitions_are_counted_by_an_index(ledger: Ledger, plans: list[str]) -> None:
    rows = ledger.partition_rows(TABLE, [f"day-{day}" for day in range(30)])

    assert set(rows.values()) == {10 * OBJECTS_PER_DAY}
    assert len(plans) == 1
    assert not [plan for plan in plans if "Seq Scan on object_versions" in plan]


def test_a_rebuild_finds_its_partition_by_an_index(ledger: Ledger, plans: list[str]) -> None:
    rebuild(ledger, listed(partition="day-7"), partition="day-7")

    assert plans
    assert not [plan for plan in plans if "Seq Scan on object_versions" in plan]


def test_what_is_done_after_the_ingest_reads_no_history(
    ledger: Ledger, plans: list[str], settled_history: sa.Connection
) -> None:
    deliver(ledger, claim(routed(), message_id="m"))
    work = start(ledger, plan_one(ledger))
    ids = [id_of(work)]
    ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=ids)
    rule = AfterRule("delete", None, "orders/", with_bad_rows=False)
    ended = replace(outcome(dict.fromkeys(ids, 10)), after=rule)
    ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)
    ledger.messages_deleted(QUEUE, ["m"])
    plans.clear()

    (due,) = ledger.due_actions(QUEUE, limit=500)
    with ledger._database.reading() as connection:
        assert waiting_actions(connection, TABLE)
        taken_away(connection, {"k1"})
        action_records(connection, [due.object_id])
    ledger.actions_ended([ActionResult(due.object_id, ActionState.DUE, "a reason")])

    assert plans
    assert scans(plans) == []


def test_messages_that_are_rows_are_kept_and_dropped_without_reading_history(
    ledger: Ledger, plans: list[str], settled_history: sa.Connection
) -> None:
    message = replace(routed("message"), content=b"{}")
    deliver(ledger, claim(message, message_id="m"))
    assert ledger.message_contents(TABLE, [message.object])
    commit(ledger, plan_one(ledger))

    of_contents = [plan for plan in plans if "message_contents" in plan]
    assert len(of_contents) >= 3
    # Whether there are any is asked with LIMIT 1.
    assert [plan for plan in scans(of_contents) if not plan.startswith("Limit")] == []
    assert not ledger.message_contents(TABLE, [message.object])


def test_a_look_into_a_dead_letter_queue_reads_no_history(
    ledger: Ledger, plans: list[str], settled_history: sa.Connection
) -> None:
    failed, lost = claim(routed(), message_id="failed"), claim(message_id="lost", rejected=("no table",))
    deliver(ledger, failed, lost)
    plans.clear()

    assert len(ledger.known_letters(QUEUE, [failed, lost])) == 2

    assert plans
    assert scans(plans) == []


def test_a_reconciliation_reads_of_the_ledger_what_it_compares(
    ledger: Ledger, plans: list[str], settled_history: sa.Connection
) -> None:
    writes = [ListedWrite(listed(key, etag="etag-2"), NOW) for key in ("a", "b")]

    ledger.standings("replace", writes)
    assert ledger.claim_listed(QUEUE, "replace", writes) == 2
    assert ledger.pending_objects(QUEUE) == 2
    ledger.unknown_sources(TABLE, [TableSource("acme-landing", "a", "0055")])
    after = ledger.committed_versions(TABLE)[-1]
    ledger.committed_versions(TABLE, after=after)
    ledger.committed_versions(TABLE, claimed_since=NOW)
    (*_, last) = ledger.committed_versions(TABLE, partition="day-7")
    ledger.committed_versions(TABLE, partition="day-7", after=last)

    assert scans(plans) == []
    assert "ix_object_versions_table_name_partition_key" in plans[-2]
