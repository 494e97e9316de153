"""PostgreSQL too, which plans by statistics, answers each batch's queries of a long history by indexes."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project_tests.ledger.factories import TABLE, listed, rebuild

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
        if statement.lstrip().upper().startswith("SELECT"):
            rows = long_history.exec_driver_sql(f"EXPLAIN {statement}", parameters)  # type: ignore[arg-type]
            found.append("\n".join(row[0] for row in rows))

    engine = ledger._database._engine
    sa.event.listen(engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(engine, "before_cursor_execute", explain)


def test_the_rows_of_a_batchs_partitions_are_counted_by_an_index(ledger: Ledger, plans: list[str]) -> None:
    rows = ledger.partition_rows(TABLE, [f"day-{day}" for day in range(30)])

    assert set(rows.values()) == {10 * OBJECTS_PER_DAY}
    assert len(plans) == 1
    assert not [plan for plan in plans if "Seq Scan on object_versions" in plan]


def test_a_rebuild_finds_its_partition_by_an_index(ledger: Ledger, plans: list[str]) -> None:
    rebuild(ledger, listed(partition="day-7"), partition="day-7")

    assert plans
    assert not [plan for plan in plans if "Seq Scan on object_versions" in plan]
