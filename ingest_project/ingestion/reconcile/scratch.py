"""What a reconciliation has seen, in a temporary file: memory does not grow with the number of objects.

SQLite makes the file under TMPDIR and removes it with the connection, or when the process dies.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from ingest_project.ledger.listed_write import ListedWrite
from ingest_project.sources.object_version import ObjectVersion
from ingest_project.sources.routing import RoutedObject

CACHE_KIB = 32 * 1024


class Scratch:
    """Keys that S3 holds, sources of rows that were looked up, and writes that may be enqueued."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def note_keys(self, key_ids: Iterable[str]) -> None:
        """Remember that S3 holds these keys, by the ledger's ids."""
        self._connection.executemany(
            "insert or ignore into keys values (?)", ((bytes.fromhex(one),) for one in key_ids)
        )

    def has_key(self, key_id: str) -> bool:
        found = self._connection.execute("select 1 from keys where id = ?", (bytes.fromhex(key_id),))
        return found.fetchone() is not None

    def new_sources(self, sources: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of these URIs and versions that come for the first time."""
        return [
            one
            for one in sources
            if self._connection.execute("insert or ignore into sources values (?, ?)", one).rowcount
        ]

    def add(self, writes: Iterable[ListedWrite]) -> None:
        """Remember writes that the ledger does not know."""
        self._connection.executemany(
            "insert into writes (bucket, key, version_id, etag, size_bytes, written_at, table_name, "
            "partition_key, listed_at) values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (_row(one) for one in writes),
        )

    @property
    def writes(self) -> int:
        """How many writes there are."""
        (count,) = self._connection.execute("select count(*) from writes").fetchone()
        return int(count)

    def portion(self, after: int, limit: int) -> list[ListedWrite]:
        """The writes from number `after` on, in the order of their listing, at most `limit`."""
        query = (
            "select bucket, key, version_id, etag, size_bytes, written_at, table_name, partition_key, "
            "listed_at from writes where number > ? order by number limit ?"
        )
        return [_write(row) for row in self._connection.execute(query, (after, limit))]


@contextmanager
def scratch() -> Iterator[Scratch]:
    """A scratch file for one reconciliation."""
    connection = sqlite3.connect("", isolation_level=None)
    try:
        connection.execute(f"pragma cache_size = -{CACHE_KIB}")
        connection.execute("pragma journal_mode = off")
        connection.execute("pragma synchronous = off")
        connection.execute("create table keys (id blob primary key) without rowid")
        connection.execute(
            "create table sources (uri text, version text, primary key (uri, version)) without rowid"
        )
        connection.execute(
            "create table writes (number integer primary key, bucket text, key text, version_id text, "
            "etag text, size_bytes integer, written_at text, table_name text, partition_key text, "
            "listed_at text)"
        )
        connection.execute("begin")  # one transaction, which is never committed
        yield Scratch(connection)
    finally:
        connection.close()


def _row(one: ListedWrite) -> tuple[str | int | None, ...]:
    item = one.routed.object
    written_at, listed_at = (time.astimezone(UTC).isoformat() for time in (item.event_time, one.listed_at))
    return (
        item.bucket, item.key, item.version_id, item.etag, item.size_bytes, written_at, one.routed.table,
        one.routed.partition_key, listed_at,
    )  # fmt: skip


def _write(row: tuple[Any, ...]) -> ListedWrite:
    bucket, key, version_id, etag, size_bytes, written_at, table, partition_key, listed_at = row
    time = datetime.fromisoformat(written_at)
    item = ObjectVersion(bucket, key, size_bytes, time, version_id=version_id, etag=etag)
    return ListedWrite(RoutedObject(item, table, partition_key), datetime.fromisoformat(listed_at))
