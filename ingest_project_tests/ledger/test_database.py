"""Opening a ledger: its schema, however many open it at once, and what a failing database becomes."""

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from ingest_project.errors import IngestError, LedgerUnavailable, SettingsError
from ingest_project.ledger.database import Database
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.schema_version import VERSION_TABLE, newest_revision
from ingest_project.ledger.tables import batch_objects, messages, metadata
from ingest_project_tests.ledger.factories import QUEUE
from ingest_project_tests.ledger.schema_versions import versions
from ingest_project_tests.patience import PATIENCE_SECONDS


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("postgresql+psycopg://ann:hunter2@127.0.0.1:port/x", SettingsError),
        ("postgresql+psycopg://ann:0:hunter2@h@127.0.0.1:port/x", SettingsError),
        ("postgresql+no_driver://ann:hunter2@127.0.0.1:1/x", SettingsError),
        ("postgresql+psycopg://ann:hunter2@127.0.0.1:1/x", LedgerUnavailable),
        ("postgresql+psycopg://ann@127.0.0.1:1/x?password=hunter2", LedgerUnavailable),
    ],
)
def test_no_error_quotes_the_password(url: str, error: type[IngestError]) -> None:
    pytest.importorskip("psycopg")

    with pytest.raises(error) as raised:
        Ledger(url)

    assert "hunter2" not in str(raised.value)
    assert error is LedgerUnavailable or raised.value.__suppress_context__


def test_the_migrations_create_what_the_tables_declare(ledger: Ledger, tables: sa.Connection) -> None:
    context = MigrationContext.configure(tables, opts={"compare_type": True, "version_table": VERSION_TABLE})

    assert compare_metadata(context, metadata) == []


def test_opening_it_again_changes_nothing(ledger: Ledger, ledger_url: str, tables: sa.Connection) -> None:
    Ledger(ledger_url).close()

    assert versions(tables, VERSION_TABLE) == [newest_revision()]


def test_threads_that_open_a_new_ledger_at_once_all_succeed(new_url: str) -> None:
    together = threading.Barrier(4)

    def open_it() -> int:
        together.wait()
        ledger = Ledger(new_url)
        try:
            return ledger.waiting_objects(QUEUE)
        finally:
            ledger.close()

    with ThreadPoolExecutor(4) as pool:
        waiting = [future.result() for future in [pool.submit(open_it) for _ in range(4)]]

    assert waiting == [0, 0, 0, 0]


def test_processes_that_open_a_new_ledger_at_once_all_succeed(new_url: str) -> None:
    program = "import sys; from ingest_project.ledger.ledger import Ledger; Ledger(sys.argv[1]).close()"

    processes = [
        subprocess.Popen([sys.executable, "-c", program, new_url], stderr=subprocess.PIPE) for _ in range(2)
    ]

    for process in processes:
        _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, stderr.decode()


def test_a_reader_sees_one_view_and_does_not_wait_for_a_writer(ledger: Ledger, ledger_url: str) -> None:
    database = Database(ledger_url)
    count = sa.select(sa.func.count()).select_from(messages)
    row = {
        "queue": QUEUE, "message_id": "1", "state": "open", "receive_count": 1, "sent_at": None,
        "received_at": None, "invisible_until": None,
    }  # fmt: skip
    row |= dict.fromkeys(("sent_at", "received_at", "invisible_until"), ledger._clock())

    with database.reading() as reader:
        before = reader.scalar(count)
        with database.writing() as writer:
            writer.execute(sa.insert(messages), row)
            during = reader.scalar(count)
        after = reader.scalar(count)
    with database.reading() as reader:
        later = reader.scalar(count)
    database.dispose()

    assert (before, during, after, later) == (0, 0, 0, 1)


def test_what_fails_half_way_leaves_nothing(ledger: Ledger, ledger_url: str, tables: sa.Connection) -> None:
    database = Database(ledger_url)

    def write() -> None:
        with database.writing() as connection:
            connection.execute(sa.insert(batch_objects).values(batch_id="b", object_id="o", role="ingest"))
            connection.execute(sa.text("insert into no_such_table values (1)"))

    with pytest.raises(LedgerUnavailable):
        write()
    database.dispose()

    assert tables.scalar(sa.text("select count(*) from batch_objects")) == 0


def test_an_unreachable_database_is_a_transient_error_without_the_password() -> None:
    with pytest.raises(LedgerUnavailable) as raised:
        Ledger("postgresql+psycopg://ingest:s3cret@127.0.0.1:1/ledger")

    assert raised.value.transient
    assert "127.0.0.1:1" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_the_location_hides_the_password() -> None:
    database = Database("postgresql+psycopg://ingest:s3cret@127.0.0.1:1/ledger")

    assert database.location == "postgresql+psycopg://ingest:***@127.0.0.1:1/ledger"


def test_a_ledger_whose_file_was_deleted_is_not_written_to_any_longer(tmp_path: Path) -> None:
    """SQLite would go on with the deleted file, and what it writes would be lost."""
    file = tmp_path / "ledger.db"
    ledger = Ledger(f"sqlite:///{file}")
    assert ledger.waiting_objects(QUEUE) == 0
    for one in tmp_path.glob("ledger.db*"):
        one.unlink()

    with pytest.raises(LedgerUnavailable, match="no such table"):
        ledger.waiting_objects(QUEUE)
    Ledger(f"sqlite:///{file}").close()
    assert ledger.waiting_objects(QUEUE) == 0
    ledger.close()


def test_a_folder_that_cannot_be_made_is_a_clear_error() -> None:
    with pytest.raises(LedgerUnavailable, match="its folder cannot be created"):
        Ledger("sqlite:////proc/nowhere/ledger.db")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def lax_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("lax_umask")
def test_a_new_ledger_and_its_folder_are_private_whatever_the_umask(tmp_path: Path) -> None:
    file = tmp_path / "state" / "ledger.db"

    ledger = Ledger(f"sqlite:///{file}")

    assert mode_of(file.parent) == 0o700
    assert {one.name: mode_of(one) for one in file.parent.iterdir()} == {
        "ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600,
    }  # fmt: skip
    ledger.close()


@pytest.mark.usefixtures("lax_umask")
def test_a_ledger_of_an_older_version_is_closed_to_others_when_it_is_opened(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    older = Ledger(f"sqlite:///{file}")
    for one in tmp_path.iterdir():
        one.chmod(0o666)
    tmp_path.chmod(0o755)

    ledger = Ledger(f"sqlite:///{file}")

    assert {mode_of(one) for one in tmp_path.iterdir()} == {0o600}
    assert mode_of(tmp_path) == 0o755  # a folder that was there may have other uses
    assert ledger.waiting_objects(QUEUE) == older.waiting_objects(QUEUE) == 0
    older.close()
    ledger.close()
