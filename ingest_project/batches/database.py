"""Opens the ledger's database and brings its schema up to date.

SQLite, the default, serves one machine: WAL lets readers go on while one writer commits, `busy_timeout` makes the
second writer wait, and every writing transaction begins IMMEDIATE, since one that upgrades from reading to writing
fails at once instead of waiting (https://www.sqlite.org/lang_transaction.html). PostgreSQL serves many machines.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import ArgumentError, DBAPIError, DisconnectionError, SQLAlchemyError

from ingest_project.errors import LedgerUnavailable, SettingsError
from ingest_project.redaction import without_secrets

BUSY_TIMEOUT_SECONDS = 30
MIGRATION_LOCK = (
    0x1E06E2  # a PostgreSQL advisory lock: two processes that start together migrate one after the other
)

UNREADABLE_URL = "ledger.url: SQLAlchemy cannot read it; write postgresql://user:password@host:5432/database, with %40 for @ and %2F for /"


class Database:
    """Transactions on the ledger's database. Safe to share among threads; each transaction has a connection of its own."""

    def __init__(self, url: str) -> None:
        try:
            self._url = sa.make_url(url)
            self._engine = _sqlite_engine(self._url) if self.is_sqlite else _postgres_engine(self._url)
        except (ArgumentError, ValueError):  # whose words quote parts of the URL
            raise SettingsError([UNREADABLE_URL]) from None
        # PostgreSQL's default gives each statement of a transaction a view of its own.
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
        """One transaction that may write; all of it is committed, or nothing."""
        with self._translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One consistent view, which never waits for a writer."""
        with self._translating(), self._reader.connect() as connection:
            yield connection

    def upgrade(self) -> None:
        """Bring the schema to the newest version; a no-op, and cheap, when it is there already.

        Raises LedgerUnavailable for the schema of a newer program: it is left as it is.
        """
        with self._translating():
            revision = self._revision()
            if revision == newest_revision():
                return
            if revision is not None and revision not in known_revisions():
                raise LedgerUnavailable(
                    f"ledger {self.location}: its schema ({revision}) is newer than this program; upgrade the program"
                )
            with self._engine.begin() as connection:
                if not self.is_sqlite:
                    connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
                _migrate(connection)

    def dispose(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _revision(self) -> str | None:
        with self._reader.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            # Only the driver's own words: SQLAlchemy's text quotes the statement and its parameters.
            raise LedgerUnavailable(f"ledger {self.location}: {without_secrets(str(error.orig))}") from error
        except SQLAlchemyError as error:
            raise LedgerUnavailable(f"ledger {self.location}: {type(error).__name__}") from error


@lru_cache(maxsize=1)
def newest_revision() -> str | None:
    """The schema version that this code wants."""
    return ScriptDirectory(_migrations()).get_current_head()


def known_revisions() -> set[str]:
    """All schema versions that this code can bring up to date."""
    return {script.revision for script in ScriptDirectory(_migrations()).walk_revisions()}


def _migrations() -> str:
    return str(files("ingest_project.batches") / "migrations")


def _migrate(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", _migrations().replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _postgres_engine(url: sa.URL) -> sa.Engine:
    try:
        return sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as error:
        raise SettingsError(
            [f"ledger.url: {error.name} is not installed; install the project with its `postgres` extra"]
        ) from error


def _sqlite_engine(url: sa.URL) -> sa.Engine:
    if url.database:
        _make_folder(url)
    # `autocommit` keeps the driver from opening transactions of its own: the listener below does.
    engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _configure(connection: Any, _record: Any) -> None:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")  # a claim that is acknowledged survives a power cut

    @sa.event.listens_for(engine, "connect")
    def _remember_file(_connection: Any, record: Any) -> None:
        record.info["file"] = _file_id(url)

    @sa.event.listens_for(engine, "checkout")
    def _refuse_deleted_file(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info.get("file") != _file_id(
            url
        ):  # deleted, or made anew: what is written to it nobody reads
            raise DisconnectionError

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        readonly = connection.get_execution_options().get("ledger_readonly", False)
        connection.exec_driver_sql("BEGIN" if readonly else "BEGIN IMMEDIATE")

    return engine


def _make_folder(url: sa.URL) -> None:
    try:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LedgerUnavailable(
            f"ledger {_shown(url)}: its folder cannot be made: {error.strerror}"
        ) from error


def _shown(url: sa.URL) -> str:
    """The URL for people. SQLAlchemy hides the password of its user, not one among its parameters."""
    return without_secrets(url.render_as_string(hide_password=True))


def _file_id(url: sa.URL) -> tuple[int, int] | None:
    """Which file the database is now; None if there is none, or none on disk."""
    try:
        status = Path(url.database or "").stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL, once for good. While others try the same SQLite refuses at once, without its timeout."""
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
