"""The schema version of a database, and a ledger as the first versions of the code left it."""

import sqlalchemy as sa

from ingest_project.ledger.schema_version import VERSION_TABLE

SHARED = "alembic_version"
"""Alembic's default table, in which Dagster's storage keeps its version."""


def version_table(name: str) -> sa.Table:
    """A version table as Alembic creates it."""
    return sa.Table(name, sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True))


def versions(connection: sa.Connection, name: str) -> list[str]:
    """The versions in this table."""
    return list(connection.scalars(sa.select(version_table(name).c.version_num)))


def in_the_shared_table(connection: sa.Connection) -> None:
    """Put the ledger's version where the first versions of the code kept it."""
    own, shared = version_table(VERSION_TABLE), version_table(SHARED)
    shared.create(connection, checkfirst=True)
    connection.execute(sa.insert(shared).from_select(["version_num"], sa.select(own.c.version_num)))
    own.drop(connection)
