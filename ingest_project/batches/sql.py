"""What SQLAlchemy leaves to us: INSERT ... ON CONFLICT for both dialects, IN (...) in portions, and the queue's lock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

PORTION = 500  # rows named in one IN (...): well below SQLite's 32,766 variables
LOCK_TIMEOUT = "30s"  # as long as SQLite waits for another writer


def exclusively(connection: sa.Connection, queue: str) -> None:
    """Let one transaction at a time decide for this queue which batch has which object versions.

    Waits for the others; held until the transaction ends. Without it two planners could plan the same versions, and a
    rebuild take one that is just being settled. SQLite's writing transactions exclude each other anyway.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("lock_timeout", LOCK_TIMEOUT, True)))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"ingest.{queue}"))))


def portions(ids: Iterable[str]) -> Iterator[list[str]]:
    """The ids in lists of at most `PORTION`, without repetitions and in order.

    The order matters: transactions that lock many rows in the same order cannot deadlock.
    """
    remaining = iter(sorted(set(ids)))
    while portion := list(islice(remaining, PORTION)):
        yield portion


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that knows ON CONFLICT, which SQLAlchemy offers by dialect only."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_ignoring(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose primary key exists already stay as they are."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def distinct_values(
    connection: sa.Connection, column: sa.Column[str], *where: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The distinct values of an index's next column, each found by one seek, however many rows share it."""
    value = connection.scalar(sa.select(sa.func.min(column)).where(*where))
    while value is not None:
        yield value
        value = connection.scalar(sa.select(sa.func.min(column)).where(*where, column > value))
