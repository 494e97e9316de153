"""One PostgreSQL database and schema for all: the ledger, the catalog and Dagster's own storage."""

import os
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
import yaml

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.schema_version import VERSION_TABLE, newest_revision
from ingest_project.ledger.tables import metadata
from ingest_project_tests import databases
from ingest_project_tests.databases import Databases
from ingest_project_tests.ledger import schema_versions
from ingest_project_tests.ledger.schema_versions import SHARED

pytestmark = pytest.mark.skipif(
    databases.SERVER_VARIABLE not in os.environ, reason=f"{databases.SERVER_VARIABLE} is not set"
)


@dg.job
def some_job() -> None:
    """A job to have a run of."""


@pytest.fixture
def shared() -> Iterator[Databases]:
    """A new database of the server."""
    made = databases.one_postgres()
    yield made
    made.close()


def open_ledger(shared: Databases) -> None:
    Ledger(shared.ledger_url).close()


def open_dagster(shared: Databases, home: Path) -> None:
    """Open Dagster's storage and migrate it, store a run with its events, and read it back."""
    (home / "dagster.yaml").write_text(yaml.safe_dump(shared.dagster_storage(home)))
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.upgrade()
        run = instance.create_run_for_job(some_job, status=dg.DagsterRunStatus.STARTED)
        instance.report_run_failed(run)
        failed = instance.get_run_by_id(run.run_id)
        assert failed is not None
        assert failed.status is dg.DagsterRunStatus.FAILURE
        assert instance.all_logs(run.run_id)


def versions(shared: Databases, table: str) -> list[str]:
    with shared.ledger.connect() as connection:
        return schema_versions.versions(connection, table)


@pytest.mark.parametrize("first", ["ledger", "dagster"])
def test_either_may_be_made_first_and_both_are_opened_and_migrated_again(
    shared: Databases, tmp_path: Path, first: str
) -> None:
    if first == "ledger":
        open_ledger(shared)
    open_dagster(shared, tmp_path)
    of_dagster = versions(shared, SHARED)

    for _ in range(2):
        open_ledger(shared)
        open_dagster(shared, tmp_path)

    assert versions(shared, VERSION_TABLE) == [newest_revision()]
    assert versions(shared, SHARED) == of_dagster
    assert len(of_dagster) == 1


def test_dagster_comes_into_the_database_of_an_older_ledger(shared: Databases, tmp_path: Path) -> None:
    open_ledger(shared)
    with shared.ledger.begin() as connection:
        schema_versions.in_the_shared_table(connection)

    open_ledger(shared)
    open_dagster(shared, tmp_path)

    assert versions(shared, VERSION_TABLE) == [newest_revision()]
    assert len(versions(shared, SHARED)) == 1


def test_no_table_or_index_has_a_name_that_dagster_gives(shared: Databases, tmp_path: Path) -> None:
    """They share the names of one schema, and a table that exists already is not created."""
    open_ledger(shared)
    ours = names(shared)

    open_dagster(shared, tmp_path)
    with shared.ledger.begin() as connection:
        tables = [*metadata.sorted_tables, schema_versions.version_table(VERSION_TABLE)]
        for table in tables:
            table.drop(connection)

    assert {"batches", VERSION_TABLE} <= ours
    assert "runs" in names(shared)
    assert not ours & names(shared)


def names(shared: Databases) -> set[str]:
    """The names of all tables, indexes and sequences of the schema."""
    query = "select relname from pg_class where relnamespace = 'public'::regnamespace"
    with shared.ledger.connect() as connection:
        return set(connection.scalars(sa.text(query)))
