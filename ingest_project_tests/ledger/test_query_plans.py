"""What every tick and every batch asks of the ledger is answered by indexes, however long the history."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.ledger.database import Database
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.ledger.model import ActionState, AfterRule, BatchKind, ObjectState
from ingest_project.ledger.reconcile import TableSource
from ingest_project.ledger.selection import Selection
from ingest_project.ledger.source_actions import ActionResult, taken_away, waiting_actions
from ingest_project.ledger.tables import key_id
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import (
    NOW,
    PARTITION,
    QUEUE,
    TABLE,
    Clock,
    claim,
    commit,
    deletable,
    deliver,
    fail_for_good,
    failure,
    held,
    id_of,
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

LARGE = {
    "messages", "message_objects", "message_contents", "object_versions", "batches", "batch_objects",
    "attempts", "source_actions", "job_requests", "job_work",
}  # fmt: skip
BY_STATE_OF_ALL = re.compile(r"USING (?:COVERING )?INDEX \S+ \(state=\?\)$")


@pytest.fixture
def sqlite_ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = Ledger(f"sqlite:///{tmp_path}/ledger.db", clock=Clock())
    yield opened
    opened.close()


@pytest.fixture
def plans() -> list[str]:
    """The steps of all later query plans."""
    return []


@pytest.fixture
def scans(sqlite_ledger: Ledger, tmp_path: Path, plans: list[str]) -> Iterator[list[str]]:
    """The steps of all later query plans that read a whole table, or all rows of one state."""
    found: list[str] = []
    explainer = Database(f"sqlite:///{tmp_path}/ledger.db")

    def explain(_connection: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            return
        if _reads_only_the_first(statement):
            return  # SQLite stops there, which its plan does not say
        raw = explainer._engine.raw_connection()
        first = parameters[0] if isinstance(parameters, list) else parameters
        rows = raw.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", first)  # type: ignore[arg-type]
        steps = [row[3] for row in rows]
        plans.extend(steps)
        found.extend(f"{step}: {statement}" for step in steps if _reads_history(step))
        raw.close()

    sa.event.listen(sqlite_ledger._database._engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(sqlite_ledger._database._engine, "before_cursor_execute", explain)
    explainer.dispose()


def _reads_only_the_first(statement: str) -> bool:
    words = statement.upper().split()
    return words[1].startswith("MIN(") or ("LIMIT" in words and not {"WHERE", "ORDER", "GROUP"} & set(words))


def _reads_history(step: str) -> bool:
    scanned = re.match(r"SCAN (?:TABLE )?(\w+)", step)
    return bool(scanned and scanned[1] in LARGE) or bool(BY_STATE_OF_ALL.search(step))


@pytest.mark.parametrize("policy", ["replace", "append", "ignore"])
def test_an_ingest_reads_no_history(sqlite_ledger: Ledger, scans: list[str], policy: OnOverwrite) -> None:
    table = rules(on_overwrite=policy)
    ingest(sqlite_ledger, routed(sequencer="01"), table=table)
    deliver(sqlite_ledger, claim(routed(sequencer="02"), message_id="m"), claim(routed("b")))
    (batch_id,) = plan(sqlite_ledger, table) or [""]
    sqlite_ledger.next_attempt(batch_id, attempt=1, error="it died")
    commit(sqlite_ledger, batch_id)

    assert scans == []


def test_a_redrive_reads_no_history(sqlite_ledger: Ledger, scans: list[str]) -> None:
    deliver(sqlite_ledger, claim(routed()))
    work = start(sqlite_ledger, plan_one(sqlite_ledger))
    broken = failure(id_of(work))
    sqlite_ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken]))

    deliver(sqlite_ledger, claim(routed()))

    assert sqlite_ledger.waiting_objects(QUEUE) == 1
    assert scans == []


def test_a_tick_reads_no_history(sqlite_ledger: Ledger, scans: list[str]) -> None:
    ingest(sqlite_ledger, routed())

    sqlite_ledger.waiting_objects(QUEUE)
    sqlite_ledger.open_batches(QUEUE)
    sqlite_ledger.deletable_messages(QUEUE)
    sqlite_ledger.messages_to_extend(QUEUE, timeout=timedelta(minutes=5))
    sqlite_ledger.messages_extended(QUEUE, ["m"], invisible_until=NOW)
    sqlite_ledger.messages_deleted(QUEUE, ["m"], refused=["n"])

    assert scans == []


def test_a_rebuild_reads_no_history_of_other_partitions(sqlite_ledger: Ledger, scans: list[str]) -> None:
    ingest(sqlite_ledger, routed("a"), routed("gone"))
    fail_for_good(sqlite_ledger, routed("never"))

    batch_id = rebuild(sqlite_ledger, listed("a"), listed("b"), held=held("a", "b"))
    commit(sqlite_ledger, batch_id, run_id="rebuild-1")
    sqlite_ledger.partitions_of([listed("a")])

    assert scans == []


@pytest.mark.parametrize(
    "query",
    [
        HistoryQuery(),
        HistoryQuery(table=TABLE, since=NOW),
        HistoryQuery(states=(ObjectState.FAILED,), error_class="unreadable"),
        HistoryQuery(error_class="unreadable", keys=("orders/*",)),
        HistoryQuery(keys=("s3://acme-landing/orders/a.ndjson",)),
        HistoryQuery(batch_id="b1"),
    ],
)
def test_a_page_of_history_is_found_by_indexes(
    sqlite_ledger: Ledger, scans: list[str], query: HistoryQuery
) -> None:
    ingest(sqlite_ledger, routed(), routed("b"))

    sqlite_ledger.history(query)
    sqlite_ledger.rejected_messages([QUEUE], since=NOW)
    sqlite_ledger.batch_members("b1", limit=100)
    sqlite_ledger.batch_messages("b1")

    assert scans == []


@pytest.mark.parametrize(
    "selection",
    [
        Selection(uris=("s3://acme-landing/orders/a.ndjson",)),
        Selection(batch_id="b1"),
        Selection(table=TABLE),
        Selection(error_class="unreadable", table=TABLE),
    ],
)
def test_a_retry_reads_no_history(sqlite_ledger: Ledger, scans: list[str], selection: Selection) -> None:
    deliver(sqlite_ledger, claim(routed()))
    work = start(sqlite_ledger, plan_one(sqlite_ledger))
    broken = failure(id_of(work))
    sqlite_ledger.settle(work.batch.batch_id, run_id="run-1", outcome=outcome(failures=[broken]))

    sqlite_ledger.retry(selection)

    assert scans == []


@pytest.mark.parametrize(
    "selection",
    [
        Selection(uris=("s3://acme-landing/orders/a.ndjson",)),
        Selection(batch_id="b1"),
        Selection(table=TABLE),
    ],
)
def test_a_dismissal_reads_no_history(sqlite_ledger: Ledger, scans: list[str], selection: Selection) -> None:
    fail_for_good(sqlite_ledger, routed())

    sqlite_ledger.dismiss(selection)

    assert scans == []


def test_pruning_reads_no_more_than_it_may_forget(
    sqlite_ledger: Ledger, scans: list[str], tmp_path: Path
) -> None:
    ingest(sqlite_ledger, routed(sequencer="01"))
    ingest(sqlite_ledger, routed(sequencer="02"))
    sqlite_ledger.messages_deleted(QUEUE, deletable(sqlite_ledger))
    later = Ledger(f"sqlite:///{tmp_path}/ledger.db", clock=Clock(NOW + timedelta(days=60)))
    later._database.dispose()
    later._database = sqlite_ledger._database

    assert later.prune(older_than=timedelta(days=30), policies={TABLE: "replace"}).object_versions == 1

    # Contents are there only while their messages wait, or have rows in quarantine.
    assert [one for one in scans if "SCAN message_contents" not in one] == []


def test_checks_of_a_table_read_only_the_commits_that_they_ask_for(
    sqlite_ledger: Ledger, scans: list[str], plans: list[str]
) -> None:
    ingest(sqlite_ledger, routed())
    plans.clear()

    sqlite_ledger.last_commit(TABLE)
    sqlite_ledger.committed_rows(TABLE, NOW - timedelta(days=1), NOW)
    sqlite_ledger.committed_rows(TABLE, NOW - timedelta(days=1), NOW, BatchKind.INGEST)

    assert scans == []
    assert [re.sub(r".*_committed_at ", "", step) for step in plans] == [
        "(table_name=? AND state=? AND committed_at>?)",
        "(table_name=? AND state=? AND committed_at>? AND committed_at<?)",
        "(table_name=? AND state=? AND committed_at>? AND committed_at<?)",
    ]


def test_checks_and_alerts_of_failed_objects_read_just_these(
    sqlite_ledger: Ledger, scans: list[str], plans: list[str]
) -> None:
    ingest(sqlite_ledger, routed())
    plans.clear()

    sqlite_ledger.unread_objects(QUEUE, TABLE, limit=10)
    sqlite_ledger.lately_unread(QUEUE, TABLE, after=NOW, until=NOW, limit=10)
    sqlite_ledger.has_rows(TABLE)

    assert scans == []
    found = [step for step in plans if "ix_object_versions_state" in step]
    assert found
    assert all("(state=? AND queue=? AND table_name=?)" in step for step in found)


@pytest.mark.parametrize("ends", list(ActionState))
def test_what_is_done_after_the_ingest_reads_no_history(
    sqlite_ledger: Ledger, scans: list[str], ends: ActionState
) -> None:
    deliver(sqlite_ledger, claim(routed(), message_id="m"))
    work = start(sqlite_ledger, plan_one(sqlite_ledger))
    ids = [id_of(work)]
    sqlite_ledger.confirm(work.batch.batch_id, run_id="run-1", object_ids=ids)
    rule = AfterRule("move", "s3://archive/done/", "orders/", with_bad_rows=False)
    ended = replace(outcome(dict.fromkeys(ids, 10)), after=rule)
    sqlite_ledger.settle(work.batch.batch_id, run_id="run-1", outcome=ended)
    sqlite_ledger.messages_deleted(QUEUE, ["m"])

    (due,) = sqlite_ledger.due_actions(QUEUE, limit=500)
    sqlite_ledger.actions_ended([ActionResult(due.object_id, ends, "a reason")])
    sqlite_ledger.history(HistoryQuery(keys=("s3://acme-landing/orders/a.ndjson",)))
    with sqlite_ledger._database.reading() as connection:
        waiting_actions(connection, TABLE)
        taken_away(connection, {key_id(TABLE, "acme-landing", "orders/a.ndjson")})

    assert scans == []


def test_messages_that_are_rows_are_kept_and_dropped_without_reading_history(
    sqlite_ledger: Ledger, scans: list[str]
) -> None:
    message = replace(routed("message"), content=b"{}")
    deliver(sqlite_ledger, claim(message))
    deliver(sqlite_ledger, claim(replace(routed("another"), content=b"{}")))
    assert sqlite_ledger.message_contents(TABLE, [message.object])
    commit(sqlite_ledger, plan_one(sqlite_ledger))

    assert not sqlite_ledger.message_contents(TABLE, [message.object])
    assert scans == []


def test_a_look_into_a_dead_letter_queue_reads_no_history(sqlite_ledger: Ledger, scans: list[str]) -> None:
    failed, lost = claim(routed(), message_id="failed"), claim(message_id="lost", rejected=("no table",))
    deliver(sqlite_ledger, failed, lost)

    assert len(sqlite_ledger.known_letters(QUEUE, [failed, lost])) == 2
    assert scans == []


def test_a_reconciliation_reads_of_the_ledger_what_it_compares(
    sqlite_ledger: Ledger, scans: list[str], plans: list[str]
) -> None:
    ingest(sqlite_ledger, routed("a"))
    fail_for_good(sqlite_ledger, listed("failed"))
    later = NOW + timedelta(minutes=1)
    writes = [
        ListedWrite(listed(key, etag="etag-2", event_time=later), later) for key in ("a", "b", "failed")
    ]

    sqlite_ledger.standings("replace", writes)
    assert sqlite_ledger.claim_listed(QUEUE, "replace", writes) == 3
    sqlite_ledger.pending_objects(QUEUE)
    sqlite_ledger.unknown_sources(TABLE, [TableSource("acme-landing", "a", "0055")])
    plans.clear()
    (first,) = sqlite_ledger.committed_versions(TABLE)
    sqlite_ledger.committed_versions(TABLE, after=first)
    sqlite_ledger.committed_versions(TABLE, claimed_since=NOW)

    assert scans == []
    read = [step for step in plans if "_claimed_at" in step]
    assert [re.sub(r".*_claimed_at ", "", step) for step in read] == [
        "(table_name=?)", "(table_name=? AND claimed_at>?)", "(table_name=? AND claimed_at>?)",
    ]  # fmt: skip


def test_the_versions_of_a_partition_are_found_by_an_index(
    sqlite_ledger: Ledger, scans: list[str], plans: list[str]
) -> None:
    ingest(sqlite_ledger, routed())
    plans.clear()

    (first,) = sqlite_ledger.committed_versions(TABLE, partition=PARTITION)
    sqlite_ledger.committed_versions(TABLE, partition=PARTITION, after=first)

    assert scans == []
    assert [step for step in plans if "(table_name=? AND partition_key=?)" in step]
    assert not [step for step in plans if "_claimed_at" in step]


def test_the_check_itself_sees_a_scan(sqlite_ledger: Ledger, scans: list[str]) -> None:
    with sqlite_ledger._database.reading() as connection:
        connection.execute(sa.text("select * from object_versions where etag = 'x'")).all()

    assert len(scans) == 1
