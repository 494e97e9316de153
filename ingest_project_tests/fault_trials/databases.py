"""Where the ledger and the catalog of a deployment live: two SQLite files, or two databases of a PostgreSQL server."""

import os
import uuid
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from ingest_project_tests.fault_trials.relay import Relay

SERVER_VARIABLE = "INGEST_TEST_POSTGRES_URL"


@dataclass
class Databases:
    """The databases by their own URLs; on a server, the project reaches them through a relay for each."""

    ledger_url: str
    catalog_url: str
    server_url: str | None = None
    relays: dict[str, Relay] = field(default_factory=dict)

    def url_for_project(self, which: str) -> str:
        """The URL of `ledger` or `catalog` that the project is given."""
        url = self.ledger_url if which == "ledger" else self.catalog_url
        if which not in self.relays:
            return url
        through = sa.make_url(url).set(host="127.0.0.1", port=self.relays[which].port)
        return through.update_query_dict({"sslmode": "disable"}).render_as_string(hide_password=False)

    @cached_property
    def ledger(self) -> sa.Engine:
        """To look in from outside."""
        return sa.create_engine(self.ledger_url, poolclass=sa.NullPool)

    @cached_property
    def catalog(self) -> sa.Engine:
        """To look in from outside."""
        return sa.create_engine(self.catalog_url, poolclass=sa.NullPool)

    def close(self) -> None:
        """Drop what was made on the server; files are their folder's owner's to delete."""
        for relay in self.relays.values():
            relay.close()
        if self.server_url is None:
            return
        with server(self.server_url) as connection:
            for url in (self.ledger_url, self.catalog_url):
                name = sa.make_url(url).database
                connection.execute(sa.text(f'drop database if exists "{name}" with (force)'))


def sqlite(home: Path) -> Databases:
    """Two files in a folder."""
    return Databases(f"sqlite:///{home}/ledger.db", f"sqlite:///{home}/catalog.db")


def postgres() -> Databases:
    """Two new databases on the server that INGEST_TEST_POSTGRES_URL names."""
    url = os.environ[SERVER_VARIABLE]
    parsed = sa.make_url(url)
    mark = uuid.uuid4().hex[:12]
    names = {kind: f"fault_trials_{mark}_{kind}" for kind in ("ledger", "catalog")}
    with server(url) as connection:
        for name in names.values():
            connection.execute(sa.text(f'create database "{name}"'))
    urls = {
        kind: parsed.set(database=name).render_as_string(hide_password=False) for kind, name in names.items()
    }
    relays = {kind: Relay(parsed.host or "127.0.0.1", parsed.port or 5432) for kind in names}
    return Databases(urls["ledger"], urls["catalog"], server_url=url, relays=relays)


def server(url: str) -> sa.Connection:
    """A connection that commits each statement by itself, as `create database` wants it."""
    return sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect()
