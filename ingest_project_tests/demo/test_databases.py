"""The demo's databases: its own files, or its own schemas of a PostgreSQL database and nothing else there."""

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa

from ingest_project.demo.databases import LOCK, databases, metadata_location, of_schema
from ingest_project.errors import SettingsError
from ingest_project.ledger.ledger import Ledger
from ingest_project.settings.locations import database_url
from ingest_project_tests.databases import SERVER_VARIABLE, one_postgres


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """A database of its own: other tests run beside this one, and a database has one demo at a time."""
    if SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{SERVER_VARIABLE} is not set")
    made = one_postgres()
    yield made.ledger_url
    made.close()


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(
        psycopg.connect(url.replace("+psycopg2", "").replace("+psycopg", ""), autocommit=True)
    ) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def test_sqlite_files_lie_in_the_folder(tmp_path: Path) -> None:
    with databases(tmp_path, None) as urls:
        assert urls.ledger_url == f"sqlite:///{tmp_path}/ledger.db"
        assert urls.catalog_uri == f"sqlite:///{tmp_path}/catalog.db"
        assert urls.dagster_url is None


def test_a_schema_is_added_to_what_the_url_says_already() -> None:
    url = of_schema("postgresql://u:p%40ss@db:5433/ingest?sslmode=require&options=-cwork_mem%3D1MB", "mine")

    parts = sa.make_url(url)
    assert (parts.password, parts.port, parts.database) == ("p@ss", 5433, "ingest")
    assert parts.query == {"sslmode": "require", "options": "-cwork_mem=1MB -csearch_path=mine"}


def test_ledger_catalog_and_dagster_have_a_schema_each_and_nothing_else_is_touched(
    tmp_path: Path, postgres_url: str
) -> None:
    ask(postgres_url, "create table if not exists public.of_somebody_else (id int)")
    try:
        with databases(tmp_path, postgres_url) as urls:
            with closing(Ledger(database_url(urls.ledger_url, tmp_path))):
                pass
            found = ask(
                urls.ledger_url, "select schemaname from pg_tables where tablename = 'object_versions'"
            )
            assert ("ingest_demo_ledger",) in found
            assert ask(urls.catalog_uri, "select current_schema()") == [("ingest_demo_catalog",)]
            assert ask(urls.dagster_url or "", "select current_schema()") == [("ingest_demo_dagster",)]
        with databases(tmp_path, postgres_url) as urls:
            assert (
                ask(urls.ledger_url, "select tablename from pg_tables where schemaname = current_schema()")
                == []
            )
        assert ask(postgres_url, "select count(*) from public.of_somebody_else") == [(0,)]
    finally:
        ask(postgres_url, "drop table public.of_somebody_else")


def test_two_demos_in_one_database_are_refused(tmp_path: Path, postgres_url: str) -> None:
    with (
        databases(tmp_path, postgres_url),
        pytest.raises(SettingsError, match="another demo is running in this database"),
        databases(tmp_path, postgres_url),
    ):
        pass


def test_the_metadata_of_a_table_is_found_in_postgresql(tmp_path: Path, postgres_url: str) -> None:
    with databases(tmp_path, postgres_url) as urls:
        ask(
            urls.catalog_uri,
            "create table iceberg_tables (table_namespace text, table_name text, metadata_location text)",
        )
        ask(urls.catalog_uri, "insert into iceberg_tables values ('sales', 'orders', 's3://lake/m.json')")

        assert metadata_location(urls.catalog_uri, "sales.orders") == "s3://lake/m.json"
        assert metadata_location(urls.catalog_uri, "sales.returns") is None


def test_a_demo_may_follow_one_whose_connection_is_still_ending(tmp_path: Path, postgres_url: str) -> None:
    plain = postgres_url.replace("+psycopg", "")
    with closing(psycopg.connect(plain, autocommit=True)) as earlier:
        earlier.execute("select pg_advisory_lock(%s)", (LOCK,))
        ending = threading.Timer(0.5, earlier.close)
        ending.start()

        with databases(tmp_path, postgres_url):
            pass
        ending.join()


@pytest.mark.parametrize("url", ["mysql://root@127.0.0.1/demo", "127.0.0.1:5432", ""])
def test_another_url_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="write it like postgresql://"), databases(tmp_path, url):
        pass


def test_a_server_that_does_not_answer_is_reported_without_the_password(tmp_path: Path) -> None:
    with (
        pytest.raises(SettingsError, match="--postgres: connection failed") as refused,
        databases(tmp_path, "postgresql://demo:hunter2@127.0.0.1:1/demo"),
    ):
        pass
    assert "hunter2" not in str(refused.value)
    assert urlsplit(str(refused.value)).query == ""
