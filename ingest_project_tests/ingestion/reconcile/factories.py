"""Reconciles sales.orders of a landing zone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ingest_project.ingestion.reconcile.reconcile import Listing, Wanted
from ingest_project.ingestion.reconcile.result import OnProgress, Reconciled, ignore_progress
from ingest_project.ingestion.reconcile.scope import scope_of
from ingest_project.ledger.ledger import Ledger
from ingest_project.ledger.listed_write import ListedWrite, Standing
from ingest_project.ledger.tables import object_versions
from ingest_project.settings.model import OnOverwrite
from ingest_project_tests.factories import ORDERS, QUEUE, Zone
from ingest_project_tests.faults import Hook, go_on
from ingest_project_tests.landing import BUCKET

NO_GRACE = timedelta()


class HookedLedger(Ledger):
    """Another connection to a zone's ledger, with something that happens before it is asked, or claims."""

    def __init__(self, zone: Zone, *, before_look: Hook = go_on, before_claim: Hook = go_on) -> None:
        super().__init__(zone.services.settings.ledger.url)
        self._before_look = before_look
        self._before_claim = before_claim

    def standings(self, policy: OnOverwrite, listed: Sequence[ListedWrite]) -> list[Standing]:
        self._before_look()
        return super().standings(policy, listed)

    def claim_listed(
        self, queue: str, policy: OnOverwrite, listed: Sequence[ListedWrite], *, for_job: str | None = None
    ) -> int:
        self._before_claim()
        return super().claim_listed(queue, policy, listed, for_job=for_job)


def reconcile(
    zone: Zone,
    *,
    enqueue: bool = False,
    listing: Listing | None = None,
    on_progress: OnProgress = ignore_progress,
    patience: timedelta | None = timedelta(),
    queue: dict[str, Any] | None = None,
    ledger: Ledger | None = None,
    **scope: Any,
) -> Reconciled:
    """One reconciliation; objects count from the moment they are put, unless `grace` is given."""
    services = zone.services
    table = services.settings.table(ORDERS)
    # LastModified is in whole seconds, so what was put in this second may seem to be from its start.
    wanted = Wanted(scope_of(table, **{"grace": NO_GRACE, **scope}), listing, enqueue, patience)
    settings = services.settings.queue(QUEUE).model_copy(update=queue or {})
    used = services.reconcile if ledger is None else replace(services.reconcile, ledger=ledger)
    return used.run(table, settings, wanted, on_progress)


def found(result: Reconciled) -> dict[str, list[str]]:
    """The names of the objects of each finding, `a` of `orders/dt=.../a.ndjson`, sorted."""
    names: dict[str, list[str]] = {}
    for one in result.examples:
        name = one.uri.removeprefix(f"s3://{BUCKET}/").rpartition("/")[2].removesuffix(".ndjson")
        names.setdefault(one.finding.value, []).append(name)
    for finding, count in result.found.items():
        assert len(names[finding.value]) == min(count, 10)
    return {finding: sorted(of_it) for finding, of_it in names.items()}


def forget(zone: Zone, key: str) -> None:
    """Make the ledger as if it had never known this key."""
    engine = sa.create_engine(zone.services.settings.ledger.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.delete(object_versions).where(object_versions.c.key == key))


def age(zone: Zone, by: timedelta) -> None:
    """Move the times of all versions that the ledger knows into the past."""
    engine = sa.create_engine(zone.services.settings.ledger.url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for object_id, event_time in list(
            connection.execute(sa.select(object_versions.c.object_id, object_versions.c.event_time))
        ):
            connection.execute(
                sa.update(object_versions)
                .where(object_versions.c.object_id == object_id)
                .values(event_time=event_time - by)
            )


def later(seconds: float = 0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
