"""Checks the ledger, which makes "exactly once" true: it opens, and its schema is this version's."""

from ingest_project.batches.database import newest_revision
from ingest_project.check.finding import Finding, ok, problem
from ingest_project.errors import LedgerUnavailable, SettingsError
from ingest_project.services import Services

CHECK = "ledger"


def check_ledger(services: Services) -> list[Finding]:
    """Whether the ledger can be used. Opening it brings its schema up to date, here as in every process."""
    try:
        location = services.ledger.location
    except LedgerUnavailable as error:
        remedy = (
            "start the database, or correct ledger.url; the user must own the schema, to bring it up to date"
        )
        return [problem(CHECK, "database", str(error), remedy)]
    except SettingsError as error:
        return [problem(CHECK, "database", str(error), "correct ledger.url")]
    except ImportError as error:
        remedy = "install the driver: pip install 'ingest-project[postgres]'"
        return [problem(CHECK, "database", f"no driver for the database: {error}", remedy)]
    return [ok(CHECK, "database", f"{location}, schema version {newest_revision()}")]
