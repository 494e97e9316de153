"""What SQLAlchemy does not do: the queue's lock, sums, IN (...) in chunks, ON CONFLICT in both dialects."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ingest_project.ledger.clock_jumps import latest_wait

CHUNK = 500  # rows named in one IN (...): well below SQLite's 32,766 variables
LOCK_TIMEOUT = "30s"  # the same as SQLite's, see database.BUSY_TIMEOUT_SECONDS


def exclusively(connection: sa.Connection, queue: str) -> None:
    """Take the queue's lock: one transaction at a time decides which batch has which object versions.

    Waits for the other transactions, and holds the lock until this one ends. Without it, two planners could
    plan the same versions, and a rebuild could take a version while it is settled. SQLite needs no lock: its
    writing transactions exclude each other.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.set_config("lock_timeout", LOCK_TIMEOUT, True)))
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"ingest.{queue}"))))


def chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    """The distinct ids, sorted, in lists of at most `CHUNK`.

    The order matters: transactions that lock many rows in the same order cannot deadlock.
    """
    remaining = iter(sorted(set(ids)))
    while chunk := list(islice(remaining, CHUNK)):
        yield chunk


def total(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The sum of a column as an int in either database; 0 if no row has a value.

    PostgreSQL's sum of a bigint is a numeric, which the driver returns as a Decimal; Dagster's metadata needs
    an int.
    """
    return sa.cast(sa.func.coalesce(sa.func.sum(column), 0), sa.BigInteger)


def seconds_between(
    connection: sa.Connection, start: sa.ColumnElement[datetime], end: sa.ColumnElement[datetime | None]
) -> sa.ColumnElement[float]:
    """The seconds from one time to another, to the millisecond; null if one of them is."""
    if connection.dialect.name == "postgresql":
        return sa.cast(sa.func.extract("epoch", end - start), sa.Float)
    return (sa.func.julianday(end) - sa.func.julianday(start)) * 86_400.0


def is_partition(column: sa.ColumnElement[str | None], key: str | None) -> sa.ColumnElement[bool]:
    """Whether a row belongs to this Dagster partition; None is the partition of a table without partitions.

    IS NOT DISTINCT FROM means the same, but PostgreSQL does not use an index for it.
    """
    return column.is_(None) if key is None else column == key


def insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT with ON CONFLICT, which SQLAlchemy has only per dialect."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_ignoring(connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows; those whose primary key exists already stay as they are."""
    if rows:
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


def distinct_values(
    connection: sa.Connection, column: sa.Column[str], *where: sa.ColumnElement[bool]
) -> Iterator[str]:
    """The distinct values of an index's next column; each costs one seek, however many rows have it."""
    value = connection.scalar(sa.select(sa.func.min(column)).where(*where))
    while value is not None:
        yield value
        value = connection.scalar(sa.select(sa.func.min(column)).where(*where, column > value))


def is_due(not_before: sa.ColumnElement[datetime], now: datetime) -> sa.ColumnElement[bool]:
    """`clock_jumps.is_due` in SQL."""
    return sa.or_(not_before <= now, not_before > latest_wait(now))
