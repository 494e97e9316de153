"""What every tick and every batch asks of the ledger is answered by indexes, however long the history."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest_project.ledger.database import Database
from ingest_project.ledger.history import HistoryQuery
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.model import BatchKind, ObjectState
from ingest_project.ledger.selection import Selection
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.ledger.factories import (
    NOW,
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
    "messages", "message_objects", "object_versions", "batches", "batch_objects", "attempts",
    "jobs", "job_work",
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
        if statement.lstrip().upper().startswith("SELECT MIN("):
            return  # SQLite reads the index's first entry and stops, which its plan does not say
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

    assert scans == []


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


def test_the_check_itself_sees_a_scan(sqlite_ledger: Ledger, scans: list[str]) -> None:
    with sqlite_ledger._database.reading() as connection:
        connection.execute(sa.text("select * from object_versions where etag = 'x'")).all()

    assert len(scans) == 1
