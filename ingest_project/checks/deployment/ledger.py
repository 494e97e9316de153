"""Checks the ledger, which makes "exactly once" true: it opens, and its schema is this version's.

A ledger that is missing is not created: it would hide that there was one, which is then to be recovered.
"""

from ingest_project.checks.deployment.finding import Finding, ok, problem
from ingest_project.errors import LedgerAbsent, LedgerUnavailable, SettingsError
from ingest_project.ledger.schema_version import newest_revision
from ingest_project.services import Services

CHECK = "ledger"
OWNER = "the user must own the schema, to bring it up to date"


def check_ledger(services: Services) -> list[Finding]:
    """Whether the ledger can be used. Opening it brings its schema up to date, here as in every process."""
    try:
        location = services.existing_ledger().location
    except LedgerAbsent as absent:
        return [_absent(services, absent)]
    except LedgerUnavailable as error:
        remedy = f"start the database, or correct ledger.url; {OWNER}"
        return [problem(CHECK, "database", str(error), remedy)]
    except SettingsError as error:
        return [problem(CHECK, "database", str(error), "correct ledger.url")]
    except ImportError as error:
        remedy = "install the driver: pip install 'ingest-project[postgres]'"
        return [problem(CHECK, "database", f"no driver for the database: {error}", remedy)]
    return [ok(CHECK, "database", f"{location}, schema version {newest_revision()}")]


def _absent(services: Services, absent: LedgerAbsent) -> Finding:
    if not services.may_create_ledger():
        remedy = f"let the user create it there, or correct ledger.url; {OWNER}"
        return problem(
            CHECK, "database", f"there is no ledger at {absent.location}, and none may be created", remedy
        )
    message = (
        f"there is no ledger yet at {absent.location}: the first tick of a sensor creates it. If files were "
        "ingested before, it was removed, or ledger.url names another one: put it back, or run "
        "`ingest ledger recover`"
    )
    return ok(CHECK, "database", message)
