"""An empty ledger for each test, on each of the databases that we support, and a way to look into it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.tables import metadata
from ingest_project_tests.ledger.factories import Clock
from ingest_project_tests.ledger.new_file import new_ledger_file
from ingest_project_tests.typed_results import WatchedLedger

POSTGRES_URL = os.environ.get("INGEST_TEST_POSTGRES_URL")
BACKENDS = ("sqlite", "postgresql")


@pytest.fixture(params=BACKENDS)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a ledger in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/new.db"
    else:
        with _schema(f"new_ledger_{os.getpid()}") as url:
            yield url


@pytest.fixture(scope="session", params=BACKENDS)
def migrated_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a ledger that no test writes to, or, on PostgreSQL, that each test empties first."""
    if request.param == "sqlite":
        yield f"sqlite:///{new_ledger_file(tmp_path_factory.mktemp('ledger') / 'ledger.db')}"
    else:
        with _schema(f"ledger_{os.getpid()}") as url:
            Ledger(url).close()
            yield url


@pytest.fixture
def ledger_url(migrated_url: str, tmp_path: Path) -> str:
    """The URL of an empty ledger; migrating one for each test would take longer than the tests."""
    url = sa.make_url(migrated_url)
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        shutil.copy(url.database, tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table in metadata.sorted_tables:
            connection.execute(sa.delete(table))
    return migrated_url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_url: str, clock: Clock) -> Iterator[WatchedLedger]:
    """An empty ledger with a stopped clock; every answer is compared with its type."""
    opened = WatchedLedger(ledger_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def tables(ledger: Ledger, ledger_url: str) -> Iterator[sa.Connection]:
    """Another connection to the ledger's database, which reads what is committed."""
    engine = sa.create_engine(ledger_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


@contextmanager
def _schema(name: str) -> Iterator[str]:
    if POSTGRES_URL is None:
        pytest.skip("INGEST_TEST_POSTGRES_URL is not set")
    engine = sa.create_engine(POSTGRES_URL, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(name))
    joiner = "&" if "?" in POSTGRES_URL else "?"
    yield f"{POSTGRES_URL}{joiner}options={quote(f'-csearch_path={name}')}"
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(name, cascade=True))
