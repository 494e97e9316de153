"""Two versions of the code on one ledger at once, as while a deployment is rolled out."""

import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from ingest_project.errors import LedgerAbsent, LedgerUnavailable
from ingest_project.ledger.database import Database, refuse_absent
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.schema_version import VERSION_TABLE, _migrations, newest_revision
from ingest_project_tests.ledger.factories import (
    NOW,
    QUEUE,
    claim,
    deletable,
    deliver,
    ingest,
    plan_one,
    routed,
)
from ingest_project_tests.ledger.schema_versions import SHARED, in_the_shared_table, version_table, versions
from ingest_project_tests.patience import PATIENCE_SECONDS


def looked_into(url: str) -> sa.Connection:
    """Another connection to the ledger's database."""
    return sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT").connect()


def migrated_to(url: str, revision: str) -> None:
    """A ledger as an older version of the code has made it."""
    database = Database(url)
    config = Config()
    config.set_main_option("script_location", _migrations().replace("%", "%%"))
    with database._engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    database.dispose()
    with looked_into(url) as tables:
        in_the_shared_table(tables)


def of_a_newer_version(tables: sa.Connection) -> None:
    """What a migration of a later version does: it only adds."""
    tables.execute(sa.text("alter table object_versions add column of_later_use text"))
    tables.execute(sa.update(version_table(VERSION_TABLE)).values(version_num="9999"))


@pytest.fixture
def newer_url(new_url: str) -> str:
    """A ledger of its own: the migration stays in it."""
    Ledger(new_url).close()
    return new_url


def test_older_code_that_is_at_work_goes_on_under_a_newer_schema(newer_url: str) -> None:
    older = Ledger(newer_url)
    deliver(older, claim(routed("a")))
    planned = plan_one(older)
    with looked_into(newer_url) as tables:
        of_a_newer_version(tables)

    work = older.start(planned, run_id="run-1")
    deliver(older, claim(routed("b")))

    assert work is not None
    assert len(work.objects) == 1
    assert older.waiting_objects(QUEUE) == 1
    older.close()


def test_older_code_that_starts_leaves_a_newer_schema_alone(newer_url: str) -> None:
    with looked_into(newer_url) as tables:
        of_a_newer_version(tables)

        with pytest.raises(
            LedgerUnavailable, match=r"its schema \(9999\) is newer than this program; upgrade"
        ) as raised:
            Ledger(newer_url)

        assert raised.value.transient  # the program may be upgraded
        assert versions(tables, VERSION_TABLE) == ["9999"]


@pytest.mark.parametrize("revision", ["0001", "0002", "0003", "0004", "0005", "0006"])
def test_newer_code_brings_an_older_ledger_up_to_date_with_its_open_work(new_url: str, revision: str) -> None:
    migrated_to(new_url, revision)
    values = {"q": QUEUE, "t": NOW.replace(tzinfo=None)}
    with looked_into(new_url) as tables:
        message = (
            "insert into messages (queue, message_id, receipt_handle, state, receive_count, "
            "sent_at, received_at, invisible_until) values (:q, 'old', 'h', 'open', 1, :t, :t, :t)"
        )
        tables.execute(sa.text(message), values)

    newer = Ledger(new_url, clock=lambda: NOW)
    deliver(newer, claim(routed("a"), message_id="new"))
    ingest(newer)

    assert deletable(newer) == ["new", "old"]
    newer.close()


def test_version_moves_out_of_the_table_that_was_shared_and_dagster_s_stays_there(newer_url: str) -> None:
    with looked_into(newer_url) as tables:
        in_the_shared_table(tables)
        tables.execute(sa.insert(version_table(SHARED)).values(version_num="29a8e9d74220"))

        refuse_absent(newer_url)
        Ledger(newer_url).close()

        assert versions(tables, VERSION_TABLE) == [newest_revision()]
        assert versions(tables, SHARED) == ["29a8e9d74220"]


def test_numbered_version_of_another_program_is_not_taken_for_the_ledger_s(new_url: str) -> None:
    with looked_into(new_url) as tables:
        version_table(SHARED).create(tables)
        tables.execute(sa.insert(version_table(SHARED)).values(version_num="0003"))

        with pytest.raises(LedgerAbsent):
            refuse_absent(new_url)
        Ledger(new_url).close()

        assert versions(tables, VERSION_TABLE) == [newest_revision()]
        assert versions(tables, SHARED) == ["0003"]


def test_processes_that_open_an_older_ledger_at_once_all_succeed(new_url: str) -> None:
    migrated_to(new_url, "0002")
    program = "import sys; from ingest_project.ledger.ledger import Ledger; Ledger(sys.argv[1]).close()"

    processes = [
        subprocess.Popen([sys.executable, "-c", program, new_url], stderr=subprocess.PIPE) for _ in range(3)
    ]

    for process in processes:
        _, stderr = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, stderr.decode()
    with looked_into(new_url) as tables:
        assert versions(tables, VERSION_TABLE) == [newest_revision()]
        assert versions(tables, SHARED) == []
