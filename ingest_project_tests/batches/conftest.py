"""A new ledger for each test, on each of the databases that we support, and ways to look into it."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa

from ingest_project.batches.ledger import Ledger
from ingest_project_tests.batches.factories import Clock

POSTGRES_URL = os.environ.get("INGEST_TEST_POSTGRES_URL")


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a ledger in it."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/ledger.db"
        return
    if POSTGRES_URL is None:
        pytest.skip("INGEST_TEST_POSTGRES_URL is not set")
    schema = f"ledger_{os.getpid()}_{abs(hash(request.node.nodeid)):x}"
    engine = sa.create_engine(POSTGRES_URL, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.schema.CreateSchema(schema))
    joiner = "&" if "?" in POSTGRES_URL else "?"
    yield f"{POSTGRES_URL}{joiner}options={quote(f'-csearch_path={schema}')}"
    with engine.begin() as connection:
        connection.execute(sa.schema.DropSchema(schema, cascade=True))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_url: str, clock: Clock) -> Iterator[Ledger]:
    """An empty ledger with a clock that stands still."""
    opened = Ledger(ledger_url, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def tables(ledger: Ledger, ledger_url: str) -> Iterator[sa.Connection]:
    """A connection of its own to the ledger's database; what it reads is what is committed."""
    engine = sa.create_engine(ledger_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
