"""Holds ingest.yaml against the real world before anything is ingested, each part of it by itself."""

import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from ingest_project.check.buckets import check_bucket
from ingest_project.check.credentials import check_credentials
from ingest_project.check.dagster_home import check_dagster_home
from ingest_project.check.finding import Finding, ok, problem
from ingest_project.check.ledger import check_ledger
from ingest_project.check.queues import check_queue
from ingest_project.check.tables import check_tables
from ingest_project.services import Services

WORKERS = 8
"""Checks at once: an endpoint that does not answer takes up to half a minute to say so."""

Check = Callable[[], list[Finding]]


def run_checks(services: Services) -> list[Finding]:
    """What every check found, in the order of the settings; the settings themselves are loaded, hence sound.

    Reads only, but for two things that every process of this project does when it starts: the ledger's schema is
    brought up to date, and a SQL catalog gets its tables. Nothing that was found holds a secret.
    """
    settings = services.settings
    checks: dict[str, Check] = {"credentials": partial(check_credentials, services)}
    for queue in settings.queues:
        checks[f"queue {queue.name}"] = partial(check_queue, services, queue)
    for bucket in dict.fromkeys(table.bucket for table in settings.tables):
        checks[f"bucket {bucket}"] = partial(check_bucket, services, bucket)
    checks["ledger"] = partial(check_ledger, services)
    checks["catalog"] = partial(check_tables, services)
    checks["dagster_home"] = check_dagster_home
    return [_check_settings(services), *_run(checks)]


def _check_settings(services: Services) -> Finding:
    settings = services.settings
    counts = f"{len(settings.queues)} queue(s), {len(settings.tables)} table(s); no two routes overlap"
    return ok("settings", str(settings.base_dir), counts)


def _run(checks: Mapping[str, Check]) -> list[Finding]:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="check")
    try:
        found = pool.map(_survived, checks.keys(), checks.values())
        return [finding for findings in found for finding in findings]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # Ctrl-C does not wait for what does not answer


def _survived(subject: str, check: Check) -> list[Finding]:
    """A check's findings; one that breaks must not take the others' with it."""
    try:
        return check()
    except Exception as error:
        # The place instead of the words: those may quote a URL or a property with a password in it.
        place = traceback.extract_tb(error.__traceback__)[-1]
        said = f"could not be checked: {type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        return [problem("internal", subject, said, "see that its settings are right; if so, report this")]
