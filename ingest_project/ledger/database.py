"""Opens the ledger's database and brings its schema up to date.

SQLite, the default, serves one machine: with WAL, readers go on while one writer commits; with
`busy_timeout`, a second writer waits. Every writing transaction begins IMMEDIATE, because one that upgrades
from reading to writing fails at once instead of waiting (https://www.sqlite.org/lang_transaction.html).
PostgreSQL serves many machines.
"""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from ingest_project.errors import LedgerAbsent, LedgerUnavailable, SettingsError
from ingest_project.ledger.schema_version import (
    current_revision,
    has_ledger,
    known_revisions,
    migrate,
    newest_revision,
)
from ingest_project.settings.private_files import make_private, make_private_folder, with_side_files
from ingest_project.settings.secrets import without_secrets

BUSY_TIMEOUT_SECONDS = 30
CACHE_KIB = 16 * 1024
PAGES_IN_WAL = 8_000
"""How far SQLite's WAL grows, 32 MB, before its pages are copied into the database.

The ids are digests, so that a claim writes a page of several indexes for almost each of its objects once the
ledger is large. By SQLite's default, 1,000 pages, each such transaction would copy all its pages at once.
"""
MIGRATION_LOCK = 0x1E06E2
"""A PostgreSQL advisory lock: two processes that start at the same time migrate one after the other."""

UNREADABLE_URL = (
    "ledger.url: SQLAlchemy cannot read it; write postgresql://user:password@host:5432/database, "
    "with %40 for @ and %2F for /"
)


class Database:
    """Transactions on the ledger's database. Safe to share among threads: each has its own connection."""

    def __init__(self, url: str) -> None:
        try:
            self._url = sa.make_url(url)
            self._engine = _sqlite_engine(self._url) if self.is_sqlite else _postgres_engine(self._url)
        except (ArgumentError, ValueError):  # their messages quote parts of the URL
            raise SettingsError([UNREADABLE_URL]) from None
        # By PostgreSQL's default each statement of a transaction sees a snapshot of its own.
        one_view = {"ledger_readonly": True} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        self._reader = self._engine.execution_options(**one_view)

    @property
    def is_sqlite(self) -> bool:
        return self._url.get_backend_name() == "sqlite"

    @property
    def location(self) -> str:
        """Where the ledger is, for people: the URL without its password."""
        return _shown(self._url)

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """One transaction that may write; it is committed whole or not at all."""
        with self._translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One transaction that reads one consistent snapshot and never waits for a writer."""
        with self._translating(), self._reader.connect() as connection:
            yield connection

    @property
    def is_absent(self) -> bool:
        """Whether there is no ledger, or no longer one. Does not create anything, not even an empty file."""
        if self.is_sqlite and _file_id(self._url) is None:
            return True
        with self.reading() as connection:
            return not has_ledger(connection)

    @property
    def may_be_created(self) -> bool:
        """Whether this user may create a ledger here. Does not create anything."""
        if self.is_sqlite:
            folders = Path(self._url.database or "").absolute().parents
            return os.access(next(one for one in folders if one.exists()), os.W_OK | os.X_OK)
        with self.reading() as connection:
            allowed = connection.scalar(sa.text("select has_schema_privilege(current_schema(), 'CREATE')"))
        return bool(allowed)

    def upgrade(self) -> None:
        """Bring the schema to the newest version; cheap if it has it already.

        Raises LedgerUnavailable, and changes nothing, if the schema is of a newer program.
        """
        with self._translating():
            with self._reader.connect() as connection:
                revision = current_revision(connection)
            if revision == newest_revision():
                return
            if revision is not None and revision not in known_revisions():
                raise LedgerUnavailable(
                    f"ledger {self.location}: its schema ({revision}) is newer than this program; "
                    "upgrade the program"
                )
            with self._engine.begin() as connection:
                if not self.is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                migrate(connection)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # Only the driver's message: SQLAlchemy's quotes the statement and its parameters.
            raise LedgerUnavailable(f"ledger {self.location}: {without_secrets(str(error.orig))}") from error
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"ledger {self.location}: {type(error).__name__}") from error


def _postgres_engine(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise SettingsError(
            [f"ledger.url: {error.name} is not installed; install the project with its `postgres` extra"]
        ) from error


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if path := _path(url):
        _make_folder(path, url)
    # The driver is in autocommit mode and opens no transactions: `_begin` below does.
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        if path := _path(url):
            make_private(*with_side_files(path))
        _use_wal(connection)
        connection.execute("PRAGMA temp_store = MEMORY")  # sorting then needs no space under TMPDIR
        connection.execute("PRAGMA synchronous = FULL")  # what is committed survives a power cut
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {PAGES_IN_WAL}")

    @sa.event.listens_for(engine, "connect")
    def _remember_file(_connection: Any, record: Any) -> None:
        record.info["file"] = _file_id(url)

    @sa.event.listens_for(engine, "checkout")
    def _refuse_deleted_file(_connection: Any, record: Any, _proxy: Any) -> None:
        # The file was deleted or replaced: what this connection writes would be lost.
        if record.info.get("file") != _file_id(url):
            raise DisconnectionError

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        readonly = connection.get_execution_options().get("ledger_readonly", False)
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _path(url: sa.URL) -> Path | None:
    """The database's file; None if it is in memory or given as a `file:` URI."""
    database = url.database or ":memory:"
    return None if database.startswith((":memory:", "file:")) else Path(database)


def _make_folder(path: Path, url: sa.URL) -> None:
    try:
        make_private_folder(path.parent)
    except OSError as error:
        reason = f"its folder cannot be created: {error.strerror}"
        raise LedgerUnavailable(f"ledger {_shown(url)}: {reason}") from error


def _shown(url: sa.URL) -> str:
    """The URL for people. SQLAlchemy hides the user's password, but not a password among the parameters."""
    return without_secrets(url.render_as_string(hide_password=True))


def _file_id(url: sa.URL) -> tuple[int, int] | None:
    """The identity of the database's file now; None if there is no file."""
    try:
        status = Path(url.database or "").stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, which it stays in.

    While another connection does the same, SQLite refuses at once and ignores the timeout; so it is tried
    again.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def refuse_absent(url: str) -> None:
    """Raise LedgerAbsent if there is no ledger at this URL. Opening it would create one and hide the loss."""
    database = Database(url)
    try:
        if database.is_absent:
            raise LedgerAbsent(database.location)
    finally:
        database.dispose()


def may_be_created(url: str) -> bool:
    """Whether this user may create a ledger at this URL. Raises LedgerUnavailable."""
    database = Database(url)
    try:
        return database.may_be_created
    finally:
        database.dispose()
