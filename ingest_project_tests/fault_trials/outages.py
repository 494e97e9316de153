"""Databases that do not answer: held by a lock, cut off, or committed without a word."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from ingest_project_tests.databases import SERVER_VARIABLE, Databases, server


@contextmanager
def locked(engine: sa.Engine) -> Iterator[None]:
    """Nobody else can write to the database, nor, on PostgreSQL, read from it, while the block runs."""
    with engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        if engine.dialect.name == "sqlite":
            raw.isolation_level = None
            raw.execute("PRAGMA busy_timeout = 20000")
            raw.execute("BEGIN EXCLUSIVE")
            try:
                yield
            finally:
                raw.execute("ROLLBACK")
            return
        names = sa.inspect(connection).get_table_names()
        tables = ", ".join(f'"{name}"' for name in names)
        connection.execute(sa.text(f"lock table {tables} in access exclusive mode"))
        try:
            yield
        finally:
            connection.rollback()


def cut_connections(databases: Databases) -> int:
    """End every connection to the two databases on the server but our own; gives how many there were."""
    assert databases.server_url is not None, f"{SERVER_VARIABLE} names no server"
    names = [sa.make_url(url).database for url in (databases.ledger_url, databases.catalog_url)]
    query = sa.text(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
        " where datname = any(:names) and pid <> pg_backend_pid()"
    )
    with server(databases.server_url) as connection:
        return int(connection.execute(query, {"names": names}).scalar_one())


@contextmanager
def down(databases: Databases) -> Iterator[None]:
    """Both databases are out of reach while the block runs: connections end, and new ones are refused."""
    for relay in databases.relays.values():
        relay.is_down = True
    cut_connections(databases)
    try:
        yield
    finally:
        for relay in databases.relays.values():
            relay.is_down = False


class Repeated:
    """Repeats a function in its own thread while the block runs; `total` is the sum of its results."""

    def __init__(self, databases: Databases, pause_seconds: float) -> None:
        self.total = 0
        self._databases = databases
        self._pause_seconds = pause_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._cut, name="cutting", daemon=True)

    def __enter__(self) -> "Repeated":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)

    def _cut(self) -> None:
        while not self._done.wait(self._pause_seconds):
            self.total += cut_connections(self._databases)
