"""What `ingest check` says of the ledger, and that it does not create one."""

import os

import pytest
import sqlalchemy as sa

from ingest_project.checks.deployment.finding import Level
from ingest_project.checks.deployment.ledger import check_ledger
from ingest_project.errors import LedgerAbsent
from ingest_project.services import Services
from ingest_project.settings.load import load_settings
from ingest_project_tests import databases
from ingest_project_tests.landing import Landing


def services(landing: Landing, url: str) -> Services:
    landing.write(ledger={"url": url})
    return Services(load_settings(landing.settings_path))


def test_missing_ledger_is_not_created_so_that_its_loss_stays_visible(landing: Landing) -> None:
    found = services(landing, f"sqlite:///{landing.folder}/new/ledger.db")

    (finding,) = check_ledger(found)

    assert finding.level is Level.OK
    assert "there is no ledger yet" in finding.message
    assert "ingest ledger recover" in finding.message
    assert not (landing.folder / "new/ledger.db").exists()
    with pytest.raises(LedgerAbsent):
        found.existing_ledger()


def test_ledger_that_is_there_is_opened(landing: Landing) -> None:
    found = services(landing, f"sqlite:///{landing.folder}/ledger.db")
    found.ledger.close()

    (finding,) = check_ledger(services(landing, f"sqlite:///{landing.folder}/ledger.db"))

    assert finding.level is Level.OK
    assert "schema version" in finding.message


def test_schema_in_which_the_user_may_not_create_a_ledger_is_a_problem(landing: Landing) -> None:
    if databases.SERVER_VARIABLE not in os.environ:
        pytest.skip(f"{databases.SERVER_VARIABLE} is not set")
    made = databases.postgres()
    try:
        nowhere = sa.make_url(made.ledger_url).update_query_dict({"options": "-csearch_path=nowhere"})
        (finding,) = check_ledger(services(landing, nowhere.render_as_string(hide_password=False)))
    finally:
        made.close()

    assert finding.level is Level.PROBLEM
    assert "none may be created" in finding.message
