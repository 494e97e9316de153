"""`ingest expire` on a landing zone in the emulator: output and exit codes."""

from unittest.mock import patch

import pytest
from pyiceberg.io.pyarrow import PyArrowFileIO

from ingest_project_tests.cli.commands import answer, run
from ingest_project_tests.factories import ORDERS, Zone

ALL = ("--keep", "1", "--min-age", "0s")


@pytest.fixture
def ingested(zone: Zone) -> Zone:
    """A zone whose table has two snapshots; only the first one has a file that was replaced."""
    for order_ids in ((1, 2), (1, 2, 3)):
        zone.put_orders("a", *order_ids)
        zone.ingest_one()
    return zone


def test_what_would_go_is_shown_and_then_goes(ingested: Zone) -> None:
    shown = run(ingested, "expire", ORDERS, "--dry-run", *ALL)
    assert shown.exit_code == 0
    assert "sales.orders: 1 snapshot would expire; 1 kept since " in shown.stdout
    assert "would be deleted: data files 1, manifests 1, manifest lists 1" in shown.stdout
    assert ingested.snapshots() == 2

    done = run(ingested, "expire", ORDERS, *ALL)

    assert done.exit_code == 0
    assert "sales.orders: 1 snapshot expired; 1 kept since " in done.stdout
    assert "3 files of " in done.stdout
    assert ingested.snapshots() == 1
    ingested.assert_exact(1, 2, 3)


def test_by_the_settings_nothing_young_goes_and_a_table_may_be_left_out(ingested: Zone) -> None:
    assert "sales.orders: 0 snapshots expired; 2 kept" in run(ingested, "expire").stdout
    ingested.declare(expire=None)
    assert run(ingested, "expire").stdout == ""
    assert "sales.orders: 0 snapshots expired; 2 kept" in run(ingested, "expire", ORDERS).stdout


def test_expire_as_json(ingested: Zone) -> None:
    told = answer(ingested, "expire", *ALL)

    (table,) = told["tables"]
    assert (told["dry_run"], told["errors"]) == (False, [])
    assert (table["table"], table["snapshots"], table["kept"]) == (ORDERS, 1, 1)
    assert table["files"] == {"data_files": 1, "manifests": 1, "manifest_lists": 1}
    assert all(count > 0 for count in table["bytes"].values())
    assert table["oldest_kept"] == table["newest_kept"]


def test_file_that_cannot_be_deleted_exits_with_1(ingested: Zone) -> None:
    with patch.object(PyArrowFileIO, "delete", side_effect=PermissionError("AccessDenied")):
        done = run(ingested, "expire", *ALL)

    assert done.exit_code == 1
    assert "could not be deleted" in done.stderr
    again = run(ingested, "expire", *ALL)
    assert again.exit_code == 0
    assert "1 earlier expiry completed" in again.stdout


def test_unknown_table_is_a_usage_error_and_a_lost_ledger_is_not_replaced(ingested: Zone) -> None:
    assert run(ingested, "expire", "web.none").exit_code == 2
    for path in ingested.landing.folder.glob("ledger.db*"):
        path.unlink()

    done = run(ingested, "expire", *ALL)

    assert (done.exit_code, ingested.snapshots()) == (1, 2)
    assert "there is no ledger" in done.stderr
