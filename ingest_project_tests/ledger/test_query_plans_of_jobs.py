"""What is asked of the ledger about jobs is answered by indexes, however many have ended."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project.ledger.job_model import JobQuery, JobState
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.selection import Selection
from ingest_project_tests.ledger.factories import NOW, Clock
from ingest_project_tests.ledger.job_factories import (
    REQUESTS,
    bring,
    complete,
    fail,
    plan_jobs,
    request,
    run,
    submit,
)

ENDED = 2_000
SCANS = {
    "sqlite": re.compile(
        r"SCAN (?:TABLE )?(?:messages|message_objects|object_versions|batches|batch_objects|attempts|"
        r"job_requests|job_work)\b"
        r"(?! USING INDEX ix_job_requests_\w*submitted_at)"
    ),
    "postgresql": re.compile(
        r"Seq Scan on (?:object_versions|batches|batch_objects|attempts|job_requests)\b"
    ),
}
"""Steps that read all rows. SQLite calls it a scan too if it reads an index in order, up to the limit."""
BY_STATE_OF_ALL = re.compile(r"USING (?:COVERING )?INDEX (?!ix_object_versions_of_jobs)\S+ \(state=\?\)$")
NUMBERS = "WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < :ended) "
HISTORY = (
    """INSERT INTO object_versions (object_id, key_id, queue, table_name, bucket, key, size_bytes,
           event_time, claimed_at, state, attempts, not_before, settled_at)
       SELECT 'o' || n, 'k' || n, 'requests', 'job:export', 'sqs:requests', 'j' || n, 1,
           :at, :at, 'committed', 0, :at, :at FROM t""",
    """INSERT INTO job_requests (job_id, object_id, queue, kind, requester, input, submitted_at, sent_at,
           waits, claimed, mirrored, mirror_number)
       SELECT 'j' || n, 'o' || n, 'requests', 'export', 'ann', '{}', :at, :at, false,
           true, 'completed', 1 FROM t""",
    """INSERT INTO batches (batch_id, queue, table_name, kind, on_overwrite, state, attempt, starts, objects,
           size_bytes, planned_at, not_before, settled_at)
       SELECT 'b' || n, 'requests', 'job:export', 'ingest', 'append', 'committed', 1, 1, 1,
           1, :at, :at, :at FROM t""",
    """INSERT INTO batch_objects (batch_id, object_id, role, confirmed)
       SELECT 'b' || n, 'o' || n, 'ingest', true FROM t WHERE :at IS NOT NULL""",
    """INSERT INTO attempts (batch_id, number, attempt, run_id, started_at)
       SELECT 'b' || n, 1, 1, 'r', :at FROM t""",
)


@pytest.fixture
def long_history(ledger: Ledger, tables: sa.Connection) -> sa.Connection:
    """Jobs that have ended, and what PostgreSQL's planner knows of them; SQLite's knows nothing."""
    at = sa.bindparam("at", (NOW - timedelta(days=3)).replace(tzinfo=None), sa.DateTime())
    for statement in HISTORY:
        tables.execute(sa.text(NUMBERS + statement).bindparams(at, ended=ENDED))
    if tables.dialect.name == "postgresql":
        tables.execute(sa.text("ANALYZE"))
    return tables


@pytest.fixture
def scans(ledger: Ledger, long_history: sa.Connection) -> Iterator[list[str]]:
    """The steps of all later query plans that read a whole table, or all rows of one state."""
    found: list[str] = []
    name = long_history.dialect.name
    explain_words = "EXPLAIN QUERY PLAN" if name == "sqlite" else "EXPLAIN"

    def explain(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if not statement.lstrip().upper().startswith(("SELECT", "UPDATE", "DELETE")):
            return
        if re.match(r"\s*SELECT (MIN\(|set_config|pg_)", statement, re.IGNORECASE):
            return
        first = parameters[0] if isinstance(parameters, list) else parameters
        rows = long_history.exec_driver_sql(f"{explain_words} {statement}", first)
        steps = [str(row[3] if name == "sqlite" else row[0]) for row in rows]
        found.extend(
            f"{step}: {statement}"
            for step in steps
            if SCANS[name].search(step) or BY_STATE_OF_ALL.search(step)
        )

    engine = ledger._database._engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(engine, "before_cursor_execute", explain)


def test_a_request_and_its_job_read_no_history(ledger: Ledger, scans: list[str]) -> None:
    one = request()
    submit(ledger, one, key="k")
    submit(ledger, one, key="k")
    bring(ledger, one)
    bring(ledger, request())
    plan_jobs(ledger)
    other = request()
    complete(ledger, other)
    ledger.jobs.job(other.job_id)
    ledger.jobs.request(other.job_id)
    ledger.jobs.is_accepted(other.job_id)
    ledger.jobs.tell(other.job_id, progress={"rows": 1})
    ledger.jobs.wait_for(other.job_id, object_ids=["o"], batch_ids=["b"])
    ledger.jobs.work(other.job_id)

    assert scans == []


def test_a_cancellation_reads_no_history(ledger: Ledger, scans: list[str]) -> None:
    one = request()
    batch_id = run(ledger, one)
    ledger.jobs.cancel(one.job_id, by="ann")
    ledger.jobs.job_of_batch(batch_id)

    assert scans == []


@pytest.mark.parametrize("state", [None, *JobState])
def test_a_page_of_jobs_is_found_by_indexes(ledger: Ledger, scans: list[str], state: JobState | None) -> None:
    fail(ledger, request())
    run(ledger, request())
    scans.clear()

    for query in (
        JobQuery(state=state),
        JobQuery(state=state, kind="export"),
        JobQuery(state=state, requester="ann"),
        JobQuery(state=state, after=(NOW, "f")),
    ):
        ledger.jobs.jobs(query)

    assert scans == []


def test_a_tick_of_the_jobs_queue_reads_no_history(ledger: Ledger, scans: list[str]) -> None:
    run(ledger, request())
    ledger.jobs.waiting(REQUESTS)
    ledger.jobs.counts(since=NOW - timedelta(hours=1))
    ledger.jobs.open_jobs(submitted_before=NOW + timedelta(hours=1), limit=10)
    (one,) = ledger.jobs.unmirrored(limit=10)
    ledger.jobs.mirrored(one.job.job_id, one.job.state, number=one.number)

    assert scans == []


def test_a_retry_of_a_failed_job_reads_no_history(ledger: Ledger, scans: list[str]) -> None:
    one = request()
    fail(ledger, one)

    assert ledger.retry(Selection(uris=(f"sqs://{REQUESTS}/{one.job_id}",))).objects

    assert scans == []


@pytest.mark.parametrize("migrated_url", ["sqlite"], indirect=True, scope="session")
def test_pruning_jobs_reads_no_more_than_it_may_forget(
    ledger: Ledger, clock: Clock, scans: list[str]
) -> None:
    clock.advance(days=40)
    complete(ledger, request(at=clock.now))
    scans.clear()

    assert ledger.prune(older_than=timedelta(days=30), policies={}).jobs == ENDED

    assert scans == []
