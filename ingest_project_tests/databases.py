"""The databases of a deployment's ledger, catalog and Dagster storage: SQLite files, or those of a server."""

import os
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from ingest_project_tests.relay import Relay

SERVER_VARIABLE = "INGEST_TEST_POSTGRES_URL"
DAGSTER_DRIVER = "postgresql+psycopg2"
"""The driver that dagster-postgres needs: with psycopg 3, our default, it does not store events."""
on_both_databases = pytest.mark.parametrize("world", ["sqlite", "postgres"], indirect=True)
"""Runs a test of a `World` with SQLite files, and with ledger, catalog and storage on PostgreSQL."""

on_each_layout = pytest.mark.parametrize("world", ["sqlite", "postgres", "one-postgres"], indirect=True)
"""The same, and also with all three in one schema of one database."""


@dataclass
class Databases:
    """The databases by their own URLs. Through `relays`, by name, the project reaches some of them.

    `is_one`: ledger, catalog and Dagster's storage are in one database.
    """

    ledger_url: str
    catalog_url: str
    server_url: str | None = None
    relays: dict[str, Relay] = field(default_factory=dict)
    dagster_urls: dict[Path, str] = field(default_factory=dict)
    is_one: bool = False

    def url_for_project(self, which: str) -> str:
        """The URL of `ledger` or `catalog` for the project."""
        url = self.ledger_url if which == "ledger" else self.catalog_url
        if which not in self.relays:
            return url
        through = sa.make_url(url).set(host="127.0.0.1", port=self.relays[which].port)
        return through.update_query_dict({"sslmode": "disable"}).render_as_string(hide_password=False)

    def dagster_storage(self, home: Path) -> dict[str, Any]:
        """The storage in the dagster.yaml of this DAGSTER_HOME; on a server, homes may share a database."""
        if self.server_url is None:
            return {}
        if home not in self.dagster_urls:
            made = sa.make_url(self.ledger_url) if self.is_one else _create(self.server_url, "dagster")
            url = made.set(drivername=DAGSTER_DRIVER)
            self.dagster_urls[home] = url.render_as_string(hide_password=False)
        return {"storage": {"postgres": {"postgres_url": self.dagster_urls[home]}}}

    def read_dagster(self, home: Path, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the runs and heartbeats of this DAGSTER_HOME; none while it has no storage yet."""
        url = self.dagster_urls.get(home)
        if url is not None:
            return read(sa.make_url(url).set(drivername="postgresql+psycopg"), query, **parameters)
        return read(sa.make_url(f"sqlite:///{home}/history/runs.db"), query, **parameters)

    def read_ledger(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        """Rows of the ledger; none while it does not exist yet."""
        return read(sa.make_url(self.ledger_url), query, **parameters)

    def metadata_location(self, table: str) -> str | None:
        """The path of the table's current metadata file, as the catalog's own database has it."""
        namespace, _, name = table.rpartition(".")
        query = (
            "select metadata_location from iceberg_tables"
            " where table_namespace = :namespace and table_name = :name"
        )
        rows = read(sa.make_url(self.catalog_url), query, namespace=namespace, name=name)
        return str(rows[0][0]).removeprefix("file://") if rows else None

    @cached_property
    def ledger(self) -> sa.Engine:
        """To look in from outside."""
        return sa.create_engine(self.ledger_url, poolclass=sa.NullPool)

    @cached_property
    def catalog(self) -> sa.Engine:
        """To look in from outside."""
        return sa.create_engine(self.catalog_url, poolclass=sa.NullPool)

    def close(self) -> None:
        """Drop the databases on the server; the owner of the folder deletes files."""
        for relay in self.relays.values():
            relay.close()
        if self.server_url is None:
            return
        with server(self.server_url) as connection:
            for url in (self.ledger_url, self.catalog_url, *self.dagster_urls.values()):
                name = sa.make_url(url).database
                connection.execute(sa.text(f'drop database if exists "{name}" with (force)'))


def sqlite(home: Path) -> Databases:
    """Files in a folder."""
    return Databases(f"sqlite:///{home}/ledger.db", f"sqlite:///{home}/catalog.db")


def postgres() -> Databases:
    """New databases on the server that INGEST_TEST_POSTGRES_URL names."""
    url = os.environ[SERVER_VARIABLE]
    ledger, catalog = (
        _create(url, kind).render_as_string(hide_password=False) for kind in ("ledger", "catalog")
    )
    return Databases(ledger, catalog, server_url=url)


def one_postgres() -> Databases:
    """One new database on that server, with one schema for ledger, catalog and Dagster's storage."""
    url = os.environ[SERVER_VARIABLE]
    shared = _create(url, "all").render_as_string(hide_password=False)
    return Databases(shared, shared, server_url=url, is_one=True)


def relayed(databases: Databases) -> Databases:
    """The same, with a relay before the ledger and one before the catalog."""
    for which, url in (("ledger", databases.ledger_url), ("catalog", databases.catalog_url)):
        parsed = sa.make_url(url)
        databases.relays[which] = Relay(parsed.host or "127.0.0.1", parsed.port or 5432)
    return databases


def read(url: sa.URL, query: str, **parameters: object) -> list[tuple[Any, ...]]:
    """Rows of a database that others write; none while it, or one of its tables, does not exist yet."""
    if url.get_backend_name() == "sqlite":
        if not Path(url.database or "").exists():
            return []
        url = url.set(database=f"file:{url.database}").update_query_dict({"mode": "ro", "uri": "true"})
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(query), parameters)]
    except (sa.exc.OperationalError, sa.exc.ProgrammingError) as error:
        if "no such table" in str(error) or "UndefinedTable" in str(error):
            return []
        raise


def server(url: str) -> sa.Connection:
    """A connection that commits each statement by itself, as `create database` needs it."""
    return sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect()


def _create(server_url: str, kind: str) -> sa.URL:
    """A new database on the server, with a unique name."""
    name = f"ingest_test_{uuid.uuid4().hex[:12]}_{kind}"
    with server(server_url) as connection:
        connection.execute(sa.text(f'create database "{name}"'))
    return sa.make_url(server_url).set(database=name)
