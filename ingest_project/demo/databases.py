"""The demo's databases: SQLite files in its folder, or three schemas of a PostgreSQL database.

Ledger, Iceberg catalog and Dagster have one schema each, so that the demo never empties other schemas.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from ingest_project.errors import SettingsError
from ingest_project.settings.secrets import without_secrets

if TYPE_CHECKING:
    import psycopg

SCHEMAS = LEDGER, CATALOG, DAGSTER = "ingest_demo_ledger", "ingest_demo_catalog", "ingest_demo_dagster"
"""The only schemas that the demo creates, empties and writes to."""
LOCK = 0x1E06DE
"""A PostgreSQL advisory lock: two demos would empty each other's schemas."""
BUSY_SECONDS = 30
CONNECT_SECONDS = 10
LOCK_SECONDS = 3
"""PostgreSQL frees the lock of a demo that has ended only after its server process has noticed that."""


@dataclass(frozen=True, slots=True)
class Databases:
    """SQLAlchemy URLs. `dagster_url` is None if Dagster keeps its storage in files of its home."""

    ledger_url: str
    catalog_uri: str
    dagster_url: str | None = None


@contextmanager
def databases(folder: Path, postgres_url: str | None) -> Iterator[Databases]:
    """Empty databases: on the PostgreSQL server, or files in the folder. They stay after the block.

    Raises SettingsError if PostgreSQL cannot be used, or another demo is running in that database.
    """
    if postgres_url is None:
        yield Databases(f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'catalog.db'}")
        return
    url = _plain(postgres_url)
    with closing(_connect(url)) as connection:
        _empty_schemas(connection)
        # SQLAlchemy 2.1 uses psycopg 3 for a plain postgresql://, which refuses the NOTIFY of
        # dagster-postgres.
        of_dagster = of_schema(url, DAGSTER).replace("postgresql://", "postgresql+psycopg2://", 1)
        yield Databases(of_schema(url, LEDGER), of_schema(url, CATALOG), of_dagster)


def of_schema(url: str, schema: str) -> str:
    """The URL of a PostgreSQL database with this schema as its search path."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    query["options"] = f"{query.get('options', '')} -csearch_path={schema}".strip()
    return parts._replace(query=urlencode(query, quote_via=quote)).geturl()


def metadata_location(catalog_uri: str, table: str) -> str | None:
    """The location of the table's metadata, read without PyIceberg; None if the table does not exist."""
    names = table.rpartition(".")
    query = "select metadata_location from iceberg_tables where table_namespace = {0} and table_name = {0}"
    if catalog_uri.startswith("sqlite:///"):
        path = Path(catalog_uri.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as file:
            row = file.execute(query.format("?"), (names[0], names[2])).fetchone()
    else:
        with closing(_connect(_plain(catalog_uri))) as connection:
            row = connection.execute(query.format("%s").encode(), (names[0], names[2])).fetchone()
    return None if row is None else str(row[0])


def _plain(url: str) -> str:
    """The URL as libpq reads it, without SQLAlchemy's driver."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgresql", "postgres"}:
        raise SettingsError(["--postgres: write it like postgresql://user:password@127.0.0.1:5432/database"])
    return f"postgresql://{rest}"


def _connect(url: str) -> "psycopg.Connection":
    try:
        import psycopg
    except ImportError as error:
        raise SettingsError(
            ["--postgres needs psycopg; run `make demo`, or pip install 'ingest-project[demo,postgres]'"]
        ) from error
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)
    except psycopg.Error as error:
        raise SettingsError([f"--postgres: {without_secrets(' '.join(str(error).split()))}"]) from None


def _empty_schemas(connection: "psycopg.Connection") -> None:
    import psycopg

    try:
        connection.execute("select set_config('lock_timeout', %s, false)", (f"{LOCK_SECONDS}s",))
        connection.execute("select pg_advisory_lock(%s)", (LOCK,))
        connection.execute("reset lock_timeout")
        for schema in SCHEMAS:
            name = psycopg.sql.Identifier(schema)
            connection.execute(psycopg.sql.SQL("drop schema if exists {} cascade").format(name))
            connection.execute(psycopg.sql.SQL("create schema {}").format(name))
    except psycopg.errors.LockNotAvailable:
        raise SettingsError(
            ["--postgres: another demo is running in this database; end it with Ctrl-C first"]
        ) from None
    except psycopg.Error as error:
        raise SettingsError([f"--postgres: {without_secrets(' '.join(str(error).split()))}"]) from None
