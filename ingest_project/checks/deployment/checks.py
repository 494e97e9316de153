"""Compares ingest.yaml with AWS, the ledger and the catalog; each check runs independently."""

import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ingest_project.checks.deployment.after import check_after
from ingest_project.checks.deployment.buckets import check_bucket, check_unused
from ingest_project.checks.deployment.credentials import check_credentials
from ingest_project.checks.deployment.dagster_home import check_dagster_home
from ingest_project.checks.deployment.endpoints import check_endpoints
from ingest_project.checks.deployment.finding import Finding, ok, problem
from ingest_project.checks.deployment.jobs import check_jobs
from ingest_project.checks.deployment.ledger import check_ledger
from ingest_project.checks.deployment.queues import check_queue
from ingest_project.checks.deployment.reconcile import check_reconcile
from ingest_project.checks.deployment.tables import check_tables
from ingest_project.services import Services
from ingest_project.settings.wording import plural

WORKERS = 8
"""Concurrent checks: an endpoint that does not answer may take half a minute."""

Check = Callable[[], list[Finding]]


def run_checks(services: Services) -> list[Finding]:
    """The findings of every check, in the order of the settings; the settings are loaded, so they are valid.

    Only reads, except for two things that every process of this project does when it starts: it upgrades the
    ledger's schema, and creates the tables of a SQL catalog. Findings do not contain secrets.
    """
    settings = services.settings
    checks: dict[str, Check] = {"credentials": partial(check_credentials, services)}
    for queue in settings.queues:
        checks[f"queue {queue.name}"] = partial(check_queue, services, queue)
    for bucket in dict.fromkeys(one.bucket for one in settings.tables if not one.is_of_messages):
        checks[f"bucket {bucket}"] = partial(check_bucket, services, bucket)
    checks["unused buckets"] = partial(check_unused, services)
    for table in settings.tables:
        checks[f"after {table.name}"] = partial(check_after, services, table)
        checks[f"reconcile {table.name}"] = partial(check_reconcile, services, table)
    checks["jobs"] = partial(check_jobs, services)
    checks["endpoints"] = partial(check_endpoints, services)
    checks["ledger"] = partial(check_ledger, services)
    checks["catalog"] = partial(check_tables, services)
    checks["dagster_home"] = check_dagster_home
    return [_check_settings(services), *_run(checks)]


def _check_settings(services: Services) -> Finding:
    settings = services.settings
    counts = (
        f"{plural(len(settings.queues), 'queue')}, {plural(len(settings.tables), 'table')}; no two routes "
        "overlap"
    )
    return ok("settings", str(settings.base_dir), counts)


def _run(checks: Mapping[str, Check]) -> list[Finding]:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="check")
    try:
        found = pool.map(_survived, checks.keys(), checks.values())
        return [finding for findings in found for finding in findings]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for what does not answer


def _survived(subject: str, check: Check) -> list[Finding]:
    """A check's findings. If it raises, that is a finding, so that the other checks are not affected."""
    try:
        return check()
    except Exception as error:  # of any library: the other checks must run nevertheless
        # The place instead of the message, which may quote a URL or a property with a password in it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"could not be checked: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        return [problem("internal", subject, said, "check its settings; if they are right, report this")]
